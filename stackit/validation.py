"""Validation and error texts, shared by all rooms."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import get_config
from sklearn.utils import _safe_indexing

__all__ = [
    "NamedEstimators",
    "check_estimators",
    "check_rows",
    "format_list",
    "import_optional",
    "invalid_value",
    "is_number",
    "is_readonly_error",
    "is_whole",
    "num_samples",
    "routing_enabled",
    "safe_index",
    "visual_block",
    "warn",
]

HOUSE = str(Path(__file__).parent) + os.sep

NamedEstimators = Sequence[tuple[str, Any]]


def invalid_value(what: str, expected: str, got: str, advice: str) -> ValueError:
    """Return the error for bad input, in the one form that all of stackit uses.

    Parameters
    ----------
    what, expected : str
        The thing that is wrong, and what it must be.
    got : str
        What was given, as ``name=value``.
    advice : str
        What to do about it, without the final dot.

    Returns
    -------
    ValueError
        To be raised by the caller.

    Examples
    --------
    >>> raise invalid_value("n_splits", "at least 2", "n_splits=1", "Pass n_splits=5")
    Traceback (most recent call last):
        ...
    ValueError: n_splits must be at least 2; got n_splits=1. Pass n_splits=5.
    """
    return ValueError(f"{what} must be {expected}; got {got}. {advice}.")


def format_list(values: Iterable[Any], most: int = 5) -> str:
    """Return the first few values as text, and how many more there are.

    Examples
    --------
    >>> format_list([3, 1, 2], most=2)
    '3, 1, and 1 more'
    """
    found = [str(value) for value in values]
    rest = len(found) - most
    return ", ".join(found[:most]) + (f", and {rest} more" if rest > 0 else "")


def is_number(value: Any) -> bool:
    """Whether a parameter is a number: no text, and no bool.

    Examples
    --------
    >>> is_number(1), is_number(np.float32(0.5)), is_number("1"), is_number(True)
    (True, True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a parameter is a whole number, as counts are.

    Examples
    --------
    >>> is_whole(2), is_whole(np.int64(2)), is_whole(2.0)
    (True, True, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def import_optional(module: str, extra: str) -> ModuleType:
    """Import an optional module, or say how to install it.

    Parameters
    ----------
    module : str
        The module's dotted name.
    extra : str
        The extra of stackit that brings it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        When the module cannot be imported; the text holds the install command.

    Examples
    --------
    >>> import_optional("json", "all").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed here and cannot be imported ({error}). "
            f"Install it with: pip install 'stackit[{extra}]'"
        ) from error


def warn(text: str) -> None:
    """Warn the user, pointing at the line outside stackit that led here."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HOUSE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)


def num_samples(table: Any) -> int:
    """Return the number of rows of an array, a data frame, a sparse matrix or a list."""
    shape = getattr(table, "shape", None)
    return int(shape[0]) if shape else len(table)


def safe_index(table: Any, rows: npt.NDArray[np.intp]) -> Any:
    """Return some rows of an array, a data frame, a sparse matrix or a list, in the same container."""
    return table[rows] if type(table) is np.ndarray else _safe_indexing(table, rows)


def is_readonly_error(error: Exception) -> bool:
    """Whether an estimator failed since it wanted to write into a table that it shares with others.

    Examples
    --------
    >>> is_readonly_error(ValueError("assignment destination is read-only"))
    True
    """
    return re.search("read-?only|write?able", str(error)) is not None


def check_rows(values: Any, name: str, n: int) -> npt.NDArray[Any] | None:
    """Return groups as an array with one value per row; None stays None.

    Parameters
    ----------
    values : (n,) array-like or None
        One value a row.
    name : str
        What they are called in the error.
    n : int
        The number of rows.

    Raises
    ------
    ValueError
        When there is not one value per row.
    """
    if values is None:
        return None
    column = np.asarray(values)
    if column.shape != (n,):
        raise invalid_value(
            name, f"one value a row, of shape ({n},)", f"shape={column.shape}", f"Pass {n} values"
        )
    if pd.isna(column).any():
        raise invalid_value(name, "without missing values", f"{pd.isna(column).sum()} missing", "Fill them")
    return column


def check_estimators(estimators: NamedEstimators, reserved: Iterable[str] = ()) -> None:
    """Raise unless `estimators` is a non-empty list of (name, estimator) pairs with usable names.

    Parameters
    ----------
    estimators : list of (str, estimator)
        What the caller gave.
    reserved : iterable of str
        Names that mean something else already, such as constructor arguments.

    Raises
    ------
    ValueError
        When the list is empty, a pair is malformed, a name is repeated, reserved or holds ``__``, or
        an estimator is a class or lacks ``fit``.
    """
    if not isinstance(estimators, Sequence) or isinstance(estimators, str) or not estimators:
        raise invalid_value(
            "estimators",
            "a non-empty list of (name, estimator) tuples",
            f"estimators={estimators!r}",
            "Pass for example [('lr', LogisticRegression())]",
        )
    for pair in estimators:
        check_pair(pair)
    names = [name for name, _ in estimators]
    wrong = sorted({n for n in names if names.count(n) > 1 or "__" in n or not n or n in set(reserved)})
    if wrong:
        raise invalid_value(
            "Names of estimators",
            "unique, not empty, without '__' and not those of constructor arguments",
            f"names={names!r}",
            f"Rename {format_list(map(repr, wrong))}",
        )


def check_pair(pair: Any) -> None:
    """Raise unless `pair` is a (name, estimator) tuple."""
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise invalid_value(
            "Each member of estimators",
            "a (name, estimator) tuple",
            f"member={pair!r}",
            "Pass for example ('lr', LogisticRegression())",
        )
    name, estimator = pair
    if inspect.isclass(estimator) or not hasattr(estimator, "fit"):
        raise invalid_value(
            f"Estimator {name!r}",
            "an object with fit and predict",
            f"{name}={estimator!r}",
            "Pass an instance, as in LogisticRegression()",
        )


def routing_enabled() -> bool:
    """Whether scikit-learn's metadata routing is switched on."""
    return bool(get_config().get("enable_metadata_routing", False))


def visual_block(kind: str, estimators: list[Any], names: list[str] | None = None) -> Any:
    """Return scikit-learn's block of an HTML diagram; its class is private and has moved before."""
    try:
        from sklearn.utils._repr_html.estimator import _VisualBlock
    except ImportError:
        from sklearn.utils._estimator_html_repr import _VisualBlock
    return _VisualBlock(kind, estimators, names=names, dash_wrapped=False)
