"""Photographs: reading, decoding, batching, and a cache of their codes."""

__all__: list[str] = []
