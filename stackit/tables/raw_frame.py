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

__all__ = ["has_names", "matched", "raw_frame"]


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
    return frame.infer_objects()


def matched(X: Any, records: Sequence[Column]) -> pd.DataFrame:
    """Return new rows with the columns of the training table, found by name, or by position for arrays."""
    raw, names = raw_frame(X), [record.name for record in records]
    in_train, in_new = (any(isinstance(name, str) for name in some) for some in (names, raw.columns))
    if not has_names(X) or (in_new and not in_train):
        return _by_position(raw, names, warns=in_train)
    known, found = {*names}, {*raw.columns}
    missing = [one.name for one in records if one.name not in found and not one.is_left_out]
    extra = [name for name in raw.columns if name not in known]
    if missing:
        others = f" It has {_listed(extra)}, which the training table had not." if extra else ""
        raise ValueError(
            f"The table lacks {_listed(missing)} of the training table.{others} Add what is missing, filled "
            "with NaN where it is not known."
        )
    if extra:
        warn(f"The table has {_listed(extra)}, which the training table had not: ignored.")
    return raw


def has_names(X: Any) -> bool:
    """Whether a table has names of columns."""
    is_records = isinstance(X, list) and len(X) > 0 and isinstance(X[0], Mapping)
    return is_records or isinstance(X, pd.DataFrame | Mapping) or is_foreign_frame(X)


def _listed(names: Sequence[Any]) -> str:
    return f"the column{'s' * (len(names) > 1)} {format_list(map(repr, names))}"


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
    if X is None or isinstance(X, str):
        raise ValueError(f"The table must have rows and columns; got {X!r}. Pass a data frame.")
    if isinstance(X, list) and X and isinstance(X[0], Mapping):
        return pd.DataFrame(X)
    if isinstance(X, pd.Series) or np.ndim(X[0] if isinstance(X, list | tuple) and len(X) else X) == 0:
        raise ValueError("The table must have rows and columns; got one dimension. Pass a data frame.")
    if isinstance(X, np.ndarray) and X.ndim != 2:
        raise ValueError(
            f"The table must have rows and columns; got an array of shape {X.shape}. Pass a data frame."
        )
    return pd.DataFrame(X)


def _by_position(raw: pd.DataFrame, names: Sequence[Any], warns: bool) -> pd.DataFrame:
    if raw.shape[1] != len(names):
        raise ValueError(
            f"The table must have the {len(names)} columns of the training table; it has {raw.shape[1]}. "
            "Pass them in the same order."
        )
    if warns:
        warn("The table has no names of columns: they are taken in the order of the training table.")
    return raw.set_axis([*names], axis=1)
