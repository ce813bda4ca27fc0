"""Medians of the columns of a matrix, in place of missing values."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["filled", "medians_of", "quantiles_of"]


def quantiles_of(matrix: Any, shares: list[float]) -> Any:
    """Return the (n_shares, n_columns) quantiles of what is not missing; 0 for columns without values."""
    found = np.zeros((len(shares), matrix.shape[1]), dtype=matrix.dtype)
    for at, column in enumerate(matrix.T):
        gaps = np.isnan(column)
        known = column[~gaps] if gaps.any() else column
        if len(known):
            found[:, at] = np.quantile(known, shares)
    return found


def medians_of(matrix: Any) -> Any:
    """Return the (n_columns,) medians of what is not missing; 0 for columns without values."""
    return quantiles_of(matrix, [0.5])[0]


def filled(matrix: Any, medians: Any) -> Any:
    """Return a matrix with the medians in place of missing values."""
    gaps = np.isnan(matrix)
    return np.where(gaps, medians, matrix) if gaps.any() else matrix
