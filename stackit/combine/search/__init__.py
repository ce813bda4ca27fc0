"""Searches for the weights that are best by a metric."""

__all__: list[str] = []
