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

SPREAD = 1e5
"""Columns with a squared deviation above this many variances are not expanded into a product."""
BLOCK = 1 << 17
"""How many numbers of a table are worked on at once: they stay in the processor's cache."""
ROUNDING = 2e-10
"""How inexact a log-likelihood may be."""


@dataclass(frozen=True, eq=False)
class GaussianParams:
    """The classes of one fold: normal in each column, for the table as it is before a scaler.

    Parameters
    ----------
    log_prior : (C,) array
        The logarithms of the classes' probabilities.
    mean, variance : (C, d) arrays
        Of the classes' columns.
    offset : float
        How many deviations from 0 the means are at most: what rounding errors are in proportion to.
    """

    log_prior: Floats
    mean: Floats
    variance: Floats
    offset: float

    @classmethod
    def of(cls, fitted: Any, offset: float, X: Floats | ScaledColumns) -> GaussianParams:
        """Return those of a fitted GaussianNB, and of the columns that it has seen."""
        mean, variance, log_prior = fitted.theta_, fitted.var_, np.log(fitted.class_prior_)
        if isinstance(X, ScaledColumns):
            mean, variance = mean * X.scale + X.shift, variance * X.scale**2
        return cls(log_prior, mean, variance, offset)


def log_likelihoods(X: Floats, center: Floats, bells: list[GaussianParams]) -> Iterator[Floats]:
    """Yield the (m, C) joint log-likelihoods of each fold, but for a number that a scaler adds.

    ``log prior - (sum(log(2 pi var)) + sum((x - mean)^2 / var)) / 2``. The square is expanded about
    `center` into products of x^2 and x with tables of all folds' classes, but for columns whose terms
    could be so large that digits cancel: these are summed as they stand.

    Parameters
    ----------
    X : (m, d) array
        The rows.
    center : (d,) array
        A point in their middle.
    bells : list of Bells
        The classes of each fold.

    Examples
    --------
    >>> bells = GaussianParams(np.log([0.5, 0.5]), np.array([[0.0], [2.0]]), np.ones((2, 1)), 2.0)
    >>> next(log_likelihoods(np.array([[0.0]]), np.array([1.0]), [bells])).round(3).tolist()
    [[-1.612, -3.612]]
    """
    means, variances = (
        np.concatenate([getattr(one, name) for one in bells]) for name in ("mean", "variance")
    )
    far = np.maximum(X.max(axis=0, initial=-np.inf) - center, center - X.min(axis=0, initial=np.inf))
    plain = np.maximum(far, np.abs(means - center).max(axis=0)) ** 2 > SPREAD * variances.min(axis=0)
    precision = np.where(plain, 0.0, 1 / variances)
    shifted = means - center
    offset = np.log(2 * np.pi * variances).sum(axis=1) + (shifted**2 * precision).sum(axis=1)
    scores = np.empty((len(X), len(means)))
    size = max(1, BLOCK // X.shape[1])
    for start in range(0, len(X), size):
        block = X[start : start + size] - center
        scores[start : start + size] = (block**2) @ precision.T - 2 * block @ (shifted * precision).T + offset
        scores[start : start + size] += _squares(
            X[start : start + size, plain], means[:, plain], variances[:, plain]
        )
    ends = np.cumsum([len(one.mean) for one in bells])[:-1]
    for one, table in zip(bells, np.split(scores, ends, axis=1), strict=True):
        yield one.log_prior - 0.5 * table


def is_accurate(scores: Floats, bells: GaussianParams) -> bool:
    """Whether log-likelihoods are so exact that probabilities are, in all rows.

    At D deviations from the likeliest class, the terms of a sum are rounded by D^2 units of the last digit,
    and by D * offset through its means. Other classes' terms are larger only where these have no chance.

    Parameters
    ----------
    scores : (m, C) array
        The log-likelihoods.
    bells : Bells
        The classes.

    Examples
    --------
    >>> bells = GaussianParams(np.log([0.5, 0.5]), np.array([[0.0], [2.0]]), np.ones((2, 1)), 2.0)
    >>> [is_accurate(np.array([[-3.0, -1.0], [-far, -far]]), bells) for far in (1e3, 1e8)]
    [True, False]
    """
    if not len(scores):
        return True
    logarithms = np.log(2 * np.pi * bells.variance).sum(axis=1).min()
    farthest = max(-2 * float(scores.max(axis=1).min()) - float(logarithms), 0.0)
    return bool(EPS * (farthest + bells.offset * np.sqrt(farthest)) < ROUNDING)


def _squares(X: Floats, means: Floats, variances: Floats) -> Floats:
    """Return the (m, C) sums of ``(x - mean)^2 / var``."""
    table = np.zeros((len(X), len(means)))
    for number, (mean, variance) in enumerate(zip(means, variances, strict=True)):
        table[:, number] = np.square(X - mean) @ (1 / variance)
    return table
