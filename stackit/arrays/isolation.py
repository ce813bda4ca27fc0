"""What an estimator is handed of a table: memory of its own, or memory that it cannot write into.

An estimator of an unknown library may write into whatever it is handed, and numpy's read-only flag does not
stop all of them (torch ignores it). Such an estimator gets a copy of its own each time. Known libraries read
only, unless a parameter tells them to work in place, so they share.
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
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from stackit.arrays.frames import as_pandas, is_foreign_frame, with_safe_names
from stackit.arrays.rows import num_samples, safe_index

__all__ = [
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
# What pandas calls columns of objects that nobody can write into.
FIXED = {
    "string",
    "bytes",
    "integer",
    "floating",
    "mixed-integer-float",
    "complex",
    "decimal",
    "boolean",
    "datetime",
    "datetime64",
    "date",
    "timedelta",
    "timedelta64",
    "time",
    "period",
    "empty",
}


@dataclass(frozen=True)
class Reader:
    """How an estimator treats the tables that it is handed.

    Parameters
    ----------
    well_known : bool
        Whether it, and all that it is made of, comes from a library that is known to read only.
    boosts : bool
        Whether it is, or contains, an estimator of a gradient boosting library.
    names_reach_booster : bool
        Whether it is such an estimator itself, so that the names of columns reach it as they are.
    ends_nothing : bool
        Whether it can be expected not to end its process: all of it that is not of such a library are
        functions, and transformers of the user's own, neither of which is compiled in most cases.
    """

    is_trusted_library: bool
    boosts: bool = False
    names_reach_booster: bool = False
    ends_nothing: bool = False

    def adapted(self, X: Any) -> Any:
        """Return a table as its library can read it.

        Gradient boosting libraries get frames of other libraries than pandas as pandas frames (lightgbm ends
        the process on some of them), and column names without the characters that they refuse.
        """
        if not self.boosts:
            return X
        if is_foreign_frame(X):
            X = as_pandas(X)
        return with_safe_names(X) if self.names_reach_booster else X


def inspect_reader(estimator: Any) -> Reader:
    """Look up how an estimator treats the tables that it is handed.

    A parameter named ``copy``, ``copy_X`` or the like that is False tells a known library to work in place;
    such an estimator is treated like one of an unknown library, as is one that is given a function.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> [inspect_reader(each).is_trusted_library for each in (Ridge(), Ridge(copy_X=False))]
    [True, False]
    >>> reader = inspect_reader(FunctionTransformer(print))
    >>> reader.is_trusted_library, reader.ends_nothing
    (False, True)
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
        ends_nothing=library in WELL_KNOWN
        and all(_library_of(part) in WELL_KNOWN or _is_harmless(part) for part in parts),
    )


def call_isolated(ask: Callable[[Any], Any], X: Any, reader: Reader, owned: bool = False) -> Any:
    """Call a function of a table on behalf of an estimator, such that the table stays what it is.

    Parameters
    ----------
    ask : callable
        Takes the table, and returns what the estimator says of it.
    X : array-like
        The table; others will be handed it too.
    reader : Reader
        How the estimator treats tables.
    owned : bool
        Whether nothing else refers to the table.

    Returns
    -------
    object
        What `ask` returns. Of an unknown library, an array is copied, since the estimator may keep it.
    """
    adapted = reader.adapted(X)
    if not reader.is_trusted_library:
        answer = ask(adapted if owned else own_copy(adapted))
        return answer.copy() if isinstance(answer, np.ndarray) else answer
    try:
        return ask(read_only(adapted))
    except (TypeError, ValueError) as error:
        if not is_readonly_error(error):
            raise
        return ask(own_copy(adapted))


def own_tables(reader: Reader, *tables: Any) -> tuple[Any, ...]:
    """Return tables as they are for a reader of a known library, and else copies; None stays None."""
    if reader.is_trusted_library:
        return tables
    return tuple(None if table is None else own_copy(table) for table in tables)


def read_only(X: Any) -> Any:
    """Return a table that a known library cannot change: a read-only view, or a copy where there is none."""
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
    """Return a table in memory that nothing else refers to, in the same container.

    Examples
    --------
    >>> words = [["a"], ["b"]]
    >>> own_copy(words)[0].append("c")
    >>> words
    [['a'], ['b']]
    """
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


