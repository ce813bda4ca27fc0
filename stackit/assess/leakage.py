"""Twins of held-out rows among those trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from stackit.folds import Folds
from stackit.validation import invalid_value

__all__ = ["have_twins", "share_of_twins", "twins_test"]


def share_of_twins(X: Any, folds: Folds, X_test: Any) -> tuple[float, float] | None:
    """Return the share of held-out rows that have a twin in their training part, and that of new rows.

    Parameters
    ----------
    X, X_test : table with n, m rows
        Dense.
    folds : Folds
        The splits.

    Returns
    -------
    (float, float) or None
        None for tables that are not compared: sparse ones, or lists.

    Raises
    ------
    ValueError
        When the two have not the same number of columns.
    """
    if sparse.issparse(X) or not hasattr(X, "shape") or len(X.shape) != 2:
        return None
    shape = np.shape(X_test)
    if shape[1:] != X.shape[1:]:
        raise invalid_value(
            "X_test", f"of the {X.shape[1]} columns of X", f"{shape=}", "Pass the same columns"
        )
    codes, new = _codes_of_rows(X), _codes_of_rows(X_test)
    pairs = [
        (np.isin(codes[held_out], codes[train]), np.isin(new, codes[train]))
        for train, held_out in folds.splits
    ]
    held = np.concatenate([own for own, _ in pairs])
    return float(held.mean()), float(np.mean([other.mean() for _, other in pairs]))


def twins_test(shares: tuple[float, float] | None, n: int, m: int) -> float:
    """Return by how many standard errors the first of two shares, of n rows, is above the second, of m."""
    if shares is None:
        return 0.0
    pooled = (shares[0] * n + shares[1] * m) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float((shares[0] - shares[1]) / error) if error > 0 else 0.0


def have_twins(X: Any, folds: Folds) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Return which rows have a twin in a training part that does without them, and numbers of equal rows.

    Parameters
    ----------
    X : table with n rows
        One that `share_of_twins` compares.
    folds : Folds
        The splits.

    Returns
    -------
    (n,) array of bool, (n,) array of int
    """
    codes = _codes_of_rows(X)
    found = np.zeros(len(codes), dtype=bool)
    for train, held_out in folds.splits:
        found[held_out] |= np.isin(codes[held_out], codes[train])
    return found, np.unique(codes, return_inverse=True)[1].ravel()


def _codes_of_rows(X: Any) -> npt.NDArray[Any]:
    """Return a number per row, the same for equal rows; cells may be lists, which have no hash."""
    table = pd.DataFrame(X).set_axis(range(X.shape[1]), axis=1)
    try:
        return pd.util.hash_pandas_object(table, index=False).to_numpy()
    except TypeError:
        return pd.util.hash_pandas_object(table.map(repr), index=False).to_numpy()
