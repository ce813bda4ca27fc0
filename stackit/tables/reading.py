"""New rows of a column, read as its training rows were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.tables.column import Column
from stackit.tables.dates import dates_of_words, has_dates, without_zone
from stackit.tables.kinds import TRUE_WORDS
from stackit.tables.labels import labels_of, word_of
from stackit.tables.numbers import as_floats, check_finite, has_numbers, numbers_of_words

__all__ = ["read"]


def read(values: pd.Series[Any], column: Column) -> Any:
    """Return the (n,) values of a column for the typed frame."""
    return READERS[column.kind](values, column)


def _numbers(values: pd.Series[Any], column: Column) -> npt.NDArray[Any]:
    if has_numbers(values.dtype):
        numbers = as_floats(values)
    else:
        labels = labels_of(values)
        of_words = numbers_of_words(labels.words, column.pattern)
        _check_some_are_read(labels.words, ~np.isnan(of_words), "numbers")
        numbers = labels.spread(of_words, np.nan)
    check_finite(numbers)
    return numbers.astype(column.dtype, copy=False)


def _booleans(values: pd.Series[Any], column: Column) -> npt.NDArray[Any]:
    if has_numbers(values.dtype):
        return as_floats(values).astype(column.dtype, copy=False)
    labels = labels_of(values)
    known = {**dict.fromkeys(TRUE_WORDS, 1.0), **dict.fromkeys(TRUE_WORDS.values(), 0.0), "1": 1.0, "0": 0.0}
    of_words = np.array([known.get(word.casefold(), np.nan) for word in labels.words], dtype=np.float64)
    _check_some_are_read(labels.words, ~np.isnan(of_words), "yes and no")
    return labels.spread(of_words, np.nan).astype(column.dtype)


def _dates(values: pd.Series[Any], column: Column) -> npt.NDArray[Any]:
    if has_dates(values.dtype):
        dates = without_zone(values, column.zone)
    elif has_numbers(values.dtype) and not values.isna().all():
        raise ValueError(
            "it held dates in the training rows and holds numbers now. Read both in the same way"
        )
    else:
        labels = labels_of(values)
        of_words = dates_of_words(labels.words, column.pattern or "ISO8601")
        _check_some_are_read(labels.words, ~np.isnat(of_words), "dates")
        dates = labels.spread(of_words, np.datetime64("NaT"))
    return dates.astype(column.dtype)


def _categories(values: pd.Series[Any], column: Column) -> pd.Categorical:
    labels = labels_of(values)
    codes = pd.Index(column.levels, dtype=object).get_indexer(pd.Index(labels.words, dtype=object))
    if (has_numbers(values.dtype) and not any(map(_is_number, column.levels))) or has_dates(values.dtype):
        _check_some_are_read(labels.words, codes >= 0, f"levels such as {column.levels[0]!r}")
    dtype = pd.CategoricalDtype([*column.levels], ordered=column.ordered)
    return pd.Categorical.from_codes(labels.spread(codes, -1), dtype=dtype)


def _is_number(level: str) -> bool:
    """Return whether a level is a number as `word_of` writes it: "7", not "007"."""
    try:
        return word_of(float(level)) == level
    except ValueError:
        return False


def _texts(values: pd.Series[Any], column: Column) -> pd.Series[Any]:
    labels = labels_of(values)
    # As a series: pandas would infer strings from an array of objects.
    return pd.Series(labels.spread(labels.words, None), index=values.index, dtype=object)


def _check_some_are_read(words: npt.NDArray[np.object_], read: npt.NDArray[np.bool_], what: str) -> None:
    if len(words) and not read.any():
        raise ValueError(
            f"it held {what} in the training rows and holds values such as {words[0]!r} now. "
            "Read both tables in the same way"
        )


READERS: dict[str, Callable[[pd.Series[Any], Column], Any]] = {
    "number": _numbers,
    "boolean": _booleans,
    "datetime": _dates,
    "category": _categories,
    "text": _texts,
}
