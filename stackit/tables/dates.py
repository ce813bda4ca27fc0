"""Dates: of columns with a dtype for them, and of strings in one format."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from stackit.tables.labels import Labels

__all__ = [
    "WITH_TIME",
    "date_pattern",
    "dates_of_words",
    "dtype_of_dates",
    "has_dates",
    "without_zone",
    "zone_of",
]

MIN_SHARE = 0.95  # of the words that must be dates; the others become gaps
SAMPLE = 200
DATES, WITH_TIME = "datetime64[s]", "datetime64[us]"
SHORTEST = 6  # characters: "200101" may be a month, "2001" is a number


def has_dates(dtype: Any) -> bool:
    """Whether a dtype is one of dates or periods."""
    is_date = pd.api.types.is_datetime64_any_dtype(dtype)
    return is_date or isinstance(dtype, pd.PeriodDtype) or "date" in str(dtype).split("[")[0]


def zone_of(column: pd.Series[Any]) -> str:
    """Return the name of a column's time zone, or ""."""
    zone = getattr(column.dtype, "tz", None) or getattr(
        getattr(column.dtype, "pyarrow_dtype", None), "tz", None
    )
    return str(zone) if zone is not None else ""


def without_zone(column: pd.Series[Any], zone: str) -> npt.NDArray[Any]:
    """Return dates by the clocks of a time zone; dates without a zone are taken as they are."""
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    dates = pd.Series(pd.to_datetime(column))
    if isinstance(dates.dtype, pd.ArrowDtype):
        dates = pd.Series(pd.DatetimeIndex(dates))
    if dates.dt.tz is not None:
        dates = dates.dt.tz_convert(zone or "UTC").dt.tz_localize(None)
    return dates.to_numpy(WITH_TIME)


def dtype_of_dates(dates: npt.NDArray[Any]) -> str:
    """Return the dtype for dates: its unit says whether any of them has a time of day."""
    known = dates[~np.isnat(dates)]
    return DATES if (known == known.astype("datetime64[D]")).all() else WITH_TIME


def date_pattern(labels: Labels) -> str | None:
    """Return the format in which nearly all words of a column are dates; None where there is none."""
    words = labels.words
    sample = words[:: max(1, len(words) // SAMPLE)]
    if not len(words) or not any(
        len(word) >= SHORTEST and any(map(str.isdigit, word)) for word in sample[:20]
    ):
        return None
    shares = {}
    for pattern in _guesses(sample):
        if np.isnat(dates_of_words(sample, pattern)).mean() <= 0.5:
            read = ~np.isnat(dates_of_words(words, pattern))
            shares[pattern] = labels.counts[read].sum() / labels.counts.sum()
    best = max(shares, key=lambda pattern: shares[pattern], default=None)  # the first of equal ones
    return best if best is not None and shares[best] >= MIN_SHARE else None


def dates_of_words(words: npt.NDArray[np.object_], pattern: str) -> npt.NDArray[Any]:
    """Return the dates of words in a format, NaT for those that are none; zones become UTC."""
    dates = pd.to_datetime(pd.Series(words, dtype=object), format=pattern, errors="coerce", utc=True)
    return dates.dt.tz_localize(None).to_numpy(WITH_TIME)


def _guesses(sample: npt.NDArray[np.object_]) -> list[str]:
    """Return the formats that some words may have, month first before day first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = [
            guess_datetime_format(word, dayfirst=first) for first in (False, True) for word in sample[:20]
        ]
    known = dict.fromkeys(str(pattern) for pattern in found if isinstance(pattern, str))
    return ["ISO8601", *known] if any(pattern.startswith("%Y-%m-%d") for pattern in known) else [*known]
