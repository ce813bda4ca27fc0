"""Layers and networks, several at once."""

__all__: list[str] = []
