"""Rows of any table: how many there are, some of them, one value per row, and the labels of an index."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import _safe_indexing

from stackit.arrays.types import Rows
from stackit.validation import invalid_value

__all__ = ["check_rows", "ids_by_rows", "is_plain", "num_samples", "order_of", "safe_index"]


def num_samples(table: Any) -> int:
    """Return the number of rows of an array, a data frame, a sparse matrix or a list."""
    shape = getattr(table, "shape", None)
    return int(shape[0]) if shape else len(table)


def safe_index(table: Any, rows: Rows) -> Any:
    """Return some rows of an array, a data frame, a sparse matrix or a list, in the same container."""
    return table[rows] if type(table) is np.ndarray else _safe_indexing(table, rows)


def check_rows(values: Any, name: str, n: int) -> npt.NDArray[Any] | None:
    """Return one value per row as an array, checked for its length and for missing values.

    Parameters
    ----------
    values : (n,) array-like or None
        One value per row, such as groups or times; None is returned as it is.
    name : str
        The name of the values in errors.
    n : int
        The number of rows.

    Returns
    -------
    (n,) array or None

    Raises
    ------
    ValueError
        When there is not one value per row, or a value is missing.

    Examples
    --------
    >>> check_rows(["a", "b", "a"], "groups", 3)
    array(['a', 'b', 'a'], dtype='<U1')
    >>> check_rows(["a", "b"], "groups", 3)
    Traceback (most recent call last):
        ...
    ValueError: groups must be one value per row, of shape (3,); got shape=(2,). Pass 3 values.
    """
    if values is None:
        return None
    column = np.asarray(values)
    if column.shape != (n,):
        raise invalid_value(
            name, f"one value per row, of shape ({n},)", f"shape={column.shape}", f"Pass {n} values"
        )
    if pd.isna(column).any():
        raise invalid_value(name, "without missing values", f"{pd.isna(column).sum()} missing", "Fill them")
    return column


def is_plain(index: pd.Index[Any]) -> bool:
    """Whether an index is the default one, the row numbers in order, which does not identify rows."""
    return index.name is None and index.nlevels == 1 and index.equals(pd.RangeIndex(len(index)))


def order_of(wanted: pd.Index[Any], found: pd.Index[Any]) -> list[int] | None:
    """Return the position of each wanted label among those found; None unless each occurs once."""
    if not (wanted.is_unique and found.is_unique and len(wanted) == len(found)):
        return None
    order = found.get_indexer(wanted)
    return None if (order < 0).any() else [int(at) for at in order]


def ids_by_rows(index: pd.Index[Any], ids: Any, what: str = "ids") -> Any:
    """Return (n,) ids in the order of a table's rows.

    A series is put in the order of the table's index where both have the same labels; other ids must be in
    the order of the rows.

    Raises
    ------
    ValueError
        When the index of the table consists of the ids, in another order.
    """
    if is_plain(index) or len(index) != len(ids):
        return ids
    if isinstance(ids, pd.Series):
        if ids.index.equals(index):
            return ids
        order = order_of(index, ids.index)
        if order is not None:
            return ids.iloc[order]
    names, labels = pd.Index(np.asarray(ids)).astype(str), index.astype(str)
    if order_of(names, labels) is not None and not names.equals(labels):
        raise ValueError(
            f"{what} must be in the order of the rows; the index of the table holds the same ids in another "
            f"order. Leave {what} out to use the index."
        )
    return ids
