"""Classifiers by the moments of each class, on all folds."""

__all__: list[str] = []
