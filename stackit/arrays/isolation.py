"""Keeps estimators from changing tables that others use: read-only views, or copies.

An estimator of an unknown library may write into the tables that it gets, and numpy's read-only flag does not
stop all of them (torch ignores it), so it gets a copy each time. Known libraries share the table, unless a
parameter makes them work in place.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.arrays.frames import as_pandas, is_foreign_frame, with_safe_names
from stackit.arrays.rows import num_samples, safe_index
from stackit.arrays.types import Rows

__all__ = [
    "INSTALLED",
    "WELL_KNOWN",
    "Reader",
    "call_isolated",
    "inspect_reader",
    "is_readonly_error",
    "own_copy",
    "own_rows",
    "own_tables",
    "own_values",
    "read_only",
    "rows_for",
]

WELL_KNOWN = {"lightgbm", "numpy", "scipy", "sklearn", "stackit", "xgboost"}
BOOSTERS = {"catboost", "lightgbm", "xgboost"}
COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3
INSTALLED = {"site-packages", "dist-packages"}
PLAIN = (str, bytes, int, float, complex, bool, type(None), np.generic)
# What pandas.api.types.infer_dtype calls columns of immutable objects.
IMMUTABLE = {"string", "bytes", "integer", "floating", "mixed-integer-float", "complex", "decimal", "boolean"}
IMMUTABLE |= {"datetime", "datetime64", "date", "timedelta", "timedelta64", "time", "period", "empty"}


@dataclass(frozen=True)
class Reader:
    """How an estimator treats the tables that it gets.

    `is_trusted_library` is True where all its parts come from libraries that do not write into tables;
    `boosts` where a part comes from a gradient boosting library, and `names_reach_booster` where that part
    gets the column names unchanged; `is_unlikely_to_exit` where all parts of other libraries are Python
    functions or the user's own transformers, which hardly ever end the process.
    """

    is_trusted_library: bool
    boosts: bool = False
    names_reach_booster: bool = False
    is_unlikely_to_exit: bool = False

    def adapted(self, X: Any) -> Any:
        """Return a table as its library can read it.

        Gradient boosting libraries get pandas frames instead of other frames (lightgbm crashes on some of
        these), and column names without the characters that they refuse.
        """
        if not self.boosts:
            return X
        if is_foreign_frame(X):
            X = as_pandas(X)
        return with_safe_names(X) if self.names_reach_booster else X


def inspect_reader(estimator: Any) -> Reader:
    """Return how an estimator treats the tables that it gets.

    A known library works in place where a parameter such as ``copy_X`` is False: such an estimator is treated
    like one of an unknown library, as is one with a function among its parameters.
    """
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    library = _library_of(estimator)
    parts = [part for value in params.values() for part in _parts(value)]
    libraries = {library, *map(_library_of, parts)}
    inner = _library_of(_wrapped(estimator))
    in_place = any(value is False and "copy" in name.rpartition("__")[2] for name, value in params.items())
    return Reader(
        is_trusted_library=libraries <= WELL_KNOWN and not in_place,
        boosts=not BOOSTERS.isdisjoint({*libraries, inner}),
        names_reach_booster=inner in BOOSTERS,
        is_unlikely_to_exit=library in WELL_KNOWN
        and all(_library_of(part) in WELL_KNOWN or _is_harmless(part) for part in parts),
    )


def call_isolated(function: Callable[[Any], Any], X: Any, reader: Reader, owned: bool = False) -> Any:
    """Call a function of an estimator, such as its predict, on a table that stays unchanged.

    `owned` says that nothing else refers to the table, so that it need not be copied. The array that an
    unknown library returns is copied, since its estimator may keep it.
    """
    adapted = reader.adapted(X)
    if not reader.is_trusted_library:
        result = function(adapted if owned else own_copy(adapted))
        return result.copy() if isinstance(result, np.ndarray) else result
    try:
        return function(read_only(adapted))
    except (TypeError, ValueError) as error:
        if not is_readonly_error(error):
            raise
        return function(own_copy(adapted))


def own_tables(reader: Reader, *tables: Any) -> tuple[Any, ...]:
    """Return the tables for a reader of a known library, else copies of them; None stays None."""
    if reader.is_trusted_library:
        return tables
    return tuple(None if table is None else own_copy(table) for table in tables)


def read_only(X: Any) -> Any:
    """Return a table that a known library cannot change: a read-only view, else a copy."""
    if isinstance(X, np.ndarray):
        view = X.view()
        view.flags.writeable = False
        return view
    if isinstance(X, pd.DataFrame | pd.Series):
        return X.copy(deep=not COPIES_ON_WRITE)
    if isinstance(X, list | tuple) or type(X).__module__.startswith("stackit."):
        return X
    return own_copy(X)


def own_copy(X: Any) -> Any:
    """Return a table in memory that nothing else refers to, in the same container."""
    if isinstance(X, np.ndarray):
        return _with_own_cells(X.copy(order="K"))
    if isinstance(X, pd.DataFrame | pd.Series):
        return _with_own_cells(X.copy())
    if sparse.issparse(X):
        return copy.deepcopy(X)
    if isinstance(X, list | tuple):
        return _with_own_cells(copy.copy(X))
    if getattr(X, "shape", None):
        return safe_index(X, np.arange(num_samples(X)))
    return copy.deepcopy(X)


def own_rows(X: Any, rows: Rows) -> Any:
    """Return some rows of a table in memory that nothing else refers to, in the same container."""
    part = safe_index(X, rows)
    if isinstance(X, pd.DataFrame | pd.Series) and _may_be_a_slice(rows):
        part = part.copy()  # pandas returns a view of rows at equal distances
    return _with_own_cells(part)


def rows_for(reader: Reader, X: Any, rows: Rows) -> Any:
    """Return some rows of a table for an estimator to fit on: a copy that an unknown library may change."""
    return reader.adapted(safe_index(X, rows) if reader.is_trusted_library else own_rows(X, rows))


def own_values(values: Any) -> Any:
    """Return a fit parameter with all its arrays, tables, lists and dictionaries copied."""
    if isinstance(values, np.ndarray | pd.DataFrame | pd.Series) or sparse.issparse(values):
        return own_copy(values)
    if type(values) is dict:
        return {name: own_values(value) for name, value in values.items()}
    if type(values) in (list, tuple):
        return type(values)(own_values(value) for value in values)
    return values


def _with_own_cells(X: Any) -> Any:
    """Return a copied table with its mutable cells, such as lists, copied too."""
    if isinstance(X, np.ndarray):
        return _own_cells(X) if X.dtype == object and not _are_immutable(X) else X
    if isinstance(X, list | tuple):
        return X if all(isinstance(value, PLAIN) for value in X) else _own_cell(X)
    if isinstance(X, pd.Series):
        return X.map(_own_cell) if X.dtype == object and not _are_immutable(X) else X
    if not isinstance(X, pd.DataFrame):
        return X
    for at in np.flatnonzero([kind.kind == "O" for kind in X.dtypes]):
        column = X.iloc[:, int(at)]
        if column.dtype == object and not _are_immutable(column):
            X.isetitem(int(at), column.map(_own_cell).array)
    if not COPIES_ON_WRITE:  # older pandas shares the index of columns, which can be renamed in place
        X.columns = X.columns.copy()
    return X


def _own_cell(value: Any) -> Any:
    """Return a deep copy of an object; one that cannot be copied, such as a lock, is shared."""
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - copying runs code of any class
        return value


_own_cells = np.frompyfunc(_own_cell, 1, 1)


def _may_be_a_slice(rows: Rows) -> bool:
    return len(rows) < 2 or bool(rows[-1] - rows[0] == (rows[1] - rows[0]) * (len(rows) - 1))


def _are_immutable(values: Any) -> bool:
    """Whether none of the objects can be changed in place."""
    flat = values.ravel() if isinstance(values, np.ndarray) else values
    if pd.api.types.infer_dtype(flat, skipna=True) in IMMUTABLE:
        return True
    return all(isinstance(value, PLAIN) for value in flat)


def _parts(value: Any) -> Iterator[Any]:
    """Yield the parts of a parameter that may run code: all but plain values, dtypes and tables."""
    if isinstance(value, PLAIN):
        return
    if type(value) in (list, tuple, set, frozenset):
        for part in value:
            yield from _parts(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _parts(part)
    elif isinstance(value, type):
        if value.__module__ not in ("builtins", "numpy"):
            yield value
    elif not isinstance(value, slice | range | np.dtype | pd.Index | pd.Series | pd.DataFrame):
        yield value


def _is_harmless(part: Any) -> bool:
    """Whether a part is a function, or a transformer of a class outside installed libraries."""
    if isinstance(part, FunctionType | BuiltinFunctionType | MethodType | partial | type):
        return True
    if not hasattr(part, "transform") or hasattr(part, "predict"):
        return False
    file = str(getattr(sys.modules.get(_library_of(part)), "__file__", None) or "")
    return not INSTALLED.intersection(Path(file).parts)


def _wrapped(estimator: Any) -> Any:
    """Return the estimator inside wrappers that pass their table on unchanged."""
    while not hasattr(estimator, "steps") and hasattr(inner := getattr(estimator, "estimator", None), "fit"):
        estimator = inner
    return estimator


def _library_of(part: Any) -> str:
    """Return the top-level package of a function, of a type, or of the type of another object."""
    kind = part if isinstance(part, FunctionType | type) else type(part)
    return str(kind.__module__).split(".")[0]


def is_readonly_error(error: Exception) -> bool:
    """Whether an estimator failed because it tried to write into a read-only table."""
    return re.search("read-?only|write?able", str(error)) is not None
