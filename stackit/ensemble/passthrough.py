"""The table that a level or the final estimator sees: meta-features next to all, some or no columns of X."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import _safe_indexing

from stackit.arrays.frames import as_pandas, is_foreign_frame, names_of, safe_names
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.prediction import prediction_spec
from stackit.target import Target
from stackit.validation import format_list, invalid_value

__all__ = [
    "Passthrough",
    "check_columns",
    "check_passthrough",
    "level_features",
    "select_columns",
    "side_by_side",
]

Passthrough = bool | Sequence[str] | Sequence[int]


def side_by_side(meta: pd.DataFrame, X: Any, safe: bool = False) -> Any:
    """Return meta-features and X in one table: a data frame with X's types, a sparse matrix or an array.

    With `safe`, the meta-features get names that every library accepts, where X is a data frame.
    """
    if is_foreign_frame(X):
        X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        X = X.rename(columns=str)
        names = safe_names(meta.columns, taken=X.columns) if safe else meta.columns
        return pd.concat([meta.set_axis(X.index).set_axis(names, axis=1), X], axis=1)
    if sparse.issparse(X):
        blocks: list[Any] = [sparse.csr_matrix(meta.to_numpy()), X]
        return sparse.hstack(blocks, format="csr")
    numbers = np.asarray(X)
    if numbers.ndim != 2:
        raise ValueError(f"X must be a table to be passed through; it has {numbers.ndim} dimension(s).")
    return np.hstack([meta.to_numpy(), numbers])


def level_features(passthrough: Passthrough, meta: pd.DataFrame, X: Any, named: bool) -> Any:
    """Return the table of a level or final estimator; with `named`, meta-features keep their names."""
    if passthrough is False:
        return meta if named else meta.to_numpy()
    return side_by_side(meta, select_columns(passthrough, X), safe=not named)


def select_columns(passthrough: Passthrough, X: Any) -> Any:
    """Return the chosen columns of X (names or positions), and all of X for True and False."""
    if isinstance(passthrough, bool):
        return X
    columns = list(passthrough)
    if isinstance(X, pd.DataFrame):
        names = list(map(str, X.columns))
        places: list[Any] = [names.index(one) if isinstance(one, str) else one for one in columns]
        return X.iloc[:, places]
    return _safe_indexing(X if hasattr(X, "shape") else np.asarray(X), columns, axis=1)


def check_columns(passthrough: Any, X: Any) -> None:
    """Raise unless `passthrough` is True, False, or a list of columns of X, each once."""
    if isinstance(passthrough, bool):
        return
    has_names = isinstance(X, pd.DataFrame) or is_foreign_frame(X)
    names = [str(name) for name in names_of(X)] if has_names else []
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
    """Return what is wrong with a list of columns, given the position of each column; "" if nothing is."""
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


def check_passthrough(
    levels: Sequence[Any], passthrough: Passthrough, stack_method: str, target: Target, X: Any
) -> None:
    """Raise where columns to pass through are unknown, or have the name of a meta-feature next to them.

    `passthrough` is that of the final estimator.
    """
    passed = [*(level.passthrough for level in levels), passthrough]
    for columns in passed:
        check_columns(columns, X)
    for level, columns in zip(levels, passed[1:], strict=True):
        if columns is not False:
            _check_no_common_names(level.members, stack_method, target, select_columns(columns, X))


def _check_no_common_names(members: NamedEstimators, stack_method: str, target: Target, X: Any) -> None:
    """Raise when a meta-feature would have the name of a column of X that is passed through."""
    columns = set(map(str, names_of(X))) if isinstance(X, pd.DataFrame) or is_foreign_frame(X) else set()
    names = [name for one in members for name in prediction_spec(*one, stack_method, target).column_names]
    taken = sorted(columns.intersection(names))
    if taken:
        raise ValueError(
            f"The names {taken} are both meta-features of estimators and columns of X that are passed "
            "through. Rename these estimators, or these columns."
        )
