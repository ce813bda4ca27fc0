"""Honest early stopping: which rows of a training part are watched, and who is shown them."""

from stackit.stopping.plan import EarlyStopping, Plan, check_reach
from stackit.stopping.told import Watched, fit, wants_codes

__all__ = ["EarlyStopping", "Plan", "Watched", "check_reach", "fit", "wants_codes"]
