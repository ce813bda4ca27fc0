"""Typed frames for linear models, neighbours, kernels and nets: scaled numbers and one column per level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from stackit.arrays import Floats
from stackit.tables.preparations.date_parts import date_cycles
from stackit.tables.preparations.medians import filled, quantiles_of
from stackit.tables.preparations.one_hot import LevelColumns
from stackit.tables.preparations.target_means import TargetKind, TargetMeans
from stackit.tables.preparations.text_vector import TextVector
from stackit.tables.preparations.typed_columns import TypedColumns

__all__ = ["ScaledPreparation"]

QUARTILES = [0.25, 0.5, 0.75, 0.0, 1.0]


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
        means = self.means_.fit(X[[*self.many_]], y).transform(X[[*self.many_]]) if self.many_ else None
        self._fit_scale(self._numbers(X, means))
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> Floats:
        """Learn from a typed frame and the target, and return its (n_samples, n_features) matrix."""
        self._fit(X)
        numbers = self._numbers(X, self.means_.fit_transform(X[[*self.many_]], y) if self.many_ else None)
        self._fit_scale(numbers)
        return self._matrix(X, numbers)

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the (n_samples, n_features) matrix of a typed frame of new rows."""
        return self._matrix(
            X, self._numbers(X, self.means_.transform(X[[*self.many_]]) if self.many_ else None)
        )

    def _fit(self, X: pd.DataFrame) -> None:
        self.columns_ = TypedColumns.of(X)
        sizes = {name: len(X[name].cat.categories) for name in self.columns_.categories}
        few = [name for name, size in sizes.items() if size <= self.max_levels]
        self.many_ = tuple(name for name, size in sizes.items() if size > self.max_levels)
        self.levels_ = {name: LevelColumns(self.min_frequency).fit(X[name]) for name in few}
        self.means_ = TargetMeans(self.target, self.random_state)
        self.vectors_ = {
            name: TextVector(random_state=self.random_state).fit(X[name]) for name in self.columns_.texts
        }

    def _numbers(self, X: pd.DataFrame, means: Any) -> Floats:
        parts: list[Any] = [X[[*self.columns_.numbers]].to_numpy(np.float64)]
        parts += date_cycles(X, self.columns_.dates).values()
        parts += [] if means is None else [means]
        parts += [vector.transform(X[name]) for name, vector in self.vectors_.items()]
        return np.column_stack(parts)

    def _fit_scale(self, numbers: Floats) -> None:
        low, self.medians_, high, least, most = quantiles_of(numbers, QUARTILES)
        width = np.where(high > low, high - low, (most - least) / 2)
        self.factors_ = np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)

    def _matrix(self, X: pd.DataFrame, numbers: Floats) -> Floats:
        scaled = (filled(numbers, self.medians_) - self.medians_) * self.factors_
        parts: list[Any] = [scaled / np.sqrt(1 + (scaled / 3) ** 2)]
        parts += [X[name].to_numpy() for name in self.columns_.gaps]
        parts += [levels.transform(X[name]) for name, levels in self.levels_.items()]
        return np.column_stack(parts).astype(np.float64, copy=False)
