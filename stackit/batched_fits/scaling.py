"""What a scaler does to the columns in each split, from statistics of the held-out parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedRequest, BatchedResult
from stackit.batched_fits.moments import origin_of

__all__ = ["ScaledColumns", "ScaledFit", "Scaling", "fit_scalers", "tables_of", "with_shift"]


NEARLY_CONSTANT = 1e-7

ScaledFit = Callable[[Any, BatchedRequest, "Scaling | None"], BatchedResult | None]
"""A shared fit behind a scaler: the columns are scaled in each split, but answers are for X as it is."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """The columns become ``(X - shift) / scale``, with other numbers in each split.

    Parameters
    ----------
    shift, scale : (n_splits, d) arrays
        Zeros and ones where a scaler does not centre or divide.

    Examples
    --------
    >>> Scaling.of([StandardScaler().fit([[1.0], [5.0]])]).scale.tolist()
    [[2.0]]
    """

    shift: Floats
    scale: Floats

    @classmethod
    def of(cls, scalers: list[StandardScaler]) -> Scaling:
        """Return what fitted scalers do."""
        d = scalers[0].n_features_in_
        shifts = [scaler.mean_ if scaler.with_mean else np.zeros(d) for scaler in scalers]
        scales = [scaler.scale_ if scaler.with_std else np.ones(d) for scaler in scalers]
        return cls(np.array(shifts), np.array(scales))


@dataclass(frozen=True, eq=False)
class ScaledColumns:
    """A table as the scaler of one split hands it on; rows are scaled when they are taken.

    Parameters
    ----------
    X : (n, d) array of float64
        The table as it is.
    shift, scale : (d,) arrays
        What the scaler takes away from the columns, and what it divides them by.

    Examples
    --------
    >>> ScaledColumns(np.array([[1.0], [5.0]]), np.array([3.0]), np.array([2.0]))[[1, 0]].tolist()
    [[1.0], [-1.0]]
    """

    X: Floats
    shift: Floats
    scale: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """Those of the table."""
        return self.X.shape

    def __getitem__(self, rows: Rows) -> Floats:
        """Return a scaled copy of some rows."""
        taken = self.X[rows]
        taken -= self.shift
        taken /= self.scale
        return taken


def tables_of(X: Floats, scaling: Scaling | None, n_splits: int) -> list[Floats | ScaledColumns]:
    """Return the table as each split sees it.

    Examples
    --------
    >>> X = np.eye(2)
    >>> tables_of(X, None, 3)[2] is X
    True
    """
    if scaling is None:
        return [X] * n_splits
    return [ScaledColumns(X, *moved) for moved in zip(scaling.shift, scaling.scale, strict=True)]


def with_shift(mean: Floats, X: Floats | ScaledColumns) -> Floats:
    """Return means, and below them how far a scaler has moved each column: both cost the spread digits.

    Parameters
    ----------
    mean : (d,) or (C, d) array
        Means of scaled columns.
    X : (n, d) array or Columns
        Where the means are from.

    Examples
    --------
    >>> X = ScaledColumns(np.eye(2), np.array([6.0, 0.0]), np.array([2.0, 1.0]))
    >>> with_shift(np.array([0.5, 0.0]), X).tolist()
    [[0.5, 0.0], [3.0, 0.0]]
    """
    if not isinstance(X, ScaledColumns):
        return mean
    return np.vstack([mean, X.shift / X.scale])


def fit_scalers(
    scaler: StandardScaler, X: npt.NDArray[np.floating], repeats: list[list[Rows]]
) -> list[StandardScaler]:
    """Fit a scaler on all splits: counts, means and squares are summed over the other parts of a repeat.

    Parameters
    ----------
    scaler : StandardScaler
        Not changed.
    X : (n, d) array of finite numbers
        The table.
    repeats : list of lists of (n_held_out,) arrays of int
        The held-out parts of each repeat, together all rows.

    Returns
    -------
    list of StandardScaler
        One a split.

    Examples
    --------
    >>> X, parts = np.array([[1.0], [2.0], [4.0]]), [np.array([0]), np.array([1]), np.array([2])]
    >>> [one.mean_.tolist() for one in fit_scalers(StandardScaler(), X, [parts])]
    [[3.0], [2.5], [1.5]]
    """
    if not scaler.with_mean and not scaler.with_std:
        sizes = [len(X) - len(part) for parts in repeats for part in parts]
        return [_fitted(scaler, X, size, None, None) for size in sizes]
    return [one for parts in repeats for one in _of_repeat(scaler, X, parts)]


def _of_repeat(
    scaler: StandardScaler, X: npt.NDArray[np.floating], parts: list[Rows]
) -> list[StandardScaler]:
    origin = origin_of(X)
    sizes = np.array([len(part) for part in parts], dtype=np.float64)
    statistics = [_mean_and_squares(X[part], origin) for part in parts]
    means, squares = (np.array(columns) for columns in zip(*statistics, strict=True))
    fitted = []
    for held_out in range(len(parts)):
        others = np.arange(len(parts)) != held_out
        size = sizes[others].sum()
        mean = sizes[others] @ means[others] / size
        spread = sizes[others] @ (means[others] - mean) ** 2 + squares[others].sum(axis=0)
        one = _fitted(scaler, X, int(size), origin + mean, spread / size)
        _refit_nearly_constant(
            one, X, [part for part, other in zip(parts, others, strict=True) if other], origin
        )
        fitted.append(one)
    return fitted


def _mean_and_squares(rows: npt.NDArray[np.floating], origin: Floats) -> tuple[Floats, Floats]:
    """Return the mean of ``rows - origin``, and the sum of squares about it."""
    block = rows - origin
    mean = block.mean(axis=0)
    block -= mean
    return mean, np.einsum("ij,ij->j", block, block)


def _fitted(
    scaler: StandardScaler,
    X: npt.NDArray[np.floating],
    size: int,
    mean: Floats | None,
    variance: Floats | None,
) -> StandardScaler:
    """Return a scaler as scikit-learn fits it, with statistics put in."""
    one = clone(scaler).fit(X[:1])
    one.n_samples_seen_ = type(one.n_samples_seen_)(size)
    one.mean_ = mean
    if variance is not None and scaler.with_std:
        one.var_, one.scale_ = variance, np.sqrt(variance)
    return one


def _refit_nearly_constant(
    one: StandardScaler, X: npt.NDArray[np.floating], others: list[Rows], origin: Floats
) -> None:
    """Leave columns with hardly any spread to scikit-learn, which decides whether they are constant."""
    if not one.with_std:
        return
    size = np.maximum(np.abs(one.mean_), np.abs(origin))
    doubtful = np.flatnonzero(one.scale_ <= NEARLY_CONSTANT * size)
    if len(doubtful):
        plain = clone(one).fit(X[np.sort(np.concatenate(others))][:, doubtful])
        for name in ("mean_", "var_", "scale_"):
            getattr(one, name)[doubtful] = getattr(plain, name)
