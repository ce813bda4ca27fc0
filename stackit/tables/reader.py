"""Raw tables of any library to typed frames: the kind of each column is decided once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from stackit.arrays.frames import safe_names
from stackit.tables.column import Column
from stackit.tables.duplicates import duplicates_of
from stackit.tables.kinds import column_of
from stackit.tables.raw_frame import matched, raw_frame
from stackit.tables.reading import read
from stackit.tables.typed_names import GAP_SUFFIX
from stackit.validation import format_list

__all__ = ["TableReader"]


class TableReader(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Read raw tables: decide the kind of each column on the training rows, and give typed frames.

    A typed frame is a pandas frame with the index of the raw table. Its columns are

    * numbers and booleans as float64, or as float32 where the raw dtype fits into it exactly;
    * categories as ``category``, with exactly the levels of the training rows, the most frequent first;
    * dates as ``datetime64[s]``, or as ``datetime64[us]`` where they have a time of day;
    * text, of many words per value, as objects;
    * for numbers that are missing in a hundredth of the training rows or more, a column of dtype bool,
      named ``<name>_missing``, that says where; one for all that are missing in the same rows.

    Ids, columns that are constant, empty or a duplicate of another are left out; `columns_` says why. A row
    is read by itself, whatever the other rows of its table are, and the target is not used: reading a whole
    table before the folds leaks nothing.

    Parameters
    ----------
    categories : collection, optional
        The names of columns that are categories whatever their values are, such as numbers that are ids of
        departments; positions for arrays.

    Attributes
    ----------
    columns_ : pandas.DataFrame
        One row per raw column: its kind, the share of missing values, the number of distinct values, and a
        note, such as why it is left out.
    records_ : tuple of Column
        The same as records, with what is needed to read new rows.

    Examples
    --------
    >>> train = pd.DataFrame({"age": ["22", "38", "?"], "sex": ["male", "female", "male"], "year": 1912})
    >>> reader = TableReader().fit(train)
    >>> reader.columns_[["kind", "missing", "note"]]
                kind   missing                 note
    column
    age       number  0.333333   strings of numbers
    sex     category  0.000000
    year    constant  0.000000  left out: always 1912
    >>> reader.transform(pd.DataFrame({"age": [30], "sex": ["unknown"], "year": [1913]}))
        age  age_missing  sex
    0  30.0        False  NaN
    """

    def __init__(self, categories: Collection[Any] | None = None) -> None:
        self.categories = categories

    def fit(self, X: Any, y: Any = None) -> TableReader:
        """Decide the kind of each column.

        Parameters
        ----------
        X : (n_samples, n_columns) table
            The training rows: a data frame of pandas, polars or pyarrow, an array, or a list of rows.
        y : ignored

        Returns
        -------
        TableReader
            Itself.

        Raises
        ------
        ValueError
            When the table has no rows or columns, two columns of one name, a column of lists or infinite
            values, or lacks one of `categories`; the error names the column.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> pd.DataFrame:
        """Decide the kind of each column, and return the typed frame of the training rows."""
        raw = raw_frame(X)
        if not len(raw):
            raise ValueError("The table must have at least one row; it has none. Pass the training rows.")
        wanted = self._wanted_categories(raw)
        records = [_decided(name, raw[name], name in wanted) for name in raw.columns]
        safe = safe_names([str(record.name) for record in records])
        records = [replace(record, typed_name=name) for record, name in zip(records, safe, strict=True)]
        values = {one.typed_name: read(raw[one.name], one) for one in records if not one.is_left_out}
        self.records_ = tuple(_with_gaps(_without_duplicates(records, values), values))
        self.n_features_in_ = len(records)
        if all(record.is_left_out for record in self.records_):
            raise ValueError(f"No column can be used: {self._notes()}. Pass a table with columns that vary.")
        return self._typed(values, raw.index)

    def transform(self, X: Any) -> pd.DataFrame:
        """Return the typed frame of new rows.

        Parameters
        ----------
        X : (n_samples, n_columns) table
            Rows with the columns of the training rows, found by name; columns of arrays by position.

        Returns
        -------
        (n_samples, n_typed_columns) pandas.DataFrame

        Raises
        ------
        ValueError
            When a column is missing, or its values are of another type; the error names the column.

        Warns
        -----
        UserWarning
            When the table has columns that the training rows had not: these are ignored.
        """
        check_is_fitted(self, "records_")
        raw = matched(X, self.records_)
        values = {}
        for record in self.records_:
            if not record.is_left_out:
                values[record.typed_name] = _read(raw[record.name], record)
        return self._typed(values, raw.index)

    @property
    def columns_(self) -> pd.DataFrame:
        """One row per raw column, as it was read."""
        check_is_fitted(self, "records_")
        shown = [(one.name, one.kind, one.missing, one.n_distinct, one.note) for one in self.records_]
        table = pd.DataFrame(shown, columns=["column", "kind", "missing", "distinct", "note"])
        return table.set_index("column")

    def _wanted_categories(self, raw: pd.DataFrame) -> Collection[Any]:
        if isinstance(self.categories, str):
            raise ValueError(
                f"categories must be a list of columns; got {self.categories!r}. Pass [{self.categories!r}]."
            )
        wanted = [*(self.categories or ())]
        missing = [name for name in wanted if name not in raw.columns]
        if missing:
            raise ValueError(
                f"categories has {format_list(map(repr, missing))}, but the table has no such column. Its "
                f"columns are {format_list(map(repr, raw.columns))}."
            )
        return wanted

    def _typed(self, values: dict[str, Any], index: pd.Index[Any]) -> pd.DataFrame:
        typed = {}
        for one in self.records_:
            if not one.is_left_out:
                typed[one.typed_name] = values[one.typed_name]
                if one.has_gaps:
                    typed[one.typed_name + GAP_SUFFIX] = np.isnan(values[one.typed_name])
        return pd.DataFrame(typed, index=index, copy=False)

    def _notes(self) -> str:
        return "; ".join(f"{one.name} is {one.note}" for one in self.records_[:5])


def _decided(name: Any, values: pd.Series[Any], is_category: bool) -> Column:
    try:
        return column_of(name, values, is_category)
    except (TypeError, ValueError) as error:
        raise _column_error(name, error) from error


def _read(values: pd.Series[Any], record: Column) -> Any:
    try:
        return read(values, record)
    except (TypeError, ValueError) as error:
        raise _column_error(record.name, error) from error


def _column_error(name: Any, error: Exception) -> ValueError:
    if isinstance(error, TypeError) and ("unhashable" in str(error) or "no value" in str(error)):
        return ValueError(
            f"Column {name!r} holds lists, dicts or arrays. Drop it, or make columns of numbers or strings "
            "of it."
        )
    return ValueError(f"Column {name!r} cannot be read: {error}.")


def _without_duplicates(records: list[Column], values: dict[str, Any]) -> list[Column]:
    """Leave out the columns that hold the same as an earlier one."""
    originals = duplicates_of(values)
    raw_names = {one.typed_name: one.name for one in records}
    return [
        replace(one, kind="duplicate", note=f"left out: the same as {raw_names[originals[one.typed_name]]!r}")
        if one.typed_name in originals
        else one
        for one in records
    ]


def _with_gaps(records: list[Column], values: dict[str, Any]) -> list[Column]:
    """Say which columns have one of their own for gaps: the first of those with the same gaps."""
    taken = {one.typed_name for one in records}
    gaps = {
        one.typed_name: np.isnan(values[one.typed_name])
        for one in records
        if one.has_gaps and not one.is_left_out and one.typed_name + GAP_SUFFIX not in taken
    }
    kept = gaps.keys() - duplicates_of(gaps).keys()
    return [replace(one, has_gaps=one.typed_name in kept) for one in records]
