"""Columns generated from others: arithmetic of numbers, target means of categories and pairs, group means."""

from stackit.tables.generated.features import GeneratedFeatures

__all__ = ["GeneratedFeatures"]
