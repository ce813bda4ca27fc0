"""Early stopping on validation rows taken from the training part of each fold."""

from stackit.estimators.early_stopping.fitting import ValidationSet, fit_with_validation, needs_encoded_labels
from stackit.estimators.early_stopping.plan import EarlyStopping, EarlyStoppingPlan, check_reach

__all__ = [
    "EarlyStopping",
    "EarlyStoppingPlan",
    "ValidationSet",
    "check_reach",
    "fit_with_validation",
    "needs_encoded_labels",
]
