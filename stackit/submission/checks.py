"""Check a submission against the sample submission; one error names everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import FilePath, Mask
from stackit.submission.sample import (
    INTEGER,
    Sample,
    SampleColumn,
    SubmissionKind,
    Texts,
    numbers_of,
    read_sample,
    read_table,
)
from stackit.validation import format_list, invalid_value

__all__ = ["check_submission", "check_table"]

MISSING = {"", "nan", "na", "n/a", "none", "null", "<na>", "nat"}
# Averages of probabilities leave [0, 1] by rounding, also in float32.
ROUNDING = 1e-6


def check_submission(
    submission: FilePath | pd.DataFrame,
    sample: FilePath | pd.DataFrame,
    *,
    kind: SubmissionKind | None = None,
    labels: Iterable[Any] | None = None,
    tolerance: float = 1e-3,
) -> None:
    """Raise unless a submission is valid according to the sample submission.

    It must have the sample's columns in their order, and its ids in their order, each once; no value may
    be missing or infinite, and each must be of the kind that its column holds in the sample.

    Parameters
    ----------
    submission, sample : path or data frame
        The file to check and the sample submission (.csv, .csv.gz, .zip): ids in the first column. A data
        frame is checked as the CSV file that it would become.
    kind : {"labels", "integers", "probabilities", "numbers", "text"}, optional
        What the columns of values hold. Default: what each looks like in the sample: labels if few values
        recur, integers if none has a decimal point, probabilities if all are in [0, 1] and some between,
        or if several columns sum to one in each row. Needed if the sample holds a placeholder, such as 0
        for probabilities.
    labels : iterable, optional
        The valid labels. Default: those of the sample, if it shows more than one.
    tolerance : float
        By how much the sum of a row's probabilities may differ from one, if the sample's sum to one;
        ``inf`` if a row may have several labels.

    Raises
    ------
    ValueError
        If the submission is invalid: one error names everything that is wrong, with the first ids. Also
        if the sample itself is unusable, or a file is not a table.
    FileNotFoundError
        If a file does not exist.

    Examples
    --------
    >>> sample = pd.DataFrame({"id": ["a", "b"], "cat": [0.5, 0.5], "dog": [0.5, 0.5]})
    >>> check_submission(pd.DataFrame({"id": ["a", "b"], "cat": [0.9, 0.2], "dog": [0.1, 0.8]}), sample)
    >>> check_submission(pd.DataFrame({"id": ["b", "a"], "cat": [0.9, None], "dog": [0.3, 0.8]}), sample)
    Traceback (most recent call last):
        ...
    ValueError: The submission must be valid like the sample submission; got ids in another order from row 0
    on (b, the sample has a); cat missing in 1 row (id a: ''); the sum of cat, dog not 1 in 1 row (id b: 1.2).
    Correct the submission.
    """
    name = "The submission" if isinstance(submission, pd.DataFrame) else Path(submission).name
    known = read_sample(sample, kind, labels, tolerance)
    check_table(known, read_table(submission), name, "Correct the submission")


def check_table(sample: Sample, table: pd.DataFrame, name: str, advice: str) -> None:
    """Raise one error with everything that is wrong with a submission."""
    if problems := list(_problems(sample, table)):
        raise invalid_value(name, f"valid like {sample.name}", "; ".join(problems), advice)


def _problems(sample: Sample, table: pd.DataFrame) -> Iterator[str]:
    """Yield what is wrong with a submission, one problem at a time."""
    wanted = [sample.id_name, *sample.columns]
    found = list(table.columns)
    if found != wanted:
        yield f"columns {found} instead of {wanted}"
    if found.count(sample.id_name) != 1:
        return
    ids = table.iloc[:, found.index(sample.id_name)]
    yield from _id_problems(sample, ids)
    for name, column in sample.columns.items():
        if found.count(name) == 1:
            texts = table.iloc[:, found.index(name)]
            for rule, wrong in _broken_rules(column, texts):
                yield from _describe_rows(f"{name} {rule}", ids, texts, wrong)
    if sample.sums_to_one and set(sample.columns) <= set(found):
        yield from _sum_problems(sample, ids, table)


def _id_problems(sample: Sample, ids: Texts) -> Iterator[str]:
    problems = {
        "missing": sample.ids[~sample.ids.isin(ids)].unique(),
        "unknown": ids[~ids.isin(sample.ids)].unique(),
        "repeated": ids[ids.duplicated()].unique(),
    }
    for problem, some in problems.items():
        if len(some):
            noun = "id" if len(some) == 1 else "ids"
            yield f"{len(some)} {problem} {noun} ({format_list(name or repr('') for name in some)})"
    if not any(map(len, problems.values())):
        for row in np.flatnonzero(ids.to_numpy() != sample.ids.to_numpy())[:1]:
            wanted = sample.ids.iloc[row]
            yield f"ids in another order from row {row} on ({ids.iloc[row]}, the sample has {wanted})"


def _sum_problems(sample: Sample, ids: Texts, table: pd.DataFrame) -> Iterator[str]:
    probabilities = table.loc[:, ~table.columns.duplicated()][list(sample.columns)]
    sums = np.column_stack([numbers_of(texts) for _, texts in probabilities.items()]).sum(axis=1)
    wrong = np.isfinite(sums) & (abs(sums - 1) > sample.tolerance)
    shown = pd.Series(sums).map("{:.6g}".format)
    yield from _describe_rows(f"the sum of {format_list(sample.columns)} not 1", ids, shown, wrong)


def _broken_rules(column: SampleColumn, texts: Texts) -> Iterator[tuple[str, Mask]]:
    """Yield each rule, and which values break it."""
    is_label = texts.isin(column.labels).to_numpy(dtype=bool)
    missing = texts.str.strip().str.lower().isin(MISSING).to_numpy(dtype=bool) & ~is_label
    yield "missing", missing
    if column.kind == "labels":
        yield f"not one of {format_list(column.labels)}", ~is_label & ~missing
        return
    numbers = numbers_of(texts)
    if column.kind == "text":
        yield "a number where the sample has text", ~np.isnan(numbers)
    if column.kind in (None, "text"):
        return
    yield "not a number", np.isnan(numbers) & ~missing
    yield "infinite", np.isinf(numbers)
    finite = np.isfinite(numbers)
    if column.kind == "integers":
        yield "not a whole number", finite & ~texts.str.fullmatch(INTEGER).to_numpy(dtype=bool)
    if column.kind == "probabilities":
        yield "outside [0, 1]", finite & ((numbers < -ROUNDING) | (numbers > 1 + ROUNDING))


def _describe_rows(problem: str, ids: Texts, texts: Texts, wrong: Mask) -> Iterator[str]:
    """Yield a problem with the number of its rows, and the ids and values of the first ones, if any."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = (f"id {ids.iloc[row]}: {texts.iloc[row] or repr('')}" for row in rows)
        count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
        yield f"{problem} in {count} ({format_list(shown, most=3)})"
