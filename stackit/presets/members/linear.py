"""Linear members: logistic and ridge regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline

from stackit.presets.member import Member
from stackit.presets.shape import TableShape
from stackit.tables import ScaledPreparation

__all__ = ["LINEAR", "MEMBERS"]


def make_linear(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return ridge regression with the penalty of the least leave-one-out error, or logistic regression."""
    if shape.is_regression:
        model: Any = RidgeCV(alphas=np.logspace(-1, 4, 11))
    else:
        model = LogisticRegression(C=0.3, max_iter=200)
    return Pipeline([("prepare", ScaledPreparation(shape.target)), ("model", model)])


LINEAR = Member(
    "linear",
    "linear",
    make_linear,
    "logistic regression with C=0.3; ridge regression with the alpha of the least leave-one-out error",
    "C of the grid in AutoGluon's and TabArena's linear models",
)
MEMBERS = (LINEAR,)
