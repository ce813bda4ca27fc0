"""Matrices that are filled column by column, without a second table in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["filled", "matrix_of", "quantiles_of"]

Parts = Callable[[pd.DataFrame, Any], Iterator[npt.NDArray[Any]]]


def matrix_of(parts: Parts, X: pd.DataFrame, means: Any, dtype: type) -> npt.NDArray[Any]:
    """Return as a matrix the columns that `parts` makes of a frame and its target means."""
    of_first_row = parts(X.iloc[:1], None if means is None else means[:1])
    matrix: npt.NDArray[Any] = np.empty((len(X), sum(_width(part) for part in of_first_row)), dtype=dtype)
    at = 0
    for part in parts(X, means):
        matrix[:, at : at + _width(part)] = part if part.ndim == 2 else part[:, None]
        at += _width(part)
    return matrix


def quantiles_of(column: npt.NDArray[Any], shares: Sequence[float]) -> npt.NDArray[Any]:
    """Return quantiles of what is not missing in a column; 0 for one without values."""
    known = column[~np.isnan(column)]
    return np.quantile(known, shares) if len(known) else np.zeros(len(shares))


def filled(column: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
    """Return a column with a value in place of missing ones."""
    return np.where(np.isnan(column), value, column)


def _width(part: npt.NDArray[Any]) -> int:
    return int(part.shape[1]) if part.ndim == 2 else 1
