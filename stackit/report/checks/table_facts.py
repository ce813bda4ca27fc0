"""The columns of the training and the test table as numbers, sampled where the tables are large."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats, Rows
from stackit.tables.column import LEFT_OUT
from stackit.tables.dates import has_dates, without_zone, zone_of
from stackit.tables.kinds import column_of
from stackit.tables.numbers import as_floats, has_numbers

__all__ = ["MOST_ROWS", "ColumnFacts", "TableFacts"]

# A share that is estimated from so many rows has a standard error of less than one in a hundred.
MOST_ROWS = 3000
# Codes of words have so many bits, which float32 keeps.
CODE_BITS = 24
LARGEST = 1e38  # what float32 keeps; infinite numbers are taken as missing


@dataclass(frozen=True)
class ColumnFacts:
    """One column: its position and name, its kind as in `stackit.tables`, and whether members see it."""

    at: int
    name: Any
    kind: str
    is_number: bool
    is_left_out: bool


class TableFacts:
    """The columns of the raw tables; samples are (rows, columns) numbers, NaN where a value is missing."""

    def __init__(self, X: pd.DataFrame, X_test: pd.DataFrame | None, columns: pd.DataFrame | None) -> None:
        self._known = {} if columns is None else dict(zip(columns.index, columns["kind"], strict=True))
        self.names = list(X.columns)
        self._X = X.set_axis(range(X.shape[1]), axis=1)
        self._X_test = _aligned(X, X_test)

    @property
    def n_rows(self) -> int:
        """The number of training rows."""
        return len(self._X)

    @property
    def n_test_rows(self) -> int:
        """The number of test rows; 0 without a test table of the same columns."""
        return 0 if self._X_test is None else len(self._X_test)

    @cached_property
    def rows(self) -> Rows:
        """The training rows of the sample."""
        return _sample(self.n_rows)

    @cached_property
    def sample(self) -> Floats:
        """The training rows of the sample, one column of numbers per column of the table."""
        return self._numbers_of(self._X.iloc[self.rows])

    @cached_property
    def test_sample(self) -> Floats:
        """A sample of the test rows; words have the same codes as in `sample`."""
        assert self._X_test is not None
        return self._numbers_of(self._X_test.iloc[_sample(len(self._X_test))])

    @cached_property
    def order(self) -> Rows:
        """The rows of the sample in the order of each column; missing values are last."""
        return np.argsort(self.sample, axis=0)

    @cached_property
    def n_distinct(self) -> npt.NDArray[np.intp]:
        """The number of distinct values in the sample of each column, missing ones not counted."""
        ordered = np.take_along_axis(self.sample, self.order, axis=0)
        rises = (np.diff(ordered, axis=0) > 0).sum(axis=0)
        return np.asarray(rises + ~np.isnan(ordered[0]), dtype=np.intp)

    @cached_property
    def columns(self) -> list[ColumnFacts]:
        """What is known of each column."""
        return [self._facts_of(at, name) for at, name in enumerate(self.names)]

    def of_kind(self, *kinds: str) -> list[ColumnFacts]:
        """Return the columns of some kinds that the members see."""
        return [one for one in self.columns if one.kind in kinds and not one.is_left_out]

    def left_out(self, *kinds: str) -> list[ColumnFacts]:
        """Return the columns of some kinds that no member sees."""
        return [one for one in self.columns if one.kind in kinds and one.is_left_out]

    def numbers(self, at: int, *, test: bool = False) -> Floats:
        """Return a whole column of numbers; infinite ones are missing."""
        return _finite(as_floats(self._frame(test).iloc[:, at]))

    def values(self, at: int, *, test: bool = False) -> pd.Series[Any]:
        """Return a whole column as it is."""
        return self._frame(test).iloc[:, at]

    def codes(self, at: int, rows: Rows, *, test: bool = False) -> npt.NDArray[np.uint64]:
        """Return a hash of a column's value per row, equal for equal values in both tables."""
        return _hashes(self._frame(test).iloc[rows, at])

    def dates(self, at: int, *, test: bool = False) -> npt.NDArray[Any] | None:
        """Return a whole column of dates; None where its values are words."""
        column = self._frame(test).iloc[:, at]
        return without_zone(column, zone_of(column)) if has_dates(column.dtype) else None

    def is_comparable(self, at: int) -> bool:
        """Whether the column holds the same in both tables: numbers, dates, or words."""
        return self._X_test is not None and _nature(self._X.iloc[:, at]) == _nature(self._X_test.iloc[:, at])

    def _frame(self, test: bool) -> pd.DataFrame:
        assert not test or self._X_test is not None
        return self._X_test if test and self._X_test is not None else self._X

    def _numbers_of(self, table: pd.DataFrame) -> Floats:
        numbers = np.empty(table.shape, order="F")  # it is sorted by column
        for at, column in enumerate(_columns_of(table)):
            numbers[:, at] = _as_numbers(column)
        return numbers

    def _facts_of(self, at: int, name: Any) -> ColumnFacts:
        column = self._X.iloc[:, at]
        is_number = has_numbers(column.dtype) and not _is_complex(column)
        known = self._known.get(name)
        if known is not None:
            return ColumnFacts(at, name, known, is_number, known in LEFT_OUT)
        return ColumnFacts(at, name, self._kind_of(at, column, is_number), is_number, False)

    def _kind_of(self, at: int, column: pd.Series[Any], is_number: bool) -> str:
        """Return the kind of a column that the run did not classify; whole columns are read rarely."""
        name, distinct = self.names[at], self.n_distinct[at]
        if is_number:
            values = self.sample[:, at]
            may_be_id = distinct == len(values) and bool((values == np.rint(values)).all())
            if distinct > 1 and not may_be_id:
                return "number"
        elif distinct > 1 and distinct < 0.9 * len(self.rows):
            column = column.iloc[self.rows]
        try:
            return column_of(name, column).kind
        except (TypeError, ValueError):  # lists, or infinite numbers
            return "number" if is_number else "text"


