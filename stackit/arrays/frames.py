"""Data frames of any library: column names, safe names, and conversion to pandas."""

from __future__ import annotations

import importlib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "as_pandas",
    "distinct",
    "in_library",
    "index_of",
    "is_foreign_frame",
    "library_of",
    "names_of",
    "safe_names",
    "with_safe_names",
]

# In column names xgboost refuses [ ] < and lightgbm refuses " , : [ ] { }; > is replaced like <.
REFUSED = re.compile(r'[\[\]<>",:{}\x00-\x1f]')
WORDS = {"<": "lt", ">": "gt"}


def is_foreign_frame(X: Any) -> bool:
    """Whether a table is a data frame of a library other than pandas, such as polars or pyarrow."""
    if isinstance(X, np.ndarray | pd.DataFrame | pd.Series | list | tuple):
        return False
    return hasattr(X, "columns") and (hasattr(X, "to_pandas") or hasattr(X, "__dataframe__"))


def index_of(table: Any) -> Any:
    """Return the index of a data frame or series; None for other tables."""
    index = getattr(table, "index", None)
    return index if isinstance(index, pd.Index) else None


def library_of(table: Any) -> str:
    """Return the library of frames that are made from a table: polars for those of polars, else pandas."""
    return "polars" if type(table).__module__.split(".")[0] == "polars" else "pandas"


def in_library(frame: pd.DataFrame, library: str) -> Any:
    """Return a pandas frame as a frame of a library, where it has no index."""
    if library != "polars":
        return frame
    polars = importlib.import_module("polars")
    return polars.DataFrame({str(name): column.to_numpy() for name, column in frame.items()})


def names_of(frame: Any) -> list[Any]:
    """Return the column names of a data frame of any library, in order."""
    if isinstance(frame, pd.DataFrame):
        return list(frame.columns.tolist())
    return list(getattr(frame, "column_names", None) or frame.columns)


def as_pandas(frame: Any) -> pd.DataFrame:
    """Convert a data frame of another library to pandas; categories stay categories."""
    try:
        return pd.DataFrame(frame.to_pandas())
    except (AttributeError, ImportError):  # polars wants pyarrow for it
        return pd.DataFrame({name: _column(frame[name]) for name in names_of(frame)}, copy=True)


def distinct(values: Iterable[Any]) -> tuple[str, ...]:
    """Return values as distinct texts: by ``str``, by ``repr`` where that is ambiguous, else numbered.

    Examples
    --------
    >>> distinct([1, 2]), distinct([1, "1"]), distinct(["a", "a"])
    (('1', '2'), ('1', "'1'"), ('a', 'a_2'))
    """
    known = list(values)
    texts = [str(value) for value in known]
    for text in [text for text, count in Counter(texts).items() if count > 1]:
        places = [at for at, other in enumerate(texts) if other == text]
        if len({repr(known[at]) for at in places}) == len(places):
            for at in places:
                texts[at] = repr(known[at])
    found: dict[str, None] = {}
    for text in texts:
        found[_unused(text, (found,))] = None
    return tuple(found)


def safe_names(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return distinct column names that every library accepts and that differ from those in `taken`.

    Names that are safe stay as they are.

    Examples
    --------
    >>> safe_names(["forest__<30", "forest__>30", "forest__a,b", "age"])
    ['forest__lt30', 'forest__gt30', 'forest__a_b', 'age']
    >>> safe_names(["a[0]", "a_0_", "in\\nmm"])
    ['a_0__2', 'a_0_', 'in_mm']
    """
    wanted = list(names)
    used = {_as_lightgbm(name) for name in taken}
    kept = {_as_lightgbm(name) for name in wanted if not REFUSED.search(name)}
    found: list[str] = []
    for name in wanted:
        safe = REFUSED.sub(lambda match: WORDS.get(match[0], "_"), name)
        others = (used,) if safe == name else (used, kept)
        found.append(_unused(safe, others, _as_lightgbm))
        used.add(_as_lightgbm(found[-1]))
    return found


def with_safe_names(X: Any) -> Any:
    """Return a pandas frame with column names that every library accepts; other tables are unchanged."""
    if not isinstance(X, pd.DataFrame):
        return X
    names = [str(name) for name in X.columns]
    safe = safe_names(names)
    return X if safe == names else X.set_axis(safe, axis=1)


def _as_lightgbm(name: str) -> str:
    """Return a name as lightgbm compares it: with underscores for blanks."""
    return name.replace(" ", "_")


def _unused(text: str, used: Sequence[Container[str]], compared_as: Callable[[str], str] = str) -> str:
    """Return a text, with the lowest number appended that makes it differ from the used ones."""
    numbers = itertools.chain([""], (f"_{number}" for number in itertools.count(2)))
    candidates = (text + number for number in numbers)
    return next(new for new in candidates if not any(compared_as(new) in others for others in used))


def _column(values: Any) -> Any:
    column = np.asarray(values)
    return pd.Categorical(column) if str(values.dtype).startswith(("Categorical", "Enum")) else column
