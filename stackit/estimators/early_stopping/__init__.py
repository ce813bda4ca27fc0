"""Honest early stopping: which rows of a training part are watched, and who is shown them."""

from stackit.estimators.early_stopping.fitting import Watched, fit, wants_codes
from stackit.estimators.early_stopping.plan import EarlyStopping, Plan, check_reach

__all__ = ["EarlyStopping", "Plan", "Watched", "check_reach", "fit", "wants_codes"]
