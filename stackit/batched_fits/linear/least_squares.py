"""A penalised least-squares problem on all folds, and what solves it, whatever estimator asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from stackit.arrays import Floats, Rows
from stackit.batched_fits.scaling import Scaling

__all__ = ["RCOND", "LinearSolution", "LinearSolutions", "Problem", "positive_definite"]


RCOND = 1e-8
"""Systems with a smaller reciprocal condition are not shared: two ways to solve them would differ."""


@dataclass(frozen=True, eq=False)
class Problem:
    r"""Minimise :math:`\sum_i w_i (y_i - b - x_i^T \beta)^2 + \alpha \|\beta\|^2` for each target and split.

    Parameters
    ----------
    X : (n, d) array
        The table.
    Y : (n, t) array
        The targets.
    alpha : (t,) array
        The penalty of each target.
    intercept : bool
        Whether there is an intercept b.
    weight : (n,) array, optional
        The weights of the rows, not negative.
    balanced : (n,) array of int, optional
        Class numbers: the rows of a class are weighted by n_train / (n_classes * n_train_of_the_class).
    scaling : Scaling, optional
        What is done to the columns of X in each split first.
    """

    X: npt.NDArray[np.floating]
    Y: Floats
    alpha: Floats
    intercept: bool
    weight: Floats | None = None
    balanced: Rows | None = None
    scaling: Scaling | None = None


@dataclass(frozen=True, eq=False)
class LinearSolution:
    """The solution in one split, for the columns as they are after scaling.

    Parameters
    ----------
    coef : (d, t) array
        The coefficients.
    intercept : (t,) array
        The intercepts; zeros where there are none.
    singular : (d,) array, optional
        The singular values of the centred and weighted table, where they are known.
    """

    coef: Floats
    intercept: Floats
    singular: Floats | None = None


@dataclass(frozen=True, eq=False)
class LinearSolutions:
    """The solutions of all splits, and the (n_held_out, t) values of each at the rows that it holds out."""

    lines: list[LinearSolution]
    held_out: list[Floats]


def positive_definite(matrix: Floats) -> Floats | None:
    """Return the lower Cholesky factor of a symmetric matrix, which is lost; None if ill-conditioned.

    Parameters
    ----------
    matrix : (m, m) array, C-contiguous
        Overwritten.

    Returns
    -------
    (m, m) array in Fortran order, or None

    Examples
    --------
    >>> positive_definite(np.array([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    >>> positive_definite(np.ones((2, 2))) is None
    True
    """
    norm = float(np.linalg.norm(matrix, 1))
    factor, info = lapack.dpotrf(matrix.T, lower=1, clean=1, overwrite_a=1)
    if info or not np.isfinite(norm):
        return None
    rcond, _ = lapack.dpocon(factor, norm, uplo="L")
    return factor if rcond > RCOND else None
