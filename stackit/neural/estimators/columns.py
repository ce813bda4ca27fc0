"""The columns of a table for networks: numbers, and categories as positions of their levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from stackit.validation import format_list, invalid_value

__all__ = ["InputColumns"]


@dataclass(frozen=True)
class InputColumns:
    """The positions of numbers and categories in a table, and the levels of categories in the training rows.

    Levels are sorted as text; a missing value (NaN) is a level too. A number in `missing` was missing in some
    training row: that it is missing is one more category, of the levels no and yes, after the others.
    """

    numbers: tuple[int, ...]
    categories: tuple[int, ...] = ()
    levels: tuple[tuple[Any, ...], ...] = ()
    missing: tuple[int, ...] = ()  # positions in `numbers`
    takes_missing: bool = False

    @property
    def n_levels(self) -> tuple[int, ...]:
        """The number of levels of each category."""
        return (*map(len, self.levels), *(2 for _ in self.missing))

    @classmethod
    def of(
        cls, X: Any, rows: npt.NDArray[np.intp] | None = None, takes_missing: bool = False
    ) -> InputColumns:
        """Return the columns of a table; those that are neither numbers nor booleans are categories."""
        columns = cls._of(X, rows)
        if not takes_missing:
            return columns
        columns = replace(columns, takes_missing=True)
        numbers = columns._numbers(X if rows is None else _rows_of(X, rows))
        return replace(columns, missing=tuple(np.flatnonzero(np.isnan(numbers).any(axis=0)).tolist()))

    @classmethod
    def _of(cls, X: Any, rows: npt.NDArray[np.intp] | None) -> InputColumns:
        if not isinstance(X, pd.DataFrame):
            return cls(tuple(range(X.shape[1])))
        kinds = [_is_number(kind) for kind in X.dtypes]
        categories = tuple(position for position, is_number in enumerate(kinds) if not is_number)
        dates = [X.columns[at] for at in categories if X.dtypes.iloc[at].kind in "mM"]
        if dates:
            got, advice = f"dates in {format_list(dates)}", "Turn them into numbers"
            raise invalid_value("X", "of numbers and categories", got, advice)
        seen = X if rows is None else X.iloc[rows]
        levels = tuple(_levels(seen.iloc[:, at]) for at in categories)
        return cls(tuple(at for at, is_number in enumerate(kinds) if is_number), categories, levels)

    def read(self, X: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]:
        """Return the (n, d) numbers and the (n, c) positions of levels from 1; 0 is an unknown level."""
        numbers = self._numbers(X)
        codes = [
            pd.Index(levels, dtype=object).get_indexer(_objects(X.iloc[:, at])) + 1
            for at, levels in zip(self.categories, self.levels, strict=True)
        ]
        codes += [np.isnan(numbers[:, at]) + 1 for at in self.missing]
        return numbers, np.stack(codes, axis=1).astype(np.int64) if codes else None

    def _numbers(self, X: Any) -> npt.NDArray[Any]:
        """Return the (n, d) numbers; raise ValueError where one is infinite, or missing and must not be."""
        if not isinstance(X, pd.DataFrame):
            return np.asarray(X)
        try:
            numbers = X.iloc[:, list(self.numbers)].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            others = [repr(X.columns[at]) for at in self.numbers if not _is_number(X.dtypes.iloc[at])]
            got, advice = f"others in {format_list(others)} ({error})", "Use pandas.to_numeric"
            raise invalid_value("X", "of numbers where it was in fit", got, advice) from error
        wrong = np.isinf(numbers) if self.takes_missing else ~np.isfinite(numbers)
        if wrong.any():
            worst = X.columns[self.numbers[int(np.flatnonzero(wrong.any(axis=0))[0])]]
            if self.takes_missing:
                raise ValueError(
                    f"Column {worst!r} of X has infinite values. Replace them by missing ones (NaN)."
                )
            raise ValueError(
                f"Column {worst!r} of X has NaN or infinite values; columns of numbers must be finite. "
                "Impute them first, for instance by sklearn.impute.SimpleImputer in a pipeline."
            )
        return numbers


def _is_number(kind: Any) -> bool:
    return bool(is_numeric_dtype(kind) or is_bool_dtype(kind))


def _rows_of(X: Any, rows: npt.NDArray[np.intp]) -> Any:
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _levels(column: pd.Series[Any]) -> tuple[Any, ...]:
    # The one NaN of numpy, so that levels compare equal.
    seen = [value if value == value else np.nan for value in _objects(column).unique()]
    return tuple(sorted(seen, key=str))


def _objects(column: pd.Series[Any]) -> pd.Index[Any]:
    values = column.astype(object)
    objects: pd.Index[Any] = pd.Index(values.where(values.notna(), np.nan), dtype=object)
    return objects
