"""Photographs read, decoded and batched."""

__all__: list[str] = []
