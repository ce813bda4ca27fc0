"""Typed frames for linear models, neighbours, kernels and nets: scaled numbers and one column per level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from stackit.arrays import Floats
from stackit.tables.preparations.date_parts import date_cycles, date_days
from stackit.tables.preparations.matrix import filled, matrix_of, quantiles_of
from stackit.tables.preparations.one_hot import LevelColumns
from stackit.tables.preparations.target_means import TargetKind, TargetMeans
from stackit.tables.preparations.text_vector import text_vectors
from stackit.tables.preparations.typed_columns import TypedColumns

__all__ = ["ScaledPreparation"]

CLIP = 3.0


class ScaledPreparation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Prepare typed frames for estimators that need numbers of one scale: linear models, neighbours, nets.

    The result is a float64 matrix. Numbers, text vectors and cross-fitted target means of categories with
    very many levels are scaled by median and quartiles and clipped smoothly; missing ones are 0, next to
    columns that say where. Other categories have one column per level, and one for all levels that are rare;
    dates are days, and points on the circles of year, week and day. Its columns depend on the dtypes of the
    typed frame alone, so that they are the same in each fold.

    Parameters
    ----------
    target : {"auto", "classes", "numbers"}
        What the target is; "auto" takes whole numbers as classes, so pass "numbers" for regression.
    max_levels : int
        Categories of more levels are encoded by the target.
    min_frequency : float
        Levels in a smaller share of the rows count as rare.
    random_state : int or None
        The seed of the folds of target means and of text vectors. With a number, all members of an ensemble
        can share one prepared table.

    Notes
    -----
    The scale and the clip, x / sqrt(1 + (x / 3)^2), are those of Holzmüller et al. (2024), "Better by
    default: strong pre-tuned MLPs and boosted trees on tabular data".

    Examples
    --------
    >>> from stackit.tables import TableReader
    >>> typed = TableReader().fit_transform({"size": [1.0, 2.0, 3.0], "by": ["b", "a", "a"]})
    >>> ScaledPreparation().fit_transform(typed, [0, 1, 1]).round(2)
    array([[-0.95,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  0.  ,  0.  ],
           [ 0.95,  1.  ,  0.  ,  0.  ]])
    """

    def __init__(
        self,
        target: TargetKind = "auto",
        max_levels: int = 50,
        min_frequency: float = 0.005,
        random_state: int | None = 0,
    ) -> None:
        self.target = target
        self.max_levels = max_levels
        self.min_frequency = min_frequency
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> ScaledPreparation:
        """Learn from an (n_samples, n_columns) typed frame and the (n_samples,) target."""
        self._fit(X)
        self._fit_scale(
            X, self.means_.fit(X[[*self.many_]], y).transform(X[[*self.many_]]) if self.many_ else None
        )
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> Floats:
        """Learn from a typed frame and the target, and return its (n_samples, n_features) matrix."""
        self._fit(X)
        means = self.means_.fit_transform(X[[*self.many_]], y) if self.many_ else None
        self._fit_scale(X, means)
        return matrix_of(self._parts, X, means, np.float64)

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the (n_samples, n_features) matrix of a typed frame of new rows."""
        means = self.means_.transform(X[[*self.many_]]) if self.many_ else None
        return matrix_of(self._parts, X, means, np.float64)

    def _fit(self, X: pd.DataFrame) -> None:
        self.columns_ = TypedColumns.of(X)
        few, self.many_ = self.columns_.by_levels(X, self.max_levels)
        self.levels_ = {name: LevelColumns(self.min_frequency).fit(X[name]) for name in few}
        self.means_ = TargetMeans(self.target, self.random_state)
        self.vectors_ = text_vectors(X, self.columns_.texts, self.random_state)

    def _fit_scale(self, X: pd.DataFrame, means: Any) -> None:
        self.scales_ = [_scale_of(column) for column in self._numbers(X, means)]

    def _numbers(self, X: pd.DataFrame, means: Any) -> Iterator[Floats]:
        yield from (X[name].to_numpy(np.float64) for name in self.columns_.numbers)
        yield from date_days(X, self.columns_.dates)
        yield from [] if means is None else means.T
        for name, vector in self.vectors_.items():
            yield from vector.transform(X[name]).T

    def _parts(self, X: pd.DataFrame, means: Any) -> Iterator[npt.NDArray[Any]]:
        for column, (median, factor) in zip(self._numbers(X, means), self.scales_, strict=True):
            scaled = (filled(column, median) - median) * factor
            yield scaled / np.sqrt(1 + (scaled / CLIP) ** 2)
        yield from (X[name].to_numpy() for name in self.columns_.gaps)
        yield from (filled(column, 0.0) for column in date_cycles(X, self.columns_.dates))
        yield from (levels.transform(X[name]) for name, levels in self.levels_.items())


def _scale_of(column: Floats) -> tuple[float, float]:
    """Return the median of a column, and the inverse of its spread; 0 for a constant one."""
    least, low, median, high, most = quantiles_of(column, [0, 0.25, 0.5, 0.75, 1]).tolist()
    spread = high - low if high > low else (most - least) / 2
    return median, 1 / spread if spread > 0 else 0.0
