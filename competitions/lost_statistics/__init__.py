"""The fault of the lost running statistics, on digits."""
