"""The Otto three-level stack."""
