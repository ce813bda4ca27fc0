"""What a level sees: meta-features of the level below, and all, some or no columns of X."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing

from stackit.ensemble.passthrough import side_by_side
from stackit.validation import format_list, invalid_value

__all__ = ["Passthrough", "check_columns", "level_features", "select_columns"]

Passthrough = bool | Sequence[str] | Sequence[int]


def check_columns(passthrough: Any, X: Any) -> None:
    """Raise unless `passthrough` is True, False, or columns that X has.

    Raises
    ------
    ValueError
        When it is neither, or names a column that X does not have, or one twice.

    Examples
    --------
    >>> check_columns([0, 9], np.eye(3))
    Traceback (most recent call last):
        ...
    ValueError: passthrough must be True, False or columns of X (positions 0 to 2); got no column 9. ...
    """
    if isinstance(passthrough, bool):
        return
    names = [str(name) for name in X.columns] if isinstance(X, pd.DataFrame) else []
    n_columns = int(np.shape(X)[1]) if len(np.shape(X)) == 2 else 0
    places = {at: at for at in range(n_columns)} | {name: at for at, name in enumerate(names)}
    wrong = _what_is_wrong(passthrough, places)
    if wrong:
        there = f"names such as {format_list(names, 3)}, or " if names else ""
        raise invalid_value(
            "passthrough",
            f"True, False or columns of X ({there}positions 0 to {n_columns - 1})",
            wrong,
            "Pass a list of such columns, each once",
        )


def _what_is_wrong(passthrough: Any, places: dict[Any, int]) -> str:
    """Say what is wrong with columns, given where each is; nothing where they are right."""
    if not isinstance(passthrough, Sequence | np.ndarray) or isinstance(passthrough, str):
        return f"no column {passthrough}"
    known = [*places]
    missing = [one for one in passthrough if isinstance(one, bool | np.bool_) or one not in known]
    if missing:
        return f"no column {format_list(missing)}"
    found = [places[one] for one in passthrough]
    twice = [one for at, one in enumerate(passthrough) if found[at] in found[:at]]
    if twice:
        return f"{format_list(twice)} twice"
    return "" if found else "no column at all"


def select_columns(passthrough: Passthrough, X: Any) -> Any:
    """Return all of X, or the chosen columns.

    Examples
    --------
    >>> select_columns([2, 0], np.arange(6).reshape(2, 3)).tolist()
    [[2, 0], [5, 3]]
    """
    if isinstance(passthrough, bool):
        return X
    columns = list(passthrough)
    if isinstance(X, pd.DataFrame):
        names = list(map(str, X.columns))
        places: list[Any] = [names.index(one) if isinstance(one, str) else one for one in columns]
        return X.iloc[:, places]
    return _safe_indexing(X if hasattr(X, "shape") else np.asarray(X), columns, axis=1)


def level_features(passthrough: Passthrough, meta: pd.DataFrame, X: Any, named: bool) -> Any:
    """Return the table of a level: meta-features, and what is seen of X beside them.

    Parameters
    ----------
    passthrough : bool or list of columns
        What is seen of X.
    meta : (n, k) data frame
        The meta-features of the level below.
    X : array-like with n rows
        The features.
    named : bool
        Whether meta-features keep their names, which combiners read; others get an array, or beside columns
        of X, names that every library takes.
    """
    if passthrough is False:
        return meta if named else meta.to_numpy()
    return side_by_side(meta, select_columns(passthrough, X), safe=not named)
