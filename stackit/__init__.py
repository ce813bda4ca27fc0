"""Leak-safe, multi-level stacking ensembles for scikit-learn compatible estimators."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.assess import (
        average_or_refit,
        compare,
        diversity,
        gain,
        nested_score,
        on_trial,
        overfitting_alarm,
        shapley,
    )
    from stackit.engine import out_of_fold
    from stackit.ensemble import (
        Level,
        LevelsClassifier,
        LevelsRegressor,
        StackingClassifier,
        StackingRegressor,
    )
    from stackit.folds import Folds, make_folds
    from stackit.precomputed import PrecomputedClassifier, PrecomputedRegressor, save_predictions
    from stackit.presets import TabularStackClassifier, TabularStackRegressor
    from stackit.results import OutOfFold
    from stackit.store import DiskStore, MemoryStore

__all__ = [
    "DiskStore",
    "Folds",
    "Level",
    "LevelsClassifier",
    "LevelsRegressor",
    "MemoryStore",
    "OutOfFold",
    "PrecomputedClassifier",
    "PrecomputedRegressor",
    "StackingClassifier",
    "StackingRegressor",
    "TabularStackClassifier",
    "TabularStackRegressor",
    "average_or_refit",
    "compare",
    "diversity",
    "gain",
    "make_folds",
    "nested_score",
    "on_trial",
    "out_of_fold",
    "overfitting_alarm",
    "save_predictions",
    "shapley",
]
__version__ = "0.1.0"

__getattr__, __dir__, _ = lazy_names(
    "stackit",
    {
        "assess": [
            "average_or_refit",
            "compare",
            "diversity",
            "gain",
            "nested_score",
            "on_trial",
            "overfitting_alarm",
            "shapley",
        ],
        "engine": ["out_of_fold"],
        "ensemble": [
            "Level",
            "LevelsClassifier",
            "LevelsRegressor",
            "StackingClassifier",
            "StackingRegressor",
        ],
        "folds": ["Folds", "make_folds"],
        "precomputed": ["PrecomputedClassifier", "PrecomputedRegressor", "save_predictions"],
        "presets": ["TabularStackClassifier", "TabularStackRegressor"],
        "results": ["OutOfFold"],
        "store": ["DiskStore", "MemoryStore"],
    },
)