def own_rows(X: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Return some rows of a table in memory that nothing else refers to, in the same container."""
    part = safe_index(X, rows)
    if isinstance(X, pd.DataFrame | pd.Series) and _may_be_a_slice(rows):
        part = part.copy()  # of rows at equal distances pandas returns a view
    return _with_own_cells(part)


def rows_for(reader: Reader, X: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Return some rows of a table for an estimator to fit on; one of an unknown library may write into them.

    Examples
    --------
    >>> rows_for(Reader(is_trusted_library=True), np.eye(3), np.array([2, 0])).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return reader.adapted(safe_index(X, rows) if reader.is_trusted_library else own_rows(X, rows))


def own_values(values: Any) -> Any:
    """Return a parameter of fit with copies of the arrays, tables, lists and dictionaries in it."""
    if isinstance(values, np.ndarray | pd.DataFrame | pd.Series) or sparse.issparse(values):
        return own_copy(values)
    if type(values) is dict:
        return {name: own_values(value) for name, value in values.items()}
    if type(values) in (list, tuple):
        return type(values)(own_values(value) for value in values)
    return values


def _with_own_cells(X: Any) -> Any:
    """Copy the cells of a copied table that are objects with a content, such as lists."""
    if isinstance(X, np.ndarray):
        return _own_cells(X) if X.dtype == object and not _are_fixed(X) else X
    if isinstance(X, list | tuple):
        return X if all(isinstance(value, PLAIN) for value in X) else _own_cell(X)
    if isinstance(X, pd.Series):
        return X.map(_own_cell) if X.dtype == object and not _are_fixed(X) else X
    if not isinstance(X, pd.DataFrame):
        return X
    for at in np.flatnonzero([kind.kind == "O" for kind in X.dtypes]):
        column = X.iloc[:, int(at)]
        if column.dtype == object and not _are_fixed(column):
            X.isetitem(int(at), column.map(_own_cell).array)
    if not COPIES_ON_WRITE:  # older pandas shares the labels of columns, whose name can be changed
        X.columns = X.columns.copy()
    return X


def _own_cell(value: Any) -> Any:
    """Copy an object with all that it holds; what cannot be copied, such as a lock, is shared."""
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - copying runs code of any class
        return value


_own_cells = np.frompyfunc(_own_cell, 1, 1)


def _may_be_a_slice(rows: npt.NDArray[np.intp]) -> bool:
    return len(rows) < 2 or bool(rows[-1] - rows[0] == (rows[1] - rows[0]) * (len(rows) - 1))


def _are_fixed(values: Any) -> bool:
    """Whether objects are such that none can be changed in place."""
    flat = values.ravel() if isinstance(values, np.ndarray) else values
    if pd.api.types.infer_dtype(flat, skipna=True) in FIXED:
        return True
    return all(isinstance(value, PLAIN) for value in flat)


def _parts(value: Any) -> Iterator[Any]:
    """Yield what a parameter holds that may compute: all but plain values, types of numbers and tables."""
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
    """Whether a part is a function, or a transformer whose class is not of an installed library."""
    if isinstance(part, FunctionType | BuiltinFunctionType | MethodType | partial | type):
        return True
    if not hasattr(part, "transform") or hasattr(part, "predict"):
        return False
    file = str(getattr(sys.modules.get(_library_of(part)), "__file__", None) or "")
    return not INSTALLED.intersection(Path(file).parts)


def _wrapped(estimator: Any) -> Any:
    """Return the estimator inside wrappers that hand their table on as it is."""
    while not hasattr(estimator, "steps") and hasattr(inner := getattr(estimator, "estimator", None), "fit"):
        estimator = inner
    return estimator


def _library_of(part: Any) -> str:
    """Return the package that a function or a type, or the type of any other object, is from."""
    kind = part if isinstance(part, FunctionType | type) else type(part)
    return str(kind.__module__).split(".")[0]


def is_readonly_error(error: Exception) -> bool:
    """Whether an estimator failed because it tried to write into a read-only table.

    Examples
    --------
    >>> is_readonly_error(ValueError("assignment destination is read-only"))
    True
    """
    return re.search("read-?only|write?able", str(error)) is not None
