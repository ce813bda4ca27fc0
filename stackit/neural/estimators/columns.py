"""A table as networks read it: numbers, and the positions of categories in the lists of their levels."""

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
    """Which columns of a table are numbers and which categories, and the levels that were seen in training.

    Parameters
    ----------
    numbers, categories : tuple of int
        Their positions.
    levels : tuple of tuple
        Of each category, sorted as text; a missing value (NaN) is a level like the others.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [22.0, 38.0], "port": ["S", "C"]})
    >>> columns = InputColumns.of(table)
    >>> numbers, codes = columns.read(table)
    >>> numbers.ravel().tolist(), codes.ravel().tolist()
    ([22.0, 38.0], [2, 1])
    >>> columns.read(table.assign(port="Q"))[1].ravel().tolist()  # a level never seen
    [0, 0]
    """

    numbers: tuple[int, ...]
    categories: tuple[int, ...] = ()
    levels: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def of(cls, X: Any, rows: npt.NDArray[np.intp] | None = None) -> InputColumns:
        """Look at the training rows of a table; what is neither number nor truth is a category."""
        if not isinstance(X, pd.DataFrame):
            return cls(tuple(range(X.shape[1])))
        kinds = [is_numeric_dtype(kind) or is_bool_dtype(kind) for kind in X.dtypes]
        categories = tuple(at for at, is_number in enumerate(kinds) if not is_number)
        dates = [X.columns[at] for at in categories if X.dtypes.iloc[at].kind in "mM"]
        if dates:
            raise invalid_value(
                "X", "of numbers and categories", f"dates in {format_list(dates)}", "Turn them into numbers"
            )
        seen = X if rows is None else X.iloc[rows]
        levels = tuple(_levels(seen.iloc[:, at]) for at in categories)
        return cls(tuple(at for at, is_number in enumerate(kinds) if is_number), categories, levels)

    def read(self, X: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]:
        """Return the (n, d) numbers and the (n, c) positions of levels from 1; 0 is a level never seen.

        Raises
        ------
        ValueError
            When a number is missing or infinite.
        """
        if not isinstance(X, pd.DataFrame):
            return np.asarray(X), None
        numbers = X.iloc[:, list(self.numbers)].to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isfinite(numbers).all():
            worst = X.columns[self.numbers[int(np.flatnonzero(~np.isfinite(numbers).all(axis=0))[0])]]
            raise invalid_value(
                "X",
                "without NaN and infinity in columns of numbers",
                f"them in column {worst!r}",
                "Impute them first, for instance by sklearn.impute.SimpleImputer in a pipeline",
            )
        if not self.categories:
            return numbers, None
        codes = [
            pd.Index(levels, dtype=object).get_indexer(_plain(X.iloc[:, at])) + 1
            for at, levels in zip(self.categories, self.levels, strict=True)
        ]
        return numbers, np.stack(codes, axis=1).astype(np.int64)


def _levels(column: pd.Series[Any]) -> tuple[Any, ...]:
    # The one NaN of numpy: gaps are equal, also as parts of what is compared.
    seen = [value if value == value else np.nan for value in _plain(column).unique()]
    return tuple(sorted(seen, key=str))


def _plain(column: pd.Series[Any]) -> pd.Index[Any]:
    values = column.astype(object)
    plain: pd.Index[Any] = pd.Index(values.where(values.notna(), np.nan), dtype=object)
    return plain
