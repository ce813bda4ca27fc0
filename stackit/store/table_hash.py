"""Digests of arrays and tables by values, types and columns."""

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
# Arrays are made contiguous piece by piece, so that no second copy of a large table is made.
PIECE_SIZE = 1 << 22
# Types with a repr that is complete, and fast.
REPR_TYPES = {bool, int, float, complex, str, bytes, type(None), pd.Timestamp, pd.Timedelta, type(pd.NaT)}
REPR_TYPES |= {type(pd.NA), datetime.date, datetime.datetime, datetime.timedelta, decimal.Decimal}


def is_table(value: Any) -> bool:
    """Whether a value is an array, a data frame, a series, an index or a sparse matrix."""
    return isinstance(value, np.ndarray | pd.DataFrame | pd.Series | pd.Index) or sparse.issparse(value)


def describe_table(table: Any, describe: Describe) -> str:
    """Return a text that is equal exactly if tables are, in kind, values, types, columns and index.

    The memory layout of arrays does not count. `describe` describes other objects, such as those in an array
    of objects.

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
    """Return dtype, shape and sha256 of an array, the same for any memory layout."""
    if values.dtype == object:
        return f"objects {values.shape} {_digest_of_objects(values.ravel().tolist(), describe)}"
    if values.dtype.hasobject:
        return f"{values.dtype.descr} {values.shape} {_digest_of_objects(values.tolist(), describe)}"
    if values.dtype.kind in "mM":
        return f"{values.dtype.str} {digest_of_array(values.view('i8'))}"
    state = hashlib.sha256()
    step = max(1, PIECE_SIZE // max(1, values[:1].nbytes)) if values.ndim else 1
    pieces = (values[at : at + step] for at in range(0, len(values), step)) if values.ndim else [values]
    for piece in pieces:
        state.update(np.ascontiguousarray(piece).view(np.uint8).data if piece.size else b"")
    described = values.dtype.descr if values.dtype.names else values.dtype.str
    return f"{described} {values.shape} {state.hexdigest()}"


def _column(column: Any, describe: Describe) -> str:
    """Return the text of the values and the type of a column or an index."""
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
    has_reprs = set(map(type, values)) <= REPR_TYPES
    text = repr(values) if has_reprs else ", ".join(map(describe, values))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
