"""Combiners that search weights for any metric."""

__all__: list[str] = []
