"""The likelihoods of rows under the normal distributions of all folds' classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.batched_fits.moments import EPS
from stackit.batched_fits.scaling import ScaledColumns

__all__ = ["GaussianParams", "is_accurate", "log_likelihoods"]

MAX_SQUARE = 1e5
"""Columns with a squared deviation above this many variances are not expanded into a product."""
BLOCK = 1 << 17
"""How many numbers of a table are processed at a time: they stay in the processor's cache."""
MAX_ROUNDING = 2e-10
"""How inexact a log-likelihood may be."""


@dataclass(frozen=True, eq=False)
class GaussianParams:
    """The classes of one fold, normal in each column, for the table as it is before a scaler.

    ``log_prior`` is (C,), ``mean`` and ``variance`` are (C, d). ``offset`` says how many deviations from 0
    the means are at most: rounding errors are in proportion to it.
    """

    log_prior: Floats
    mean: Floats
    variance: Floats
    offset: float

    @classmethod
    def of(cls, fitted: Any, offset: float, X: Floats | ScaledColumns) -> GaussianParams:
        """Return those of a GaussianNB fitted on columns of X."""
        mean, variance, log_prior = fitted.theta_, fitted.var_, np.log(fitted.class_prior_)
        if isinstance(X, ScaledColumns):
            mean, variance = mean * X.scale + X.shift, variance * X.scale**2
        return cls(log_prior, mean, variance, offset)


def log_likelihoods(X: Floats, center: Floats, params: list[GaussianParams]) -> Iterator[Floats]:
    """Yield the (m, C) joint log-likelihoods of each fold, but for a number that a scaler adds.

    ``log prior - (sum(log(2 pi var)) + sum((x - mean)^2 / var)) / 2``. The square is expanded about
    `center`, a point in the middle of the rows, into products of x^2 and x with tables of all folds'
    classes. Columns with terms so large that digits could cancel are summed as they are.
    """
    means = np.concatenate([fold.mean for fold in params])
    variances = np.concatenate([fold.variance for fold in params])
    far = np.maximum(X.max(axis=0, initial=-np.inf) - center, center - X.min(axis=0, initial=np.inf))
    plain = np.maximum(far, np.abs(means - center).max(axis=0)) ** 2 > MAX_SQUARE * variances.min(axis=0)
    precision = np.where(plain, 0.0, 1 / variances)
    shifted = means - center
    offset = np.log(2 * np.pi * variances).sum(axis=1) + (shifted**2 * precision).sum(axis=1)
    scores = np.empty((len(X), len(means)))
    size = max(1, BLOCK // X.shape[1])
    for start in range(0, len(X), size):
        rows = slice(start, start + size)
        block = X[rows] - center
        scores[rows] = (block**2) @ precision.T - 2 * block @ (shifted * precision).T + offset
        scores[rows] += _squares(X[rows, plain], means[:, plain], variances[:, plain])
    ends = np.cumsum([len(fold.mean) for fold in params])[:-1]
    for fold, table in zip(params, np.split(scores, ends, axis=1), strict=True):
        yield fold.log_prior - 0.5 * table


def is_accurate(scores: Floats, params: GaussianParams) -> bool:
    """Whether (m, C) log-likelihoods are exact enough for probabilities, in all rows.

    At D deviations from the likeliest class, the terms of a sum are rounded by D^2 units of the last digit,
    and by D * offset through its means. Other classes' terms are larger only where these are impossible.
    """
    if not len(scores):
        return True
    logarithms = np.log(2 * np.pi * params.variance).sum(axis=1).min()
    farthest = max(-2 * float(scores.max(axis=1).min()) - float(logarithms), 0.0)
    return bool(EPS * (farthest + params.offset * np.sqrt(farthest)) < MAX_ROUNDING)


def _squares(X: Floats, means: Floats, variances: Floats) -> Floats:
    """Return the (m, C) sums of ``(x - mean)^2 / var``."""
    table = np.zeros((len(X), len(means)))
    for number, (mean, variance) in enumerate(zip(means, variances, strict=True)):
        table[:, number] = np.square(X - mean) @ (1 / variance)
    return table
