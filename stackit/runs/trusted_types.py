"""The types in the files of presets that a loaded stack may have: a list in this code, never in a file."""

from __future__ import annotations

__all__ = ["TRUSTED_TYPES"]

# Besides those of stackit and those that skops trusts: what fitted members of the presets consist of.
TRUSTED_TYPES = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "sklearn.model_selection._split.ShuffleSplit",
    "sklearn.tree._tree.Tree",
)
