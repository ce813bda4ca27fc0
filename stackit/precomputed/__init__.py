"""Predictions made elsewhere, as estimators that look them up by id."""

from stackit.precomputed.estimators import Precomputed, PrecomputedClassifier, PrecomputedRegressor
from stackit.precomputed.table import Predictions
from stackit.precomputed.write import save_predictions

__all__ = [
    "Precomputed",
    "PrecomputedClassifier",
    "PrecomputedRegressor",
    "Predictions",
    "save_predictions",
]
