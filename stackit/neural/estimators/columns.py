"""The columns of a table for networks: numbers, and categories as positions of their levels."""

from __future__ import annotations

from dataclasses import dataclass
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

    Levels are sorted as text; a missing value (NaN) is a level too.
    """

    numbers: tuple[int, ...]
    categories: tuple[int, ...] = ()
    levels: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def of(cls, X: Any, rows: npt.NDArray[np.intp] | None = None) -> InputColumns:
        """Return the columns of a table; those that are neither numbers nor booleans are categories."""
        if not isinstance(X, pd.DataFrame):
            return cls(tuple(range(X.shape[1])))
        kinds = [is_numeric_dtype(kind) or is_bool_dtype(kind) for kind in X.dtypes]
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
        if not isinstance(X, pd.DataFrame):
            return np.asarray(X), None
        numbers = X.iloc[:, list(self.numbers)].to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isfinite(numbers).all():
            worst = X.columns[self.numbers[int(np.flatnonzero(~np.isfinite(numbers).all(axis=0))[0])]]
            raise ValueError(
                f"Column {worst!r} of X has NaN or infinite values; columns of numbers must be finite. "
                "Impute them first, for instance by sklearn.impute.SimpleImputer in a pipeline."
            )
        if not self.categories:
            return numbers, None
        codes = [
            pd.Index(levels, dtype=object).get_indexer(_objects(X.iloc[:, at])) + 1
            for at, levels in zip(self.categories, self.levels, strict=True)
        ]
        return numbers, np.stack(codes, axis=1).astype(np.int64)


def _levels(column: pd.Series[Any]) -> tuple[Any, ...]:
    # The one NaN of numpy, so that levels compare equal.
    seen = [value if value == value else np.nan for value in _objects(column).unique()]
    return tuple(sorted(seen, key=str))


def _objects(column: pd.Series[Any]) -> pd.Index[Any]:
    values = column.astype(object)
    objects: pd.Index[Any] = pd.Index(values.where(values.notna(), np.nan), dtype=object)
    return objects
