"""Label encoding for classifiers that accept only the labels 0, 1, 2, ..., or more than one class."""

__all__: list[str] = []
