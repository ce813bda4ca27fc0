"""What the columns of any table hold: its container, and the kind of values of each column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.arrays.frames import is_foreign_frame, names_of

__all__ = ["ANY_KIND", "container_of", "is_empty_column", "kinds_of", "width_of"]

ANY_KIND = "anything"
OF_DTYPE = {"U": "text", "S": "text", "M": "dates", "m": "durations", **dict.fromkeys("biufc", "numbers")}
OF_OBJECTS = {
    **dict.fromkeys(("string", "bytes"), "text"),
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "boolean", "decimal"), "numbers"),
    **dict.fromkeys(("datetime", "datetime64", "date"), "dates"),
    **dict.fromkeys(("timedelta", "timedelta64"), "durations"),
}
OF_FOREIGN = {
    "numbers": ("int", "uint", "float", "double", "bool", "decimal"),
    "text": ("str", "utf", "large_str", "cat", "enum", "dictionary"),
    "dates": ("date", "timestamp"),
    "durations": ("duration",),
}


def container_of(X: Any) -> str:
    """Return the container of a table, as `TableSchema.container` names it."""
    if isinstance(X, pd.DataFrame) or is_foreign_frame(X):
        return "frame"
    if isinstance(X, pd.Series):
        return "series"
    if sparse.issparse(X):
        return "sparse"
    if isinstance(X, np.ndarray):
        return {1: "values", 2: "array"}.get(X.ndim, "other")
    if isinstance(X, list | tuple) and len(X):
        if isinstance(X[0], list | tuple | np.ndarray):
            flat = all(np.ndim(value) == 0 for value in X[0]) if np.ndim(X[0]) < 2 else False
            return "array" if flat else "other"
        return "values"
    return "other"


def width_of(X: Any) -> int | None:
    """Return the number of columns of a table, where it has any."""
    if isinstance(X, list | tuple):
        return len(X[0])
    shape: tuple[int, ...] = getattr(X, "shape", ())
    return int(shape[1]) if len(shape) > 1 else None


def kinds_of(X: Any, recorded: bool = False) -> tuple[str, ...]:
    """Return the kind of each column; one for all columns of an array with a numeric dtype.

    With `recorded`, a column without values is of any kind, as text that is missing in all rows is read as
    numbers.
    """
    if isinstance(X, pd.DataFrame):
        kinds = [_kind(X, at, dtype) for at, dtype in enumerate(X.dtypes)]
        for at in np.flatnonzero(X.iloc[:1].isna().to_numpy()).tolist() if recorded and len(X) else ():
            kinds[at] = ANY_KIND if X.iloc[:, at].isna().all() else kinds[at]
        return tuple(kinds)
    if is_foreign_frame(X):
        return tuple(
            _foreign_kind(X[name].dtype if hasattr(X[name], "dtype") else "") for name in names_of(X)
        )
    if isinstance(X, pd.Series):
        return (_kind(X.to_frame(), 0, X.dtype),)
    if isinstance(X, np.ndarray) and X.dtype == object:
        columns = [X] if X.ndim == 1 else X.T
        return tuple(_kind_of_objects(column) for column in columns)
    if isinstance(X, list | tuple):
        return (ANY_KIND,) if container_of(X) == "array" else (_kind_of_objects(X),)
    return (OF_DTYPE.get(X.dtype.kind, ANY_KIND),)


def is_empty_column(X: Any, at: int) -> bool:
    """Whether a column has no values, so that its dtype says nothing."""
    if isinstance(X, pd.DataFrame):
        return bool(X.iloc[:, at].isna().all())
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fO":
        return bool(pd.isna(X[:, at]).all())
    return isinstance(X, pd.Series) and bool(X.isna().all())


def _kind(X: pd.DataFrame, at: int, dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        return _kind_of_objects(dtype.categories)
    if isinstance(dtype, np.dtype):
        return _kind_of_objects(X.iloc[:, at]) if dtype.kind == "O" else OF_DTYPE.get(dtype.kind, ANY_KIND)
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    if pd.api.types.is_string_dtype(dtype):
        return "text"
    return "dates" if pd.api.types.is_datetime64_any_dtype(dtype) else ANY_KIND


def _kind_of_objects(values: Any) -> str:
    return OF_OBJECTS.get(pd.api.types.infer_dtype(values, skipna=True), ANY_KIND)


def _foreign_kind(dtype: Any) -> str:
    name = str(dtype).lower()
    return next((kind for kind, starts in OF_FOREIGN.items() if name.startswith(starts)), ANY_KIND)
