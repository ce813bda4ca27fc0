"""Shrunk covariance matrices from class moments, as scikit-learn's discriminant analyses use them."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from stackit.arrays import Floats

__all__ = ["is_shrinkage", "is_well_conditioned", "ledoit_wolf", "shrunk"]

OFFSET = 1e4
"""Means further than this many deviations from 0 make the deviations themselves uncertain."""


def is_shrinkage(value: Any) -> bool:
    """Whether an estimator's parameter ``shrinkage`` is one that is known here.

    Examples
    --------
    >>> [is_shrinkage(value) for value in (None, "auto", 0.5, 2.0, True)]
    [True, True, True, False, False]
    """
    if value is None or isinstance(value, str):
        return value in (None, "auto")
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) <= 1


def is_well_conditioned(mean: Floats, variance: Floats) -> bool:
    """Whether variances are those of the data, not of rounding errors: no large offset, no odd constant.

    A column of one whole number (as a rule 0) has an exact mean and variance 0, and is steady.

    Parameters
    ----------
    mean : (C, d) array
        Means of classes.
    variance : (d,) or (C, d) array
        Variances within them.

    Examples
    --------
    >>> is_well_conditioned(np.array([[1.0, 0.0]]), np.array([4.0, 0.0]))
    True
    >>> is_well_conditioned(np.array([[1e9]]), np.array([1.0]))
    False
    """
    exact = (variance == 0) & (mean == np.rint(mean))
    return bool((exact | (np.abs(mean) <= OFFSET * np.sqrt(variance))).all())


def shrunk(covariance: Floats, shrinkage: float) -> Floats:
    """Return ``(1 - shrinkage) * covariance + shrinkage * mu * I``, mu the mean variance.

    Examples
    --------
    >>> shrunk(np.diag([1.0, 3.0]), 0.5).tolist()
    [[1.5, 0.0], [0.0, 2.5]]
    """
    result = (1.0 - shrinkage) * covariance
    result.flat[:: len(covariance) + 1] += shrinkage * np.trace(covariance) / len(covariance)
    return result


def ledoit_wolf(rows: Floats, mean: Floats, covariance: Floats) -> Floats | None:
    """Return the covariance shrunk by the formula of Ledoit and Wolf (2004, lemma 3.1), on scaled columns.

    Columns are scaled to variance 1 before and back after. With R the (d, d) correlation matrix, mu the
    mean of its diagonal and ``r_i`` the squared norm of scaled row i, the intensity is
    ``min(b, a) / a``, ``a = (|R|^2 - d * mu^2) / d`` and ``b = (mean(r^2) - |R|^2) / (n * d)``.

    Parameters
    ----------
    rows : (n, d) array
        What the covariance is of.
    mean : (d,) array
    covariance : (d, d) array
        Divided by n.

    Returns
    -------
    (d, d) array, or None when the intensity is a ratio of rounding errors.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [2.0, 2.0], [1.0, 0.0], [1.0, 2.0]])
    >>> ledoit_wolf(X, X.mean(axis=0), np.cov(X.T, bias=True)).round(3).tolist()
    [[0.5, 0.25], [0.25, 1.0]]
    """
    n, d = rows.shape
    variance = np.diag(covariance)
    scale = np.where(variance > 0, np.sqrt(variance), 1.0)
    correlation = covariance / scale / scale[:, None]
    if d == 1:
        return covariance
    norms = np.einsum("ij,ij->i", *[(rows - mean) / scale] * 2)
    total = float(np.vdot(correlation, correlation))
    mu = float(np.trace(correlation)) / d
    a = total / d - mu**2
    b = (float(norms @ norms) / n - total) / (n * d)
    if max(a, b) < 1e-6 * mu**2:
        return None
    return shrunk(correlation, 1.0 if b >= a else b / a) * scale * scale[:, None]
