"""Shrunk covariance matrices from class moments, as scikit-learn's discriminant analyses use them."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.batched_fits.scaling import ScaledColumns, with_shift

__all__ = ["is_accurate_variance", "ledoit_wolf", "shrink", "shrunk"]

MAX_OFFSET = 1e4
"""Means further than this many deviations from 0 make the deviations themselves uncertain."""


def is_accurate_variance(mean: Floats, variance: Floats, X: Floats | ScaledColumns) -> bool:
    """Whether the (d,) or (C, d) variances of columns of X consist of more than rounding errors.

    They do not where means are large (the scaler's too), or where a column is constant, unless it is a whole
    number (as a rule 0): then mean and variance are exact.
    """
    means = with_shift(mean, X)
    exact = (variance == 0) & (means == np.rint(means))
    return bool((exact | (np.abs(means) <= MAX_OFFSET * np.sqrt(variance))).all())


def shrink(
    covariance: Floats, shrinkage: Any, X: Floats | ScaledColumns, rows: Rows, mean: Floats
) -> Floats | None:
    """Return the covariance of rows of X, shrunk as the parameter says; None where that is uncertain."""
    if shrinkage is None:
        return covariance
    if shrinkage != "auto":
        return shrunk(covariance, shrinkage)
    if not is_accurate_variance(mean, np.diag(covariance), X):
        return None
    return ledoit_wolf(X[rows], mean, covariance)


def shrunk(covariance: Floats, shrinkage: float) -> Floats:
    """Return ``(1 - shrinkage) * covariance + shrinkage * mu * I``, mu the mean variance."""
    result = (1.0 - shrinkage) * covariance
    result.flat[:: len(covariance) + 1] += shrinkage * np.trace(covariance) / len(covariance)
    return result


def ledoit_wolf(rows: Floats, mean: Floats, covariance: Floats) -> Floats | None:
    """Return the covariance shrunk by the formula of Ledoit and Wolf (2004, lemma 3.1), on scaled columns.

    Columns are scaled to variance 1 before and back after. With R the (d, d) correlation matrix, mu the
    mean of its diagonal and ``r_i`` the squared norm of scaled row i, the intensity is
    ``min(b, a) / a``, ``a = (|R|^2 - d * mu^2) / d`` and ``b = (mean(r^2) - |R|^2) / (n * d)``. None where
    it is a ratio of rounding errors.
    """
    n, d = rows.shape
    if d == 1:
        return covariance
    variance = np.diag(covariance)
    scale = np.where(variance > 0, np.sqrt(variance), 1.0)
    correlation = covariance / scale / scale[:, None]
    norms = np.einsum("ij,ij->i", *[(rows - mean) / scale] * 2)
    total = float(np.vdot(correlation, correlation))
    mu = float(np.trace(correlation)) / d
    a = total / d - mu**2
    b = (float(norms @ norms) / n - total) / (n * d)
    if max(a, b) < 1e-6 * mu**2:
        return None
    return shrunk(correlation, 1.0 if b >= a else b / a) * scale * scale[:, None]
