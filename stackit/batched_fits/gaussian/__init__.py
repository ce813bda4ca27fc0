"""Classifiers by class moments on all folds."""

__all__: list[str] = []
