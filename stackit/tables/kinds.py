"""The kind of a column, decided on the training rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.tables.column import Column
from stackit.tables.dates import (
    date_pattern,
    dates_of_words,
    dtype_of_dates,
    has_dates,
    without_zone,
    zone_of,
)
from stackit.tables.labels import Labels, labels_of
from stackit.tables.numbers import as_floats, check_finite, has_numbers, number_pattern, numbers_of_words

__all__ = ["TRUE_WORDS", "column_of"]

TRUE_WORDS = {"true": "false", "yes": "no", "y": "n", "t": "f"}
MIN_GAPS = 0.01  # the share of missing rows from which a column says where a number is missing
UNIQUE = 0.95  # the share of distinct values from which strings are ids or text
MANY_WORDS, TEXT_UNIQUE = 4, 0.5  # words per value, and distinct values, from which strings are text
SOME_WORDS = 3  # per value, from which strings that are nearly all distinct are text
FEWEST_IDS = 20  # rows from which distinct values may be ids
FEWEST_COUNTED = 100  # rows from which distinct numbers without the name of an id may count rows
ID_NAME = re.compile(r"(?:^|[\s_.-])(?i:id|index|key|row)$|[a-z]I[Dd]$|^Unnamed: 0$")


def column_of(name: Any, values: pd.Series[Any], is_category: bool = False) -> Column:
    """Return what a raw column is, by its values in the training rows, or a category whatever they are."""
    if has_numbers(values.dtype) and not is_category:
        return _numeric(name, as_floats(values), values.dtype)
    if has_dates(values.dtype) and not is_category:
        zone = zone_of(values)
        return _dates(name, without_zone(values, zone), zone=zone)
    labels = labels_of(values)
    missing, n_distinct = float((labels.codes < 0).mean()), len(labels.words)
    if n_distinct == 0:
        return Column(name, "empty", 1.0, note="left out: no value")
    if n_distinct == 1 and missing == 0:
        return Column(name, "constant", 0.0, 1, f"left out: always {labels.words[0]!r}")
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _category(name, labels, ordered=bool(values.cat.ordered))
    return _category(name, labels) if is_category else _strings(name, labels)


def _numeric(name: Any, numbers: npt.NDArray[Any], dtype: Any, pattern: str = "", note: str = "") -> Column:
    gaps = np.isnan(numbers)
    missing = float(gaps.mean())
    known = numbers[~gaps] if missing else numbers
    if not len(known):
        return Column(name, "empty", 1.0, note="left out: no value")
    check_finite(known)
    low, high = known.min(), known.max()
    if low == high and not missing:
        return Column(name, "constant", 0.0, 1, f"left out: always {low:g}")
    is_boolean = pd.api.types.is_bool_dtype(dtype)
    n_distinct = 2 if is_boolean else len(pd.unique(known))
    if n_distinct == len(numbers) >= FEWEST_IDS and _counts_rows(name, known):
        return Column(name, "id", 0.0, n_distinct, "left out: whole numbers that count rows")
    return Column(
        name,
        "boolean" if is_boolean else "number",
        missing,
        n_distinct,
        note,
        dtype=str(numbers.dtype),
        pattern=pattern,
        has_gaps=missing >= MIN_GAPS,
    )


def _counts_rows(name: Any, known: npt.NDArray[Any]) -> bool:
    """Whether distinct numbers are whole and dense, in order and not too sparse, or named as an id."""
    if (known != np.rint(known)).any():
        return False
    if ID_NAME.search(str(name)):
        return True
    density = len(known) / (float(known.max()) - float(known.min()) + 1)
    in_order = bool((np.diff(known) > 0).all())
    return len(known) >= FEWEST_COUNTED and density >= (0.1 if in_order else 0.5)


def _dates(name: Any, dates: npt.NDArray[Any], zone: str = "", pattern: str = "", note: str = "") -> Column:
    missing = float(np.isnat(dates).mean())
    n_distinct = len(pd.unique(dates[~np.isnat(dates)]))
    if n_distinct == 0:
        return Column(name, "empty", 1.0, note="left out: no value")
    if n_distinct == 1 and not missing:
        return Column(name, "constant", 0.0, 1, f"left out: always {dates[0]}")
    dtype = dtype_of_dates(dates)
    return Column(name, "datetime", missing, n_distinct, note, dtype=dtype, pattern=pattern, zone=zone)


def _strings(name: Any, labels: Labels) -> Column:
    missing, n_distinct = float((labels.codes < 0).mean()), len(labels.words)
    if {word.casefold() for word in labels.words} in [{*pair} for pair in TRUE_WORDS.items()]:
        gaps = missing >= MIN_GAPS
        return Column(name, "boolean", missing, n_distinct, dtype="float32", has_gaps=gaps)
    pattern = number_pattern(labels)
    if pattern is not None:
        numbers = numbers_of_words(labels.words, pattern)
        lost = labels.words[np.isnan(numbers)]
        note = (
            f"strings of numbers; missing: {', '.join(sorted(lost))}" if len(lost) else "strings of numbers"
        )
        return _numeric(name, labels.spread(numbers, np.nan), np.float64, pattern, note)
    pattern = date_pattern(labels)
    if pattern is not None:
        dates = labels.spread(dates_of_words(labels.words, pattern), np.datetime64("NaT"))
        return _dates(name, dates, pattern=pattern, note=f"strings of dates in the format {pattern}")
    unique = n_distinct / (labels.codes >= 0).sum()
    n_words = float(np.mean([word.count(" ") + 1 for word in labels.words[:1000]]))
    if (n_words >= MANY_WORDS and unique >= TEXT_UNIQUE) or (n_words >= SOME_WORDS and unique >= UNIQUE):
        return Column(name, "text", missing, n_distinct, f"{n_words:.0f} words on average", dtype="object")
    return _category(name, labels)


def _category(name: Any, labels: Labels, ordered: bool = False) -> Column:
    counts = labels.counts
    seen = [(word, int(count)) for word, count in zip(labels.words, counts, strict=True) if count]
    n_known = int(counts.sum())
    missing = 1 - n_known / len(labels.codes)
    if not ordered and _are_unique(len(seen), n_known):
        return Column(name, "id", missing, len(seen), "left out: nearly all values are distinct")
    by_frequency = sorted(seen, key=lambda pair: (-pair[1], pair[0]))
    levels = tuple(word for word, _ in (seen if ordered else by_frequency))
    return Column(name, "category", missing, len(levels), dtype="category", levels=levels, ordered=ordered)


def _are_unique(n_distinct: int, n_known: int) -> bool:
    return n_distinct >= max(FEWEST_IDS, UNIQUE * n_known)
