"""Kernel methods on all folds, from one matrix of products of rows."""

__all__: list[str] = []
