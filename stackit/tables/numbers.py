"""Numbers: of numeric columns, and of strings that are numbers for nearly all rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.tables.labels import Labels

__all__ = ["as_floats", "check_finite", "has_numbers", "number_pattern", "numbers_of_words"]

MIN_SHARE = 0.95  # of the values that must be numbers; the others become gaps
MOST_WORDS = 10  # distinct ones among numbers
SAMPLE = 200  # words that are looked at first
CODE = re.compile(r"-?0\d")  # a code such as "007", which a number would not keep
LARGEST = float(np.finfo(np.float32).max)
PATTERNS = ("", "1,000", "0,1")
UNITS = "$€£¥% "
COMMA = re.compile(r"-?\d+,\d+")
THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")


def has_numbers(dtype: Any) -> bool:
    """Whether a dtype is one of numbers, booleans or durations."""
    is_number = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    is_category = isinstance(dtype, pd.CategoricalDtype)
    return not is_category and (is_number or pd.api.types.is_timedelta64_dtype(dtype))


def as_floats(column: pd.Series[Any]) -> npt.NDArray[Any]:
    """Return a numeric column as floats: float32 where its dtype fits into that exactly, else float64."""
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        column = column.dt.total_seconds()
    sparse: Any = column
    values: Any = sparse.sparse.to_dense() if isinstance(column.dtype, pd.SparseDtype) else column
    known: Any = getattr(values.dtype, "numpy_dtype", values.dtype)
    if known.kind == "c":
        raise TypeError("it holds complex numbers")
    dtype = np.float32 if np.can_cast(known, np.float32) else np.float64
    floats: npt.NDArray[Any] = (
        values.to_numpy(dtype, na_value=np.nan) if values.hasnans else values.to_numpy(dtype)
    )
    return floats


def check_finite(numbers: npt.NDArray[Any]) -> None:
    """Raise a ValueError where numbers are infinite, or are so in the float32 of forests and xgboost."""
    n_infinite = int((np.abs(numbers) > LARGEST).sum())
    if n_infinite:
        what = "an infinite value" if n_infinite == 1 else f"{n_infinite} infinite values"
        raise ValueError(f"it holds {what}. Replace what is infinite by NaN or by a number")


def number_pattern(labels: Labels) -> str | None:
    """Return how the words of a column are read as numbers, one of `PATTERNS`; None where they are words."""
    words, counts = labels.words, labels.counts
    sample = words[:: max(1, len(words) // SAMPLE)]
    for pattern in PATTERNS if len(words) else ():
        if np.isnan(numbers_of_words(sample, pattern)).sum() > max(MOST_WORDS, len(sample) / 2):
            continue
        read = ~np.isnan(numbers_of_words(words, pattern))
        if counts[read].sum() >= MIN_SHARE * counts.sum() and (~read).sum() <= MOST_WORDS:
            return None if any(map(CODE.match, words)) else pattern
    return None


def numbers_of_words(words: npt.NDArray[np.object_], pattern: str) -> Floats:
    """Return the numbers of words, NaN for those that are none.

    Patterns but "" also read currencies and percents: "1,000" has commas between thousands, "0,1" a comma for
    the decimal point.
    """
    if pattern:
        words = np.array([_plain(word.strip(UNITS), pattern) for word in words], dtype=object)
    numbers = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce")
    return numbers.to_numpy(np.float64, na_value=np.nan)


def _plain(word: str, pattern: str) -> str:
    if pattern == "1,000":
        return word.replace(",", "") if THOUSANDS.fullmatch(word) else word
    return word.replace(",", ".") if COMMA.fullmatch(word) else word
