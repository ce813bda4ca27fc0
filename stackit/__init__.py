"""Leak-safe, multi-level stacking ensembles for scikit-learn compatible estimators."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackit.assess import (
        average_or_refit,
        compare,
        diversity,
        gain,
        nested_score,
        overfitting_alarm,
        shapley,
    )
    from stackit.folds import Folds, make_folds
    from stackit.given import GivenClassifier, GivenRegressor, save_predictions
    from stackit.levels import Level, LevelsClassifier, LevelsRegressor
    from stackit.oof import out_of_fold
    from stackit.result import OutOfFold
    from stackit.stacking import StackingClassifier, StackingRegressor
    from stackit.store import DiskStore, MemoryStore

__all__ = [
    "DiskStore",
    "Folds",
    "GivenClassifier",
    "GivenRegressor",
    "Level",
    "LevelsClassifier",
    "LevelsRegressor",
    "MemoryStore",
    "OutOfFold",
    "StackingClassifier",
    "StackingRegressor",
    "average_or_refit",
    "compare",
    "diversity",
    "gain",
    "make_folds",
    "nested_score",
    "out_of_fold",
    "overfitting_alarm",
    "save_predictions",
    "shapley",
]
__version__ = "0.1.0"

_ROOM_OF = {
    "DiskStore": "store",
    "Folds": "folds",
    "GivenClassifier": "given",
    "GivenRegressor": "given",
    "Level": "levels",
    "LevelsClassifier": "levels",
    "LevelsRegressor": "levels",
    "MemoryStore": "store",
    "OutOfFold": "result",
    "StackingClassifier": "stacking",
    "StackingRegressor": "stacking",
    "average_or_refit": "assess",
    "compare": "assess",
    "diversity": "assess",
    "gain": "assess",
    "make_folds": "folds",
    "nested_score": "assess",
    "out_of_fold": "oof",
    "overfitting_alarm": "assess",
    "save_predictions": "given",
    "shapley": "assess",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `import stackit` itself costs nothing."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'stackit' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"stackit.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
