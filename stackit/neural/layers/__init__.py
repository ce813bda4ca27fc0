"""Layers of several networks at once."""

__all__: list[str] = []
