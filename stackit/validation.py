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
    """Return a ValueError with the text "{what} must be {expected}; got {got}. {advice}."

    Raise a ValueError with a whole sentence instead where this makes a better one.

    Examples
    --------
    >>> raise invalid_value("n_splits", "at least 2", "n_splits=1", "Pass n_splits=5")
    Traceback (most recent call last):
        ...
    ValueError: n_splits must be at least 2; got n_splits=1. Pass n_splits=5.
    """
    return ValueError(f"{what} must be {expected}; got {got}. {advice}.")


def format_list(values: Iterable[Any], most: int = 5) -> str:
    """Return the first values as text, and the number of the others.

    Examples
    --------
    >>> format_list([3, 1, 2], most=2)
    '3, 1, and 1 more'
    """
    found = [str(value) for value in values]
    rest = len(found) - most
    return ", ".join(found[:most]) + (f", and {rest} more" if rest > 0 else "")


def is_number(value: Any) -> bool:
    """Whether a value is a number and not a bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number and not a bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def import_optional(module: str, extra: str) -> ModuleType:
    """Import an optional module, or raise an ImportError with the command that installs its extra."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed here and cannot be imported ({error}). "
            f"Install it with: pip install 'stackit[{extra}]'"
        ) from error


def warn(text: str) -> None:
    """Warn the user, with the line outside stackit that led here."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)


def routing_enabled() -> bool:
    """Whether scikit-learn's metadata routing is switched on."""
    return bool(get_config().get("enable_metadata_routing", False))
