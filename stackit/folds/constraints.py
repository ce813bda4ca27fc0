"""Groups and times of rows: what must stay together, or in order, when rows are split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Rows, num_samples
from stackit.validation import format_list, invalid_value

__all__ = ["SplitConstraints", "group_codes", "n_rows_before", "times_of"]


@dataclass(frozen=True, eq=False)
class SplitConstraints:
    """The groups, times and gap that later splits of a training part must respect.

    `groups` has the (n,) group numbers and `times` the (n,) sortable times of the rows, where they are known;
    `gap` is the number of rows, or the time difference, left out before each held-out part.
    """

    groups: Rows | None = None
    times: pd.Series[Any] | None = None
    gap: Any = 0

    def subset(self, rows: Rows) -> SplitConstraints:
        """Return the constraints of a table that consists of some of the rows."""
        return SplitConstraints(
            None if self.groups is None else self.groups[rows],
            None if self.times is None else self.times.iloc[rows].reset_index(drop=True),
            self.gap,
        )


def group_codes(groups: Any, n: int) -> Rows:
    """Return groups as (n,) numbers 0, 1, ... in their sorted order."""
    if num_samples(groups) != n:
        raise invalid_value(
            "groups", f"one value per row, {n}", f"{num_samples(groups)} groups", "Pass one group per row"
        )
    values = pd.Series(np.asarray(groups))
    if values.isna().any():
        missing = int(values.isna().sum())
        raise invalid_value("groups", "without missing values", f"{missing} missing", "Give each row a group")
    return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.intp)


def times_of(time: Any, name: str = "time") -> pd.Series[Any]:
    """Return times as sortable values: numbers and dates stay, text is read as numbers or ISO dates.

    Raises
    ------
    ValueError
        When text can be read in more than one way, such as 01/02/2024, or not at all.
    """
    values = pd.Series(np.asarray(time))
    if values.isna().any():
        raise invalid_value(name, "without missing values", f"{values.isna().sum()} missing", "Fill them")
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().all():
        return numbers
    dates = pd.to_datetime(values, format="ISO8601", errors="coerce")
    unread = values[dates.isna()]
    if len(unread):
        raise invalid_value(
            name,
            "numbers, or dates such as 2024-12-31 or 2024-12-31 23:59:00",
            f"{len(unread)} other values ({format_list(unread)})",
            "Write the dates in this form, which can be read in one way only",
        )
    return dates


def n_rows_before(ordered: pd.Series[Any], start: int, gap: Any) -> int:
    """Return how many rows, in order of time, may be trained on before a part that begins at row `start`.

    Examples
    --------
    >>> n_rows_before(pd.Series([1.0, 2.0, 5.0, 6.0]), start=3, gap=1)
    2
    >>> n_rows_before(pd.Series([1, 2, 5, 6]), start=3, gap=2.5)
    2
    """
    if isinstance(gap, int) or (isinstance(gap, np.integer) and not isinstance(gap, np.timedelta64)):
        if gap < 0:
            raise invalid_value("gap", "at least 0", f"gap={gap}", "Pass gap=0")
        return max(0, start - int(gap))
    try:
        difference = pd.Timedelta(gap) if isinstance(gap, str | np.timedelta64) else gap
        limit = ordered.iloc[start] - difference
        if limit > ordered.iloc[start]:
            raise ValueError("it is negative")
        return int((ordered < limit).sum())
    except (TypeError, ValueError) as error:
        raise invalid_value(
            "gap", "a number of rows, or a difference of times", f"gap={gap!r} ({error})", "Pass gap=0"
        ) from error
