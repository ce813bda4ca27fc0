"""The values of a raw column in a few bins: ranges of numbers and dates, levels of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats, Rows
from stackit.report.text import clean, number_text

__all__ = ["ColumnBins"]

N_RANGES = 8
N_LEVELS = 8
MISSING, OTHER = "missing", "another value"
LEVELS_PER_ROW = 0.5  # columns with more levels per row are ids or free text


@dataclass(frozen=True, eq=False)
class ColumnBins:
    """The bins of a column, decided on training rows; new rows go into the same ones.

    Parameters
    ----------
    edges : (k - 1,) array or None
        Between the ranges of a number or date; None for levels.
    levels : Index or None
        The most frequent levels; None for numbers.
    labels : list of str
        The text of each bin; the last two are missing values, and values that are none of the levels.
    """

    edges: Floats | None
    levels: pd.Index[Any] | None
    labels: list[str]

    @classmethod
    def of(cls, values: pd.Series[Any], kind: str | None = None) -> ColumnBins | None:
        """Return the bins of a column's training values; None where it is constant, an id or free text.

        `kind` is what the table's reader found in the column.
        """
        numbers = _as_numbers(values, kind)
        if numbers is not None:
            order = np.sort(numbers[np.isfinite(numbers)])
            if not len(order) or (order[0] == order[-1] and len(order) == len(numbers)):
                return None
            edges = _edges(order)
            is_date = pd.api.types.is_datetime64_any_dtype(values.dtype)
            return cls(edges, None, [*_range_labels(edges, order, is_date), MISSING, OTHER])
        codes, levels = _levels_of(values)
        counts = pd.Series(np.bincount(codes[codes >= 0], minlength=len(levels)), levels)
        counts = counts.groupby(level=0, sort=False).sum().sort_values(ascending=False, kind="stable")
        if len(counts) < 2 or len(counts) > max(2 * N_LEVELS, LEVELS_PER_ROW * len(values)):
            return None
        kept = counts.index[:N_LEVELS]
        return cls(None, kept, [*(clean(level, 40) for level in kept), MISSING, OTHER])

    def codes(self, values: pd.Series[Any], kind: str | None = None) -> Rows:
        """Return the bin of each value."""
        n = len(self.labels)
        if self.edges is not None:
            numbers = _as_numbers(values, kind if kind is not None else "number")
            if numbers is None:
                return np.full(len(values), n - 1)
            found = np.searchsorted(self.edges, numbers, side="right")
            return np.where(np.isnan(numbers), n - 2, found)
        assert self.levels is not None
        codes, levels = _levels_of(values)
        found = self.levels.get_indexer(levels)
        places = np.append(np.where(found < 0, n - 1, found), n - 2)  # the last is that of missing values
        return places[codes]


def _as_numbers(values: pd.Series[Any], kind: str | None) -> Floats | None:
    """Return a column of numbers or dates as floats, NaN where missing; None for everything else."""
    dtype: Any = values.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        days = values.to_numpy(dtype="datetime64[s]").astype(np.float64)
        return np.where(values.isna().to_numpy(), np.nan, days)
    if pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return None
    if pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "number":
        return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return None


def _levels_of(values: pd.Series[Any]) -> tuple[Rows, pd.Index[Any]]:
    """Return the position of each value among the distinct ones, -1 where missing, and these as text."""
    try:
        codes, levels = pd.factorize(values)
    except TypeError:  # lists and dicts cannot be hashed
        codes, levels = pd.factorize(values.map(str, na_action="ignore"))
    return codes, pd.Index(
        [level if isinstance(level, str) else str(level) for level in levels], dtype=object
    )


def _edges(order: Floats) -> Floats:
    """Return the edges between ranges of about as many sorted numbers each, or between few distinct ones."""
    distinct = order[np.append(True, order[1:] != order[:-1])]
    if len(distinct) <= N_RANGES:
        return np.asarray(distinct[1:])
    cuts = np.unique(order[len(order) * np.arange(1, N_RANGES) // N_RANGES])
    return np.asarray(cuts[cuts > order[0]])


def _range_labels(edges: Floats, order: Floats, is_date: bool) -> list[str]:
    """Return the text of each range, from the smallest to the largest of the sorted numbers in it."""
    starts = [0, *np.searchsorted(order, edges)]
    labels = []
    for low, high in zip(starts, [*starts[1:], len(order)], strict=True):
        first, last = (_value(float(each), is_date) for each in (order[low], order[high - 1]))
        labels.append(first if first == last else f"{first} to {last}")
    return labels


def _value(number: float, is_date: bool) -> str:
    if not is_date:
        return number_text(float(f"{number:.3g}") if abs(number) < 1000 else number)
    return str(pd.Timestamp(number, unit="s").date())
