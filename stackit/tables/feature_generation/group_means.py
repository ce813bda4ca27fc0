"""Means of a number by category, and how far each row is from the mean of its category."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats

__all__ = ["group_means", "with_group_means"]

MIN_ROWS = 3  # of a level of which the mean is used; others get the mean of all rows


def group_means(values: Floats, categories: pd.Series[Any]) -> Floats:
    """Return the mean of each level, and last the mean of all rows, for levels of few rows and gaps.

    Examples
    --------
    >>> categories = pd.Series(pd.Categorical(["a", "a", "a", "b"]))
    >>> group_means(np.array([1.0, 2.0, 3.0, 6.0]), categories).tolist()
    [2.0, 3.0, 3.0]
    """
    codes, n_levels = categories.cat.codes.to_numpy(np.intp), len(categories.cat.categories)
    known = np.isfinite(values)
    overall = float(values[known].mean()) if known.any() else np.nan
    used = known & (codes >= 0)
    sums = np.bincount(codes[used], values[used], minlength=n_levels)
    counts = np.bincount(codes[used], minlength=n_levels)
    means = np.where(counts >= MIN_ROWS, sums / np.maximum(counts, 1), overall)
    return np.append(means, overall)


def with_group_means(values: Floats, categories: pd.Series[Any], means: Floats) -> tuple[Floats, Floats]:
    """Return the mean of the category of each row, and the difference of the row's own number from it."""
    of_rows = means[categories.cat.codes.to_numpy(np.intp)]  # the code -1 of a gap is the last
    return of_rows, values - of_rows
