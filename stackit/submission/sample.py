"""The sample submission: its ids, its columns, and what each column holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from stackit.arrays import FilePath, Floats
from stackit.submission.written_table import read_written
from stackit.validation import format_list, invalid_value

__all__ = [
    "INTEGER",
    "Sample",
    "SampleColumn",
    "SubmissionKind",
    "Texts",
    "numbers_of",
    "read_sample",
]

SubmissionKind = Literal["labels", "integers", "probabilities", "numbers", "text"]
Texts: TypeAlias = "pd.Series[str]"

INTEGER = "[+-]?[0-9]+"
TRUTH_VALUES = ("False", "True")
MAX_LABELS = 50
# Samples are often rounded to two digits: 0.33 three times is still meant to sum to one.
SAMPLE_TOLERANCE = 0.05


@dataclass(frozen=True)
class SampleColumn:
    """What one column of values holds in the sample."""

    kind: SubmissionKind | None
    labels: tuple[str, ...] = ()

    @property
    def is_integer(self) -> bool:
        """Whether the column holds integers, as numbers or as labels."""
        if self.kind == "labels":
            return all(re.fullmatch(INTEGER, label) for label in self.labels)
        return self.kind == "integers"


@dataclass(frozen=True)
class Sample:
    """What a valid submission has: its ids, and what each column of values holds.

    Parameters
    ----------
    name : str
        What errors call it.
    id_name : str
        The name of the column of ids.
    ids : (m,) series of str
        The ids, in their order.
    columns : dict
        The columns of values in their order, and what each holds.
    sums_to_one : bool
        Whether the values of a row are probabilities that sum to one.
    tolerance : float
        By how much their sum may differ from one.
    """

    name: str
    id_name: str
    ids: Texts
    columns: dict[str, SampleColumn]
    sums_to_one: bool
    tolerance: float


def read_sample(
    sample: FilePath | pd.DataFrame | Sample,
    kind: SubmissionKind | None,
    labels: Iterable[Any] | None,
    tolerance: float,
) -> Sample:
    """Read a sample submission; `kind` and `labels` override what its values look like."""
    if isinstance(sample, Sample):
        return sample
    if kind is not None and kind not in get_args(SubmissionKind):
        raise invalid_value(
            "kind", f"one of {', '.join(get_args(SubmissionKind))}", f"{kind=}", "Choose one of these"
        )
    if labels is not None and kind not in (None, "labels"):
        raise invalid_value("kind", "'labels' if labels are passed", f"{kind=}", "Leave out one of the two")
    name = "the sample submission" if isinstance(sample, pd.DataFrame) else Path(sample).name
    table = read_written(sample).table
    _check_sample(name, table)
    values = table.iloc[:, 1:]
    sums_to_one = _sums_to_one(values)
    known = None if labels is None else tuple(str(label) for label in labels)
    columns = {str(column): _column_of(texts, sums_to_one, kind, known) for column, texts in values.items()}
    sums_to_one = sums_to_one and all(column.kind == "probabilities" for column in columns.values())
    return Sample(name, table.columns[0], table.iloc[:, 0], columns, sums_to_one, tolerance)


def numbers_of(texts: Texts) -> Floats:
    """Return texts as numbers, NaN for all others."""
    return np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)


def _check_sample(name: str, table: pd.DataFrame) -> None:
    """Raise unless a sample has unique ids and columns of values."""
    ids = table.iloc[:, 0]
    repeated = ids[ids.duplicated()].unique()
    found = [f"{len(repeated)} repeated ids ({format_list(repeated)})"] if len(repeated) else []
    if table.shape[1] < 2 or not len(table) or not table.columns.is_unique:
        found.append(f"{len(table)} rows of columns {list(table.columns)}")
    if found:
        expected = "a table of unique ids and at least one column of values"
        raise invalid_value(name, expected, "; ".join(found), "Use the competition's own sample submission")


def _sums_to_one(values: pd.DataFrame) -> bool:
    """Whether several columns hold probabilities that sum to one in each row."""
    numbers = np.column_stack([numbers_of(values[column]) for column in values])
    within = bool(((numbers >= 0) & (numbers <= 1)).all())
    return values.shape[1] > 1 and within and bool((abs(numbers.sum(axis=1) - 1) < SAMPLE_TOLERANCE).all())


def _column_of(
    texts: Texts, sums_to_one: bool, kind: SubmissionKind | None, labels: tuple[str, ...] | None
) -> SampleColumn:
    """Return what a column holds: what the caller says, or else what its values look like."""
    if labels is not None:
        return SampleColumn("labels", labels)
    if kind not in (None, "labels"):
        return SampleColumn(kind)
    column = SampleColumn("probabilities") if sums_to_one else _guess_column(texts)
    if kind == "labels":
        return SampleColumn("labels", column.labels or tuple(sorted(set(texts))))
    return column


def _guess_column(texts: Texts) -> SampleColumn:
    """Return what the values of a column look like."""
    texts = texts[texts.str.strip() != ""]
    found = tuple(sorted(set(texts)))
    if not found:
        return SampleColumn(None)
    if set(found) <= set(TRUTH_VALUES):
        return SampleColumn("labels", TRUTH_VALUES)
    numbers = numbers_of(texts)
    few = 2 <= len(found) <= min(MAX_LABELS, len(texts) // 2)
    if np.isnan(numbers).any():
        return SampleColumn("labels", found) if few else SampleColumn("text")
    if texts.str.fullmatch(INTEGER).all():
        return SampleColumn("labels", found) if few else SampleColumn("integers")
    within = (numbers >= 0) & (numbers <= 1)
    between = (numbers > 0) & (numbers < 1)
    return SampleColumn("probabilities" if within.all() and between.any() else "numbers")
