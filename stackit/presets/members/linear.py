"""The linear member: logistic or ridge regression, with a penalty chosen on the rows it is fitted on."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.tables import ScaledPreparation

__all__ = ["LINEAR", "MEMBERS"]

PENALTIES = (0.03, 0.3, 3.0)
MANY_ROWS = 20_000  # of which one random fifth is enough to choose a penalty
# Of scikit-learn 1.8 and later, where their defaults warn.
MODERN = {"use_legacy_attributes": False, "l1_ratios": (0.0,)}


def make_linear(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return ridge regression with the penalty of the least leave-one-out error, or logistic regression."""
    if shape.is_regression:
        model: Any = RidgeCV(alphas=np.logspace(-1, 4, 11))
    else:
        model = logistic_regression(1 if shape.n_rows > MANY_ROWS else 3)
    return Pipeline([("prepare", ScaledPreparation(shape.target)), ("model", model)])


def logistic_regression(n_fifths: int) -> LogisticRegressionCV:
    """Return logistic regression with the penalty of the least log loss on random fifths of the rows.

    Unlike stratified folds, random fifths also work where a class has one row.
    """
    known = signature(LogisticRegressionCV).parameters
    modern = MODERN if "use_legacy_attributes" in known else {}
    fifths = ShuffleSplit(n_fifths, test_size=0.2, random_state=0)
    return LogisticRegressionCV(
        Cs=PENALTIES, cv=fifths, scoring="neg_log_loss", tol=1e-3, max_iter=1000, **modern
    )


LINEAR = Member(
    "linear",
    "linear",
    make_linear,
    "logistic regression, C of 0.03, 0.3 or 3 by log loss on random fifths; ridge regression, alpha from 0.1 "
    "to 10000 by its leave-one-out error",
    "the grid of C spans what AutoGluon's and TabArena's linear models choose; scikit-learn",
)
MEMBERS = (LINEAR,)
