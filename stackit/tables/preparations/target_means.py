"""Categories of many levels as means of the target, cross-fitted on the rows that are fitted."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder
from sklearn.utils.multiclass import type_of_target

from stackit.arrays import Floats, Labels

__all__ = ["TargetKind", "TargetMeans"]

TargetKind = Literal["auto", "classes", "numbers"]
N_SPLITS = 5


class TargetMeans(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns of categories as shrunken means of the target, by scikit-learn's ``TargetEncoder``.

    `fit_transform` encodes each row by the other rows' targets; a missing value is a level. With more than
    two classes there is one column per class.
    """

    def __init__(
        self,
        target: TargetKind = "auto",
        random_state: int | None = 0,
        smooth: float | Literal["auto"] = "auto",
    ) -> None:
        self.target = target
        self.random_state = random_state
        self.smooth = smooth

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> Floats:
        """Learn from (n, n_columns) categories and the target, and return cross-fitted means."""
        numbers = self._prepare(X, y)
        means = self.encoder_.fit_transform(_codes(X), numbers)
        self.encoder_.cv = N_SPLITS  # the folds are used up, and no part of a file
        return np.asarray(means)

    def fit(self, X: pd.DataFrame, y: Any = None) -> TargetMeans:
        """Learn from (n, n_columns) categories and the target."""
        numbers = self._prepare(X, y)
        self.encoder_.fit(_codes(X), numbers)
        self.encoder_.cv = N_SPLITS
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the means of new rows; the mean of all rows for a level that was not fitted."""
        return np.asarray(self.encoder_.transform(_codes(X)))

    def _prepare(self, X: pd.DataFrame, y: Any) -> Any:
        if y is None:
            raise ValueError("Categories of many levels are encoded by the target: pass fit(X, y).")
        numbers, kind = _target_numbers(np.asarray(y), self.target)
        levels = [np.arange(-1, max(1, len(X[name].cat.categories))) for name in X]
        folds = KFold(min(N_SPLITS, len(X)), shuffle=True, random_state=self.random_state)
        self.encoder_ = TargetEncoder(categories=levels, target_type=kind, smooth=self.smooth, cv=folds)
        return numbers


def _codes(X: pd.DataFrame) -> Any:
    return np.column_stack([X[name].cat.codes.to_numpy(np.int64) for name in X])


def _target_numbers(y: Labels, target: TargetKind) -> tuple[Any, str]:
    """Return the target as the encoder wants it, and its type: two classes are the numbers 0 and 1."""
    is_classes = target == "classes" or (target == "auto" and type_of_target(y) in ("binary", "multiclass"))
    if not is_classes:
        return y.astype(np.float64), "continuous"
    classes, codes = np.unique(y, return_inverse=True)
    return (codes, "multiclass") if len(classes) > 2 else (codes.astype(np.float64), "continuous")
