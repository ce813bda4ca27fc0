"""Digests of tables: by values, types and columns, in whatever they come."""

from __future__ import annotations

import datetime
import decimal
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

__all__ = ["describe_table", "digest_of_array", "is_table"]

Describe = Callable[[Any], str]
# Rows are put in order a piece at a time, so that no second copy of a large table is made.
PIECE = 1 << 22
# Types whose repr says all, and in C.
SPOKEN = {bool, int, float, complex, str, bytes, type(None), pd.Timestamp, pd.Timedelta, type(pd.NaT)}
SPOKEN |= {type(pd.NA), datetime.date, datetime.datetime, datetime.timedelta, decimal.Decimal}


def is_table(value: Any) -> bool:
    """Whether it is an array, a data frame, a column, an index or a sparse matrix."""
    return isinstance(value, np.ndarray | pd.DataFrame | pd.Series | pd.Index) or sparse.issparse(value)


def describe_table(table: Any, describe: Describe) -> str:
    """Return a text that is equal exactly when tables are: kind, values, types, columns and index.

    How an array lies in memory does not count.

    Parameters
    ----------
    table : array, data frame, column, index or sparse matrix
        The table.
    describe : callable
        Describes other objects, such as those that an array of objects holds.

    Returns
    -------
    str

    Examples
    --------
    >>> same = [np.eye(3), np.eye(3, order="F"), np.eye(3)[::-1][::-1]]
    >>> len({describe_table(table, repr) for table in same})
    1
    >>> describe_table(np.eye(3), repr) == describe_table(np.eye(3, dtype=np.float32), repr)
    False
    """
    kind = type(table)
    name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    if isinstance(table, pd.DataFrame):
        labels = [describe(list(table.columns.names)), _column(table.columns, describe)]
        columns = [_column(table.iloc[:, at], describe) for at in range(table.shape[1])]
        return f"{name}({table.shape}, {labels}, {_column(table.index, describe)}, {columns})"
    if isinstance(table, pd.Series):
        return f"{name}({table.name!r}, {_column(table.index, describe)}, {_column(table, describe)})"
    if isinstance(table, pd.Index):
        return f"{name}({table.names}, {_column(table, describe)})"
    if isinstance(table, np.ma.MaskedArray):
        mask = digest_of_array(np.ma.getmaskarray(table), describe)
        return f"{name}({digest_of_array(np.asarray(table.data), describe)}, {mask})"
    if isinstance(table, np.ndarray):
        return f"array({digest_of_array(np.asarray(table), describe)})"
    rows = table.tocsr()
    parts = [digest_of_array(part, describe) for part in (rows.indptr, rows.indices, rows.data)]
    return f"{name}({table.format}, {table.shape}, {parts})"


def digest_of_array(values: npt.NDArray[Any], describe: Describe = repr) -> str:
    """Return type, shape and sha256 of an array, the same for any order in memory."""
    if values.dtype == object:
        return f"objects {values.shape} {_digest_of_objects(values.ravel().tolist(), describe)}"
    if values.dtype.hasobject:
        return f"{values.dtype.descr} {values.shape} {_digest_of_objects(values.tolist(), describe)}"
    if values.dtype.kind in "mM":
        return f"{values.dtype.str} {digest_of_array(values.view('i8'))}"
    state = hashlib.sha256()
    step = max(1, PIECE // max(1, values[:1].nbytes)) if values.ndim else 1
    pieces = (values[at : at + step] for at in range(0, len(values), step)) if values.ndim else [values]
    for piece in pieces:
        state.update(np.ascontiguousarray(piece).view(np.uint8).data if piece.size else b"")
    described = values.dtype.descr if values.dtype.names else values.dtype.str
    return f"{described} {values.shape} {state.hexdigest()}"


def _column(column: Any, describe: Describe) -> str:
    """A column or an index, by its values and its type."""
    if isinstance(column, pd.RangeIndex):
        return repr(range(column.start, column.stop, column.step))
    if isinstance(column, pd.MultiIndex):
        return f"tuples {describe(list(column))}"
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = digest_of_array(pd.Categorical(column).codes)
        return f"category {column.dtype.ordered} {_column(column.dtype.categories, describe)} {codes}"
    if isinstance(column.dtype, np.dtype):
        return digest_of_array(column.to_numpy(), describe)
    return f"{column.dtype} {digest_of_array(column.to_numpy(dtype=object), describe)}"


def _digest_of_objects(values: list[Any], describe: Describe) -> str:
    spoken = set(map(type, values)) <= SPOKEN
    text = repr(values) if spoken else ", ".join(map(describe, values))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
