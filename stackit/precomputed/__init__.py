"""Predictions made elsewhere, as estimators that look rows up by id instead of learning."""

from stackit.precomputed.checks import check_precomputed, warn_of_in_sample
from stackit.precomputed.estimators import Precomputed, PrecomputedClassifier, PrecomputedRegressor
from stackit.precomputed.table import Predictions
from stackit.precomputed.write import save_predictions

__all__ = [
    "Precomputed",
    "PrecomputedClassifier",
    "PrecomputedRegressor",
    "Predictions",
    "check_precomputed",
    "save_predictions",
    "warn_of_in_sample",
]
