"""Linear models on all folds, from shared moments."""

__all__: list[str] = []
