"""Error texts, warnings, checks of parameters, and imports of optional libraries."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType
from typing import Any

from sklearn import get_config

__all__ = [
    "format_list",
    "import_optional",
    "invalid_value",
    "is_number",
    "is_whole",
    "routing_enabled",
    "warn",
]

PACKAGE = str(Path(__file__).parent) + os.sep


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
    >>> is_number(1), is_number("1"), is_number(True)
    (True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a parameter is a whole number, as counts are.

    Examples
    --------
    >>> is_whole(2), is_whole(2.0)
    (True, False)
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
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)


def routing_enabled() -> bool:
    """Whether scikit-learn's metadata routing is switched on."""
    return bool(get_config().get("enable_metadata_routing", False))
