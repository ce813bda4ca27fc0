"""Linear least squares on all folds."""

__all__: list[str] = []
