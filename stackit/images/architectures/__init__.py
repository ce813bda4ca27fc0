"""Networks as they were published, in plain torch, with random weights."""

__all__: list[str] = []
