"""Networks as they were published, in plain torch, with random weights."""
