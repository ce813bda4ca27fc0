"""The Bike Sharing stack, in the order of time."""
