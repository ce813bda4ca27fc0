"""Wrappers and rules for classifiers that cannot be given every label."""

__all__: list[str] = []
