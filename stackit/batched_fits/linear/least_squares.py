"""A penalised least-squares problem on all folds, and its solutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from stackit.arrays import Floats, Rows
from stackit.batched_fits.scaling import Scaling

__all__ = ["SMALLEST_CONDITION", "LeastSquares", "LinearSolution", "LinearSolutions"]

SMALLEST_CONDITION = 1e-8
"""Systems with a smaller reciprocal condition are declined: two ways to solve them would differ."""


@dataclass(frozen=True, eq=False)
class LeastSquares:
    r"""Minimise :math:`\sum_i w_i (y_i - b - x_i^T \beta)^2 + \alpha \|\beta\|^2` for each target and split.

    ``X`` is (n, d), ``Y`` (n, t), and ``alpha`` (t,) has one penalty per target. ``weight`` holds the (n,)
    weights of the rows. With ``balanced``, (n,) class numbers, the rows of a class are weighted by
    n_train / (n_classes * n_train_of_the_class). A scaling changes the columns of X first.
    """

    X: npt.NDArray[Any]
    Y: Floats
    alpha: Floats
    has_intercept: bool
    weight: Floats | None = None
    balanced: Rows | None = None
    scaling: Scaling | None = None


@dataclass(frozen=True, eq=False)
class LinearSolution:
    """The (d, t) coefficients and (t,) intercepts of one split, for the columns as they are after scaling.

    ``singular`` are the (d,) singular values of the centred and weighted table, where they are known.
    """

    coef: Floats
    intercept: Floats
    singular: Floats | None = None


@dataclass(frozen=True, eq=False)
class LinearSolutions:
    """The solutions of all splits, and the (n_held_out, t) predictions of each for its held-out rows."""

    of_splits: list[LinearSolution]
    held_out: list[Floats]
