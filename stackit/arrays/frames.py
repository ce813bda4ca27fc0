"""Data frames of any library: their names and kinds of columns, and the way to pandas."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "as_pandas",
    "distinct",
    "index_of",
    "is_foreign_frame",
    "names_of",
    "safe_names",
    "with_safe_names",
]

# xgboost refuses [ ] <, and lightgbm " , : [ ] { } in the names of columns; > goes with <.
REFUSED = re.compile(r'[\[\]<>",:{}]')
WORDS = {"<": "lt", ">": "gt"}


def is_foreign_frame(X: Any) -> bool:
    """Whether a table is a data frame of another library than pandas, such as polars or pyarrow.

    Examples
    --------
    >>> is_foreign_frame(pd.DataFrame({"a": [1]})), is_foreign_frame(np.eye(2))
    (False, False)
    """
    if isinstance(X, np.ndarray | pd.DataFrame | pd.Series | list | tuple):
        return False
    return hasattr(X, "columns") and (hasattr(X, "to_pandas") or hasattr(X, "__dataframe__"))


def index_of(table: Any) -> Any:
    """Return the index of a data frame or series, and None for a table without one.

    Examples
    --------
    >>> index_of(pd.Series(["good", "bad"], index=[7, 3])).tolist(), index_of([["good"], ["bad"]])
    ([7, 3], None)
    """
    index = getattr(table, "index", None)
    return index if isinstance(index, pd.Index) else None


def names_of(frame: Any) -> list[Any]:
    """Return the names of the columns of a data frame of any library, in their order."""
    if isinstance(frame, pd.DataFrame):
        return list(frame.columns.tolist())
    return list(getattr(frame, "column_names", None) or frame.columns)


def as_pandas(frame: Any) -> pd.DataFrame:
    """Return a data frame of another library as one of pandas; categories stay categories."""
    try:
        return pd.DataFrame(frame.to_pandas())
    except (AttributeError, ImportError):  # polars wants pyarrow for it
        return pd.DataFrame({name: _column(frame[name]) for name in names_of(frame)}, copy=True)


def distinct(values: Iterable[Any]) -> tuple[str, ...]:
    """Return values as texts, no two of them equal: where ``str`` does not tell values apart, ``repr`` does.

    Examples
    --------
    >>> distinct([1, 2]), distinct([1, "1"]), distinct(["a", "a"])
    (('1', '2'), ('1', "'1'"), ('a', 'a_2'))
    """
    known = list(values)
    texts = [str(value) for value in known]
    counts = Counter(texts)
    for text in [text for text, count in counts.items() if count > 1]:
        places = [at for at, each in enumerate(texts) if each == text]
        longer = [repr(known[at]) for at in places]
        if len(set(longer)) == len(places):
            for at, own in zip(places, longer, strict=True):
                texts[at] = own
    return tuple(_numbered(texts))


def safe_names(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return names of columns that every library takes, no two of them equal nor equal to one in `taken`.

    Parameters
    ----------
    names : iterable of str
        Names that are safe already stay as they are.
    taken : iterable of str
        Names that other columns have.

    Examples
    --------
    >>> safe_names(["forest__<30", "forest__>30", "forest__a,b", "age"])
    ['forest__lt30', 'forest__gt30', 'forest__a_b', 'age']
    >>> safe_names(["a[0]", "a_0_"])
    ['a_0__2', 'a_0_']
    """
    wanted = list(names)
    used = {_as_lightgbm(name) for name in taken}
    kept = {_as_lightgbm(name) for name in wanted if not REFUSED.search(name)}
    found: list[str] = []
    for name in wanted:
        safe = REFUSED.sub(lambda match: WORDS.get(match[0], "_"), name)
        own, number = safe, 1
        while _as_lightgbm(own) in used or (safe != name and _as_lightgbm(own) in kept):
            number += 1
            own = f"{safe}_{number}"
        used.add(_as_lightgbm(own))
        found.append(own)
    return found


def with_safe_names(X: Any) -> Any:
    """Return a pandas frame whose names every library takes; any other table as it is."""
    if not isinstance(X, pd.DataFrame):
        return X
    names = [str(name) for name in X.columns]
    safe = safe_names(names)
    return X if safe == names else X.set_axis(safe, axis=1)


def _as_lightgbm(name: str) -> str:
    """Return a name as lightgbm tells it from others: a blank is an underscore."""
    return name.replace(" ", "_")


def _numbered(texts: list[str]) -> list[str]:
    """Return texts of which those that come again have a number."""
    found: dict[str, None] = {}
    for text in texts:
        own, number = text, 1
        while own in found:
            number += 1
            own = f"{text}_{number}"
        found[own] = None
    return list(found)


def _column(values: Any) -> Any:
    column = np.asarray(values)
    return pd.Categorical(column) if str(values.dtype).startswith(("Categorical", "Enum")) else column
