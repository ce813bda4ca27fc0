"""Typed frames for forests: codes of categories, target means, and filled numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from stackit.tables.preparations.date_parts import date_parts
from stackit.tables.preparations.matrix import filled, matrix_of, quantiles_of
from stackit.tables.preparations.target_means import TargetKind, TargetMeans
from stackit.tables.preparations.text_vector import text_vectors
from stackit.tables.preparations.typed_columns import TypedColumns

__all__ = ["OrdinalPreparation"]


class OrdinalPreparation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Prepare typed frames for forests, EBMs and other trees that take numbers alone.

    The result is a float32 matrix. Missing numbers are medians, next to columns that say where; categories
    of few levels are codes, -1 where they are missing, those of more levels are cross-fitted means of the
    target; dates are parts of the calendar, and text is a short vector. Its columns depend on the dtypes of
    the typed frame alone, so that they are the same in each fold.

    Parameters
    ----------
    target : {"auto", "classes", "numbers"}
        What the target is; "auto" takes whole numbers as classes, so pass "numbers" for regression.
    max_levels : int
        Categories of more levels are encoded by the target.
    random_state : int or None
        The seed of the folds of target means and of text vectors. With a number, all members of an ensemble
        can share one prepared table.

    Notes
    -----
    Target means are those of scikit-learn's ``TargetEncoder``, after Micci-Barreca (2001), "A preprocessing
    scheme for high-cardinality categorical attributes". `fit_transform` is cross-fitted, and
    `fit(...).transform(...)` of the same rows is not: it would leak their targets.

    Examples
    --------
    >>> from stackit.tables import TableReader
    >>> typed = TableReader().fit_transform({"size": [1.0, 3.0, None], "by": ["b", "a", "a"]})
    >>> OrdinalPreparation().fit_transform(typed, [0, 1, 1])
    array([[1., 0., 1.],
           [3., 0., 0.],
           [2., 1., 0.]], dtype=float32)
    """

    def __init__(
        self, target: TargetKind = "auto", max_levels: int = 20, random_state: int | None = 0
    ) -> None:
        self.target = target
        self.max_levels = max_levels
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> OrdinalPreparation:
        """Learn from an (n_samples, n_columns) typed frame and the (n_samples,) target."""
        self._fit(X)
        if self.many_:
            self.means_.fit(X[[*self.many_]], y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> npt.NDArray[np.float32]:
        """Learn from a typed frame and the target, and return its (n_samples, n_features) matrix."""
        self._fit(X)
        means = self.means_.fit_transform(X[[*self.many_]], y) if self.many_ else None
        return matrix_of(self._parts, X, means, np.float32)

    def transform(self, X: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Return the (n_samples, n_features) matrix of a typed frame of new rows."""
        means = self.means_.transform(X[[*self.many_]]) if self.many_ else None
        return matrix_of(self._parts, X, means, np.float32)

    def _fit(self, X: pd.DataFrame) -> None:
        self.columns_ = TypedColumns.of(X)
        self.few_, self.many_ = self.columns_.by_levels(X, self.max_levels)
        self.medians_ = [float(quantiles_of(column, [0.5])[0]) for column in self._numbers(X)]
        self.means_ = TargetMeans(self.target, self.random_state)
        self.vectors_ = text_vectors(X, self.columns_.texts, self.random_state)

    def _numbers(self, X: pd.DataFrame) -> Iterator[npt.NDArray[Any]]:
        yield from (X[name].to_numpy() for name in self.columns_.numbers)
        yield from date_parts(X, self.columns_.dates).values()

    def _parts(self, X: pd.DataFrame, means: Any) -> Iterator[npt.NDArray[Any]]:
        yield from map(filled, self._numbers(X), self.medians_)
        yield from (X[name].to_numpy() for name in self.columns_.gaps)
        yield from (X[name].cat.codes.to_numpy() for name in self.few_)
        yield from [] if means is None else [means]
        yield from (vector.transform(X[name]) for name, vector in self.vectors_.items())
