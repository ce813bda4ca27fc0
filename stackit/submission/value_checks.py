"""What is wrong with the values of a submission."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from stackit.arrays import Mask
from stackit.submission.kaggle_words import unparsable
from stackit.submission.problem import SubmissionProblem, row_problem, shown
from stackit.submission.sample import INTEGER, Sample, SampleColumn, Texts, numbers_of
from stackit.submission.written_table import WrittenTable
from stackit.validation import format_list

__all__ = ["sum_problems", "value_problems"]

MISSING = {"", "nan", "na", "n/a", "none", "null", "<na>", "nat"}
THOUSANDS = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"
# Averages of probabilities leave [0, 1] by rounding, also in float32.
ROUNDING = 1e-6
MOST_WORDS = 3  # cells of which Kaggle's words are given


def value_problems(
    written: WrittenTable, ids: Texts, at: int, column: SampleColumn
) -> Iterator[SubmissionProblem]:
    """Yield what is wrong with the values of the column at a position."""
    texts: Texts = written.table.iloc[:, at]
    name = shown(written.table.columns[at])
    for rule, wrong in _broken_rules(column, texts):
        words = []
        if column.kind in ("probabilities", "numbers") and rule in ("missing", "not a number"):
            rows = [int(row) for row in np.flatnonzero(wrong) if texts.iloc[row].casefold() != "nan"]
            words = [unparsable(texts.iloc[row], written.place(row, at)) for row in rows[:MOST_WORDS]]
        yield from row_problem(f"{name} {rule}", ids, texts, wrong, words)


def sum_problems(sample: Sample, ids: Texts, table: pd.DataFrame) -> Iterator[SubmissionProblem]:
    """Yield the rows of which the probabilities do not sum to one."""
    probabilities = table.loc[:, ~table.columns.duplicated()][list(sample.columns)]
    sums = np.column_stack([numbers_of(texts) for _, texts in probabilities.items()]).sum(axis=1)
    wrong = np.isfinite(sums) & (abs(sums - 1) > sample.tolerance)
    texts = pd.Series(sums).map("{:.6g}".format)
    yield from row_problem(f"the sum of {format_list(map(shown, sample.columns))} not 1", ids, texts, wrong)


def _broken_rules(column: SampleColumn, texts: Texts) -> Iterator[tuple[str, Mask]]:
    """Yield each rule, and which values break it."""
    is_label = texts.isin(column.labels).to_numpy(dtype=bool)
    missing = texts.str.strip().str.lower().isin(MISSING).to_numpy(dtype=bool) & ~is_label
    yield "missing", missing
    if column.kind == "labels":
        yield f"not one of {format_list(map(shown, column.labels))}", ~is_label & ~missing
        return
    numbers = numbers_of(texts)
    if column.kind == "text":
        yield "a number where the sample has text", ~np.isnan(numbers)
    if column.kind in (None, "text"):
        return
    thousands = texts.str.fullmatch(THOUSANDS).to_numpy(dtype=bool)
    yield "with a comma between thousands", thousands
    yield "not a number", np.isnan(numbers) & ~missing & ~thousands
    yield "infinite", np.isinf(numbers)
    finite = np.isfinite(numbers)
    if column.kind == "integers":
        yield "not a whole number", finite & ~texts.str.fullmatch(INTEGER).to_numpy(dtype=bool)
    if column.kind == "probabilities":
        yield "outside [0, 1]", finite & ((numbers < -ROUNDING) | (numbers > 1 + ROUNDING))
