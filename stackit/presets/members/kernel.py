"""The kernel member: logistic regression on a low-rank map of an RBF kernel, or a support vector machine."""

from __future__ import annotations

from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.tables import ScaledPreparation

__all__ = ["KERNEL", "MEMBERS"]

MOST_ROWS_OF_SVR, MOST_ROWS = 4_000, 20_000
LANDMARKS = 400


def make_kernel(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return a support vector machine for numbers; for classes logistic regression on a Nystroem map.

    Logistic regression has probabilities that need no calibration inside each fold.
    """
    scaled = ("prepare", ScaledPreparation(shape.target))
    if shape.is_regression:
        svr = TransformedTargetRegressor(SVR(C=10.0, epsilon=0.05), transformer=StandardScaler())
        return Pipeline([scaled, ("model", svr)])
    n_landmarks = max(1, min(LANDMARKS, shape.n_rows // 3))  # a fold may have half of the rows
    kernel = Nystroem(n_components=n_landmarks, random_state=0)
    logistic = LogisticRegression(C=10.0, tol=1e-3, max_iter=1000)
    return Pipeline([scaled, ("kernel", kernel), ("model", logistic)])


def unsuitable(shape: TableShape) -> str | None:
    """Say why a table is too large for the kernel."""
    most = MOST_ROWS_OF_SVR if shape.is_regression else MOST_ROWS
    return f"the table has more than {most} rows" if shape.n_rows > most else None


KERNEL = Member(
    "kernel",
    "kernel",
    make_kernel,
    "RBF kernel: logistic regression with C=10 on a Nystroem map of 400 rows; SVR with C=10, epsilon=0.05",
    "Williams and Seeger (2001), NIPS 13; C measured on five tables",
    unsuitable=unsuitable,
    calibrated=True,
)
MEMBERS = (KERNEL,)
