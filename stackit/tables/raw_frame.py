"""Tables of any library as pandas frames, with the columns of the training table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.arrays.frames import as_pandas, is_foreign_frame, names_of
from stackit.tables.column import Column
from stackit.validation import format_list, warn

__all__ = ["matched", "raw_frame"]


def raw_frame(X: Any) -> pd.DataFrame:
    """Return a table of any library as a pandas frame, without copying its values where possible."""
    if is_foreign_frame(X) or isinstance(X, pd.DataFrame):
        _check_names(names_of(X))
        frame = X if isinstance(X, pd.DataFrame) else as_pandas(X)
    elif sparse.issparse(X):
        dense: Any = X
        frame = pd.DataFrame(dense.toarray())
    else:
        frame = _of_rows(X)
    if not frame.shape[1]:
        raise ValueError(
            "The table must have at least one column; it has none. Pass the columns to learn from."
        )
    return frame


def matched(raw: pd.DataFrame, records: Sequence[Column], has_names: bool) -> pd.DataFrame:
    """Return new rows with the columns of the training table, found by name, or by position for arrays."""
    names = [record.name for record in records]
    if not has_names or not any(isinstance(name, str) for name in raw.columns):
        return _by_position(raw, names)
    used = [record.name for record in records if not record.is_left_out]
    missing = [name for name in used if name not in raw.columns]
    extra = [name for name in raw.columns if name not in {*names}]
    if missing:
        renamed = (
            f" It has {format_list(map(repr, extra))}, which the training table had not." if extra else ""
        )
        raise ValueError(
            f"The table lacks the column{'s' * (len(missing) > 1)} {format_list(map(repr, missing))} of the "
            f"training table.{renamed} Add the missing ones, filled with NaN if they are not known."
        )
    if extra:
        warn(
            f"The table has columns that the training table had not: {format_list(map(repr, extra))}. They "
            "are ignored."
        )
    return raw


def _check_names(names: Sequence[Any]) -> None:
    repeated = pd.Index([str(name) for name in names])
    repeated = repeated[repeated.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"Columns must have distinct names; there are several of {format_list(map(repr, repeated))}. "
            "Rename them."
        )


def _of_rows(X: Any) -> pd.DataFrame:
    if isinstance(X, Mapping):
        return pd.DataFrame(X)
    if isinstance(X, pd.Series) or np.ndim(X[0] if isinstance(X, list | tuple) and len(X) else X) == 0:
        raise ValueError("The table must have rows and columns; got one dimension. Pass a data frame.")
    if isinstance(X, np.ndarray) and X.ndim != 2:
        raise ValueError(f"The table must have rows and columns; got an array of shape {X.shape}.")
    frame = pd.DataFrame(X)
    return frame.infer_objects()


def _by_position(raw: pd.DataFrame, names: Sequence[Any]) -> pd.DataFrame:
    if raw.shape[1] != len(names):
        raise ValueError(
            f"The table must have the {len(names)} columns of the training table; it has {raw.shape[1]}. "
            "Pass them in the same order."
        )
    return raw.set_axis([*names], axis=1)
