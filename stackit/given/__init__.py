"""Predictions made elsewhere, as estimators that look rows up by id instead of learning."""

from stackit.given.checks import check_given, warn_of_in_sample
from stackit.given.estimators import Given, GivenClassifier, GivenRegressor
from stackit.given.predictions import Predictions
from stackit.given.write import save_predictions

__all__ = [
    "Given",
    "GivenClassifier",
    "GivenRegressor",
    "Predictions",
    "check_given",
    "save_predictions",
    "warn_of_in_sample",
]
