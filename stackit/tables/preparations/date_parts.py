"""Dates as numbers: parts of the calendar, as they are or around a circle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stackit.arrays import Floats
from stackit.tables.dates import WITH_TIME

__all__ = ["date_cycles", "date_days", "date_parts"]

A_DAY = pd.Timedelta(days=1)
START = pd.Timestamp(2000, 1, 1)


def date_parts(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, Floats]:
    """Return days since 2000, year, month, day, weekday and, for dates with a time of day, the hour."""
    return {f"{name}_{part}": values for name in names for part, values in _parts(frame[name]).items()}


def date_days(frame: pd.DataFrame, names: Sequence[str]) -> list[Floats]:
    """Return the days since 2000 of each column."""
    return [_parts(frame[name])["days"] for name in names]


def date_cycles(frame: pd.DataFrame, names: Sequence[str]) -> list[Floats]:
    """Return the times of year, of the week and, where there is one, of day as points on circles."""
    found: list[Floats] = []
    for name in names:
        parts = _parts(frame[name])
        rounds = [(parts["month"] - 1 + (parts["day"] - 1) / 31) / 12, parts["weekday"] / 7]
        rounds += [parts["hour"] / 24] if "hour" in parts else []
        found += [wave(2 * np.pi * share) for share in rounds for wave in (np.sin, np.cos)]
    return found


def _parts(dates: pd.Series[pd.Timestamp]) -> dict[str, Floats]:
    of_calendar = dates.dt
    parts = {
        "days": (dates - START) / A_DAY,
        "year": of_calendar.year,
        "month": of_calendar.month,
        "day": of_calendar.day,
        "weekday": of_calendar.day_of_week,
    }
    if str(dates.dtype) == WITH_TIME:
        parts["hour"] = of_calendar.hour + of_calendar.minute / 60
    return {part: np.asarray(values, dtype=np.float64) for part, values in parts.items()}
