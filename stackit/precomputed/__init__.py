"""Predictions made elsewhere, as estimators that look rows up by id instead of learning."""

from stackit.precomputed.checks import check_given, warn_of_in_sample
from stackit.precomputed.estimators import Given, GivenClassifier, GivenRegressor
from stackit.precomputed.table import Predictions
from stackit.precomputed.write import save_predictions

__all__ = [
    "Given",
    "GivenClassifier",
    "GivenRegressor",
    "Predictions",
    "check_given",
    "save_predictions",
    "warn_of_in_sample",
]
