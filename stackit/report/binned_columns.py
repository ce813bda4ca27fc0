"""The columns of a raw table in bins, on a sample of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stackit.arrays import Rows
from stackit.report.column_bins import ColumnBins
from stackit.report.sample import sample_rows

__all__ = ["MOST_ROWS", "BinnedColumn", "BinnedColumns"]

MOST_ROWS = 5_000


@dataclass(frozen=True, eq=False)
class BinnedColumn:
    """A column in bins: its name, its kind where that is known, and the bin of each row of the sample."""

    name: str
    kind: str | None
    bins: ColumnBins
    codes: Rows


@dataclass(frozen=True, eq=False)
class BinnedColumns:
    """The columns that have bins, on a sample of the rows.

    Parameters
    ----------
    rows : (n_sampled,) array
        The rows of the sample.
    columns : list of BinnedColumn
        Without columns that are constant, ids or free text.
    n_columns : int
        The number of columns of the table.
    """

    rows: Rows
    columns: list[BinnedColumn]
    n_columns: int

    @classmethod
    def of(cls, X: pd.DataFrame, rows: Rows, columns: pd.DataFrame | None) -> BinnedColumns:
        """Return the columns of a table in bins, by some of its rows.

        `columns` are those of the reader of the table.
        """
        sampled = sample_rows(rows, MOST_ROWS)
        table, kinds, found = X.iloc[sampled], _kinds_of(columns), []
        for at, name in enumerate(X.columns):
            values, kind = table.iloc[:, at], kinds.get(str(name))
            bins = ColumnBins.of(values, kind)
            if bins is not None:
                found.append(BinnedColumn(str(name), kind, bins, bins.codes(values, kind)))
        return cls(sampled, found, X.shape[1])

    def codes_of(self, table: pd.DataFrame) -> dict[str, Rows]:
        """Return the bins of the rows of another table in the columns that it has, by their names."""
        sampled = table.iloc[sample_rows(np.arange(len(table)), MOST_ROWS)]
        places = {str(name): at for at, name in enumerate(table.columns)}
        return {
            one.name: one.bins.codes(sampled.iloc[:, places[one.name]], one.kind)
            for one in self.columns
            if one.name in places
        }


def _kinds_of(columns: pd.DataFrame | None) -> dict[str, str]:
    """Return what the reader of the table found in each column, where that is known."""
    if columns is None or "kind" not in columns:
        return {}
    return {str(name): str(kind) for name, kind in columns["kind"].items()}
