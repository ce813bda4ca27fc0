"""One column per level of a category, and one for all rare levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from stackit.arrays import Floats

__all__ = ["LevelColumns"]


class LevelColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """One column of categories as a column of 0 and 1 per level of its dtype, and a last one for rare levels.

    Unlike those of scikit-learn's ``OneHotEncoder``, the columns are the same whatever rows are fitted: a
    level that is rare among them counts in the last column, and its own is 0. Missing values are all 0.
    """

    def __init__(self, min_frequency: float = 0.005) -> None:
        self.min_frequency = min_frequency

    def fit(self, X: pd.Series[Any], y: Any = None) -> LevelColumns:
        """Count the levels of (n,) categories."""
        counts = np.bincount(X.cat.codes.to_numpy(np.intp) + 1, minlength=len(X.cat.categories) + 1)[1:]
        rare = counts < max(self.min_frequency * len(X), 1)
        self.columns_ = np.where(rare, len(counts), np.arange(len(counts)))
        return self

    def transform(self, X: pd.Series[Any]) -> Floats:
        """Return the (n, n_levels + 1) columns of (n,) categories."""
        codes = X.cat.codes.to_numpy(np.intp)
        found = np.zeros((len(X), len(self.columns_) + 1))
        known = np.flatnonzero(codes >= 0)
        found[known, self.columns_[codes[known]]] = 1.0
        return found
