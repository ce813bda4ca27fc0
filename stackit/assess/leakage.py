"""Leakage from the training table: columns encoded with y, and duplicates of held-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from stackit.arrays import num_samples
from stackit.assess.encodings import MIN_SHARE, Z_THRESHOLD, encoded_columns, left_out_columns, positions_of
from stackit.folds import Folds
from stackit.results.oof import OutOfFold

__all__ = ["Leakage", "find_leakage"]


@dataclass(frozen=True)
class Leakage:
    """The leaks of a training table.

    Parameters
    ----------
    encoded : tuple of str
        The columns that were encoded with y.
    positions : tuple of int
        The positions of these columns.
    duplicates : (float, float) or None
        The shares of held-out and of new rows with a duplicate among the rows trained on, where the first is
        larger than chance makes it.
    has_duplicate : (n,) array of bool or None
        The held-out rows with one; None where `duplicates` is.
    row_codes : (n,) array of int or None
        Equal for equal rows.
    """

    encoded: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()
    duplicates: tuple[float, float] | None = None
    has_duplicate: npt.NDArray[np.bool_] | None = None
    row_codes: npt.NDArray[np.intp] | None = None


def find_leakage(X: Any, oof: OutOfFold, X_test: Any) -> Leakage:
    """Return the leaks of a training table; none where there is no table."""
    if X is None or not hasattr(X, "shape") or len(X.shape) != 2:
        return Leakage()
    shares = _shares_of_duplicates(X, oof.folds, X_test)
    evenness, left_out = encoded_columns(X, oof.target), left_out_columns(X, oof.target)
    names = [
        name for name in left_out if evenness.get(name, 0.0) < -Z_THRESHOLD or left_out[name] > MIN_SHARE
    ]
    known = positions_of(X) if names else {}
    positions = tuple(known[name] for name in names)
    if names and shares is not None:  # rows with the same encoded value are not duplicates
        X, X_test = _without(X, positions), _without(X_test, positions)
        shares = _shares_of_duplicates(X, oof.folds, X_test) if X.shape[1] else None
    if shares is None or _z_of_shares(shares, len(oof.target.y), num_samples(X_test)) <= Z_THRESHOLD:
        return Leakage(tuple(names), positions)
    codes = _codes_of_rows(X)
    has_duplicate = np.zeros(len(codes), dtype=bool)
    for train, held_out in oof.folds.splits:
        has_duplicate[held_out] |= np.isin(codes[held_out], codes[train])
    row_codes = np.unique(codes, return_inverse=True)[1].ravel()
    return Leakage(tuple(names), positions, shares, has_duplicate, row_codes)


def _without(X: Any, positions: tuple[int, ...]) -> Any:
    table = pd.DataFrame(X)
    return table.iloc[:, [at for at in range(table.shape[1]) if at not in positions]]


def _shares_of_duplicates(X: Any, folds: Folds, X_test: Any) -> tuple[float, float] | None:
    """Return the shares of held-out and of new rows with a duplicate in a training part.

    None for tables that are not compared: sparse ones, or lists.
    """
    if sparse.issparse(X) or not hasattr(X, "shape") or len(X.shape) != 2:
        return None
    shape = np.shape(X_test)
    if shape[1:] != X.shape[1:]:
        raise ValueError(f"X_test must have the {X.shape[1]} columns of X; got {shape=}.")
    codes, new = _codes_of_rows(X), _codes_of_rows(X_test)
    pairs = [
        (np.isin(codes[held_out], codes[train]), np.isin(new, codes[train]))
        for train, held_out in folds.splits
    ]
    of_held_out = np.concatenate([own for own, _ in pairs])
    return float(of_held_out.mean()), float(np.mean([of_new.mean() for _, of_new in pairs]))


def _z_of_shares(shares: tuple[float, float], n: int, m: int) -> float:
    """Return by how many standard errors the first share, of n rows, is above the second, of m rows."""
    pooled = (shares[0] * n + shares[1] * m) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float((shares[0] - shares[1]) / error) if error > 0 else 0.0


def _codes_of_rows(X: Any) -> npt.NDArray[Any]:
    """Return a hash per row, the same for equal rows; cells may be lists, which have no hash."""
    table = pd.DataFrame(X).set_axis(range(X.shape[1]), axis=1)
    try:
        return pd.util.hash_pandas_object(table, index=False).to_numpy()
    except TypeError:
        return pd.util.hash_pandas_object(table.map(repr), index=False).to_numpy()
