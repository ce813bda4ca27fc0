"""What a sample submission says: its ids, its columns, and what each of them holds."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import FilePath
from stackit.validation import format_list, invalid_value

__all__ = ["INTEGER", "Column", "Kind", "Sample", "Texts", "numbers_of", "read_table", "table_of"]

Kind = Literal["labels", "integers", "probabilities", "numbers", "text"]
Texts: TypeAlias = "pd.Series[str]"

INTEGER = "[+-]?[0-9]+"
TRUTH = ("False", "True")
MOST_LABELS = 50
# Samples are often rounded to two digits: three times 0.33 is still meant as one.
SAMPLE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Column:
    """What one column of values holds in the sample."""

    kind: Kind | None
    labels: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the column holds whole numbers, as numbers or as labels."""
        if self.kind == "labels":
            return all(re.fullmatch(INTEGER, label) for label in self.labels)
        return self.kind == "integers"


@dataclass(frozen=True)
class Sample:
    """A sample submission: the names, the ids, and what each column of values holds."""

    name: str
    id_name: str
    ids: Texts
    columns: dict[str, Column]
    sums_to_one: bool
    tolerance: float

    @classmethod
    def read(
        cls,
        sample: FilePath | pd.DataFrame,
        kind: Kind | None,
        labels: Iterable[Any] | None,
        tolerance: float,
    ) -> Sample:
        """Read a sample, and how its values look where the caller does not say."""
        if kind is not None and kind not in get_args(Kind):
            raise invalid_value(
                "kind", f"one of {', '.join(get_args(Kind))}", f"{kind=}", "Choose one of these"
            )
        if labels is not None and kind not in (None, "labels"):
            raise invalid_value(
                "kind", "'labels' where labels are given", f"{kind=}", "Leave out one of the two"
            )
        name = "the sample submission" if isinstance(sample, pd.DataFrame) else Path(sample).name
        table = read_table(sample)
        _check_sample(name, table)
        values = table.iloc[:, 1:]
        one = _sums_to_one(values)
        known = None if labels is None else tuple(str(label) for label in labels)
        columns: dict[str, Column] = {}
        for column, texts in values.items():
            looks = Column("probabilities") if one else _looks_of(texts)
            columns[str(column)] = _told(looks, texts, kind, known)
        one = one and all(column.kind == "probabilities" for column in columns.values())
        return cls(name, table.columns[0], table.iloc[:, 0], columns, one, tolerance)


def read_table(source: FilePath | pd.DataFrame) -> pd.DataFrame:
    """Read a table as text, cell for cell; a data frame is read as the CSV file it would become."""
    if isinstance(source, pd.DataFrame):
        return table_of(io.StringIO(source.to_csv(index=False)), "the data frame")
    return table_of(Path(source), Path(source).name)


def table_of(source: Path | io.StringIO, name: str) -> pd.DataFrame:
    """Read a CSV file or text, cell for cell; `name` is what errors call it."""
    # Without header=None, a repeated column name would be changed and a surplus cell would become the index.
    try:
        cells = pd.read_csv(source, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        got = f"error={str(error).strip()}"
        raise invalid_value(name, "a CSV table", got, "Write one line a row, cells apart by ','") from error
    cells = cells.fillna("")
    return cells.iloc[1:].set_axis(cells.iloc[0].tolist(), axis=1).reset_index(drop=True)


def numbers_of(texts: Texts) -> npt.NDArray[np.float64]:
    """Return texts as numbers, NaN for all others."""
    return np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)


def _check_sample(name: str, table: pd.DataFrame) -> None:
    """Raise when a sample cannot tell right from wrong."""
    ids = table.iloc[:, 0]
    repeated = ids[ids.duplicated()].unique()
    found = [f"{len(repeated)} repeated ids ({format_list(repeated)})"] if len(repeated) else []
    if table.shape[1] < 2 or not len(table) or not table.columns.is_unique:
        found.append(f"{len(table)} rows of columns {list(table.columns)}")
    if found:
        expected = "a table of unique ids and at least one column of values"
        raise invalid_value(name, expected, "; ".join(found), "Take the competition's own sample submission")


def _sums_to_one(values: pd.DataFrame) -> bool:
    """Whether several columns hold probabilities of which one row's sum to one."""
    numbers = np.column_stack([numbers_of(values[column]) for column in values])
    within = bool(((numbers >= 0) & (numbers <= 1)).all())
    return values.shape[1] > 1 and within and bool((abs(numbers.sum(axis=1) - 1) < SAMPLE_TOLERANCE).all())


def _looks_of(texts: Texts) -> Column:
    """Return what a column of the sample seems to hold."""
    texts = texts[texts.str.strip() != ""]
    found = tuple(sorted(set(texts)))
    if not found:
        return Column(None)
    if set(found) <= set(TRUTH):
        return Column("labels", TRUTH)
    numbers = numbers_of(texts)
    few = 2 <= len(found) <= min(MOST_LABELS, len(texts) // 2)
    if np.isnan(numbers).any():
        return Column("labels", found) if few else Column("text")
    if texts.str.fullmatch(INTEGER).all():
        return Column("labels", found) if few else Column("integers")
    within = (numbers >= 0) & (numbers <= 1)
    between = (numbers > 0) & (numbers < 1)
    return Column("probabilities" if within.all() and between.any() else "numbers")


def _told(looks: Column, texts: Texts, kind: Kind | None, labels: tuple[str, ...] | None) -> Column:
    """Return what a column holds when the caller's word goes before its looks."""
    if labels is not None:
        return Column("labels", labels)
    if kind == "labels":
        return Column("labels", looks.labels or tuple(sorted(set(texts))))
    return looks if kind is None else Column(kind)