def _aligned(X: pd.DataFrame, X_test: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the test table with the columns of the training table, numbered; None where it lacks some."""
    if X_test is None or not len(X_test):
        return None
    if X.columns.is_unique and X_test.columns.is_unique and X.columns.isin(X_test.columns).all():
        X_test = X_test[list(X.columns)]
    elif X_test.shape[1] != X.shape[1] or list(X_test.columns) != list(X.columns):
        return None
    return X_test.set_axis(range(X.shape[1]), axis=1)


def _sample(n: int) -> Rows:
    rows = np.arange(n) if n <= MOST_ROWS else np.random.default_rng(0).permutation(n)[:MOST_ROWS]
    return np.sort(rows).astype(np.intp)


def _columns_of(table: pd.DataFrame) -> Iterator[pd.Series[Any]]:
    return (table.iloc[:, at] for at in range(table.shape[1]))


def _nature(column: pd.Series[Any]) -> str:
    return "number" if has_numbers(column.dtype) else "date" if has_dates(column.dtype) else "word"


def _is_complex(column: pd.Series[Any]) -> bool:
    return getattr(column.dtype, "kind", "") == "c"


def _as_numbers(column: pd.Series[Any]) -> Floats:
    """Return a column as numbers: dates as days, words as codes that are the same in any table."""
    if has_numbers(column.dtype) and not _is_complex(column):
        return _finite(as_floats(column))
    if has_dates(column.dtype):
        dates = without_zone(column, zone_of(column))
        return np.where(np.isnat(dates), np.nan, dates.astype(np.int64) / 86_400e6)
    codes = (_hashes(column) >> np.uint64(64 - CODE_BITS)).astype(np.float64)
    return np.where(column.isna().to_numpy(dtype=bool), np.nan, codes)


def _finite(numbers: npt.NDArray[Any]) -> Floats:
    floats = numbers.astype(np.float64)
    if (
        np.abs(floats).max(initial=0.0) <= LARGEST
    ):  # neither infinite nor missing values, which is the usual case
        return floats
    return np.where(np.abs(floats) <= LARGEST, floats, np.nan)


def _hashes(column: pd.Series[Any]) -> npt.NDArray[np.uint64]:
    """Return a hash per value; the text of cells that have none, such as lists, is hashed."""
    if has_numbers(column.dtype) and not _is_complex(column):
        return pd.util.hash_array(_finite(as_floats(column)) + 0.0)
    if has_dates(column.dtype):
        return pd.util.hash_array(without_zone(column, zone_of(column)).astype(np.int64))
    words = column.astype(object)
    try:
        return pd.util.hash_array(words.to_numpy(), categorize=True)
    except TypeError:
        return pd.util.hash_array(words.map(repr).to_numpy(dtype=object), categorize=True)
