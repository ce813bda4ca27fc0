"""Honest early stopping: which rows of a training part are watched, and who is shown them."""

from stackit.estimators.early_stopping.fitting import ValidationSet, fit, needs_encoded_labels
from stackit.estimators.early_stopping.plan import EarlyStopping, EarlyStoppingPlan, check_reach

__all__ = [
    "EarlyStopping",
    "EarlyStoppingPlan",
    "ValidationSet",
    "check_reach",
    "fit",
    "needs_encoded_labels",
]
