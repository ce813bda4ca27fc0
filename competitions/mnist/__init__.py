"""The digits of MNIST: two batch-normalised networks and trees, stacked."""
