"""Kernel machines on all folds, from one kernel matrix."""

__all__: list[str] = []
