"""Columns generated from others: arithmetic of numbers, target means of categories and pairs, group means."""

from stackit.tables.feature_generation.features import GeneratedFeatures

__all__ = ["GeneratedFeatures"]
