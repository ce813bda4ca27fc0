"""Batch normalisation as functions."""

__all__: list[str] = []
