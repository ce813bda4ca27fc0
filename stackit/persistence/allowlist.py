"""The classes of stackit that a file may name, and in which room each is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from stackit.validation import invalid_value

__all__ = ["is_net", "is_own", "kind_of"]

COMBINERS = "Convex Geometric Greedy HillClimb Mean NonNegative Rank"
# By name, since a file has names, and since rooms further right are not known here.
ROOMS = {
    "stackit.combine": [
        *(f"{stem}{kind}" for stem in COMBINERS.split() for kind in ("Classifier", "Regressor")),
        *("IsotonicClassifier", "LogisticClassifier", "TemperatureClassifier"),
    ],
    "stackit.folds": ["Folds"],
    "stackit.precomputed": ["PrecomputedClassifier", "PrecomputedRegressor"],
    "stackit.precomputed.table": ["Predictions"],
    "stackit.images": ["CNNCodes", "Preprocessing", "PretrainedNetwork"],
    "stackit.results.placeholders": ["Placeholder"],
    "stackit.estimators.label_encoding.wrappers": ["ConstantClassifier", "LabelEncodedClassifier"],
    "stackit.ensemble": [
        *("Level", "LevelsClassifier", "LevelsRegressor"),
        *("StackingClassifier", "StackingRegressor"),
    ],
    "stackit.ensemble.fitted": ["FittedLevel", "NestedLevel"],
    "stackit.neural": ["BatchNormConvNetClassifier", "BatchNormMLPClassifier", "BatchNormMLPRegressor"],
    "stackit.estimators.prediction": ["PredictionSpec"],
    "stackit.results.estimator_result": ["EstimatorResult"],
    "stackit.results.oof": ["OutOfFold"],
    "stackit.arrays.schema": ["TableSchema"],
    "stackit.estimators.seeds": ["ShuffledFolds"],
    "stackit.target": ["Target", "TargetType"],
}
ROOM_OF = {name: room for room, names in ROOMS.items() for name in names}


def is_own(value: Any) -> bool:
    """Whether an object is of a class that a file may name.

    Examples
    --------
    >>> from stackit.combine import MeanClassifier
    >>> is_own(MeanClassifier()), is_own("MeanClassifier")
    (True, False)
    """
    kind = type(value)
    return kind.__module__.startswith("stackit.") and ROOM_OF.get(kind.__name__, "?") in kind.__module__


def is_net(value: Any) -> bool:
    """Whether an object has weights that are tensors, fitted or not: it has a file of its own.

    Examples
    --------
    >>> from stackit.combine import MeanClassifier
    >>> is_net(MeanClassifier())
    False
    """
    module, name = type(value).__module__, type(value).__name__
    return is_own(value) and (module.startswith("stackit.neural.") or name == "PretrainedNetwork")


def kind_of(name: str) -> Any:
    """Return the class of a name in a file.

    Raises
    ------
    ValueError
        When a file must not name it.

    Examples
    --------
    >>> kind_of("Folds").__name__
    'Folds'
    """
    if name not in ROOM_OF:
        raise invalid_value(
            "Kinds in the file", "those that `save` writes", f"kind={name!r}", "Pass another file"
        )
    return getattr(import_module(ROOM_OF[name]), name)
