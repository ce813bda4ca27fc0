"""The House Prices stack."""
