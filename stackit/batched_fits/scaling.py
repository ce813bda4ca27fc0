"""What a StandardScaler does to the columns in each split, from statistics of the held-out parts."""

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

NEARLY_CONSTANT = (
    1e-7  # standard deviations, in units of the mean, with which scikit-learn decides by rounding
)

ScaledFit = Callable[[Any, BatchedRequest, "Scaling | None"], BatchedResult | None]
"""A batched fit behind a scaler: the columns are scaled in each split, but predictions are for X as it is."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """The columns become ``(X - shift) / scale``, with a row of the (n_splits, d) arrays for each split."""

    shift: Floats
    scale: Floats

    @classmethod
    def of(cls, scalers: list[StandardScaler]) -> Scaling:
        """Return what fitted scalers do; zeros and ones where they do not centre or divide."""
        d = scalers[0].n_features_in_
        shifts = [scaler.mean_ if scaler.with_mean else np.zeros(d) for scaler in scalers]
        scales = [scaler.scale_ if scaler.with_std else np.ones(d) for scaler in scalers]
        return cls(np.array(shifts), np.array(scales))


@dataclass(frozen=True, eq=False)
class ScaledColumns:
    """The (n, d) table as the scaler of one split transforms it; rows are scaled when they are indexed."""

    X: Floats
    shift: Floats
    scale: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the table."""
        return self.X.shape

    def __getitem__(self, rows: Rows) -> Floats:
        """Return a scaled copy of some rows."""
        taken = self.X[rows]
        taken -= self.shift
        taken /= self.scale
        return taken


def tables_of(X: Floats, scaling: Scaling | None, n_splits: int) -> list[Floats | ScaledColumns]:
    """Return the table as the estimator of each split sees it."""
    if scaling is None:
        return [X] * n_splits
    return [ScaledColumns(X, *row) for row in zip(scaling.shift, scaling.scale, strict=True)]


def with_shift(mean: Floats, X: Floats | ScaledColumns) -> Floats:
    """Return means of columns, and as a further row how far a scaler shifts each column.

    Large values of either cause cancellation in the variance.
    """
    return np.vstack([mean, X.shift / X.scale]) if isinstance(X, ScaledColumns) else mean


def fit_scalers(
    scaler: StandardScaler, X: npt.NDArray[Any], repeats: list[list[Rows]]
) -> list[StandardScaler]:
    """Fit a scaler on each split: counts, means and squares are summed over the other parts of a repeat."""
    if not scaler.with_mean and not scaler.with_std:
        sizes = [len(X) - len(part) for parts in repeats for part in parts]
        return [_fitted(scaler, X, size, None, None) for size in sizes]
    return [fitted for parts in repeats for fitted in _of_repeat(scaler, X, parts)]


def _of_repeat(scaler: StandardScaler, X: npt.NDArray[Any], parts: list[Rows]) -> list[StandardScaler]:
    origin = origin_of(X)
    sizes = np.array([len(part) for part in parts], dtype=np.float64)
    statistics = [_mean_and_squares(X[part], origin) for part in parts]
    means, squares = (np.array(columns) for columns in zip(*statistics, strict=True))
    scalers = []
    for held_out in range(len(parts)):
        others = np.arange(len(parts)) != held_out
        size = sizes[others].sum()
        mean = sizes[others] @ means[others] / size
        total = sizes[others] @ (means[others] - mean) ** 2 + squares[others].sum(axis=0)
        fitted = _fitted(scaler, X, int(size), origin + mean, total / size)
        _refit_nearly_constant(fitted, X, [parts[at] for at in np.flatnonzero(others)], origin)
        scalers.append(fitted)
    return scalers


def _mean_and_squares(rows: npt.NDArray[Any], origin: Floats) -> tuple[Floats, Floats]:
    """Return the mean of ``rows - origin``, and the sum of squares about it."""
    block = rows - origin
    mean = block.mean(axis=0)
    block -= mean
    return mean, np.einsum("ij,ij->j", block, block)


def _fitted(
    scaler: StandardScaler, X: npt.NDArray[Any], size: int, mean: Floats | None, variance: Floats | None
) -> StandardScaler:
    """Return a scaler as scikit-learn fits it, with the given statistics."""
    fitted = clone(scaler).fit(X[:1])
    fitted.n_samples_seen_ = type(fitted.n_samples_seen_)(size)
    fitted.mean_ = mean
    if variance is not None and scaler.with_std:
        fitted.var_, fitted.scale_ = variance, np.sqrt(variance)
    return fitted


def _refit_nearly_constant(
    scaler: StandardScaler, X: npt.NDArray[Any], others: list[Rows], origin: Floats
) -> None:
    """Let scikit-learn fit columns with hardly any spread: it decides whether they are constant."""
    if not scaler.with_std:
        return
    size = np.maximum(np.abs(scaler.mean_), np.abs(origin))
    doubtful = np.flatnonzero(scaler.scale_ <= NEARLY_CONSTANT * size)
    if len(doubtful):
        plain = clone(scaler).fit(X[np.sort(np.concatenate(others))][:, doubtful])
        for name in ("mean_", "var_", "scale_"):
            getattr(scaler, name)[doubtful] = getattr(plain, name)
