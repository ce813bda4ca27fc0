"""Check a submission against the sample: one error names all that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import FilePath
from stackit.submission.sample import INTEGER, Column, Kind, Sample, Texts, numbers_of, read_table
from stackit.validation import format_list, invalid_value

__all__ = ["check_submission", "judge"]

Flags: TypeAlias = npt.NDArray[np.bool_]

NOTHING = {"", "nan", "na", "n/a", "none", "null", "<na>", "nat"}
# Averages of probabilities leave [0, 1] by rounding, also in float32.
ROUNDING = 1e-6


def check_submission(
    submission: FilePath | pd.DataFrame,
    sample: FilePath | pd.DataFrame,
    *,
    kind: Kind | None = None,
    labels: Iterable[Any] | None = None,
    tolerance: float = 1e-3,
) -> None:
    """Raise unless a submission is valid, judged by the sample submission.

    It must have the sample's columns in their order, and its ids in their order, each once; no value may
    be missing or infinite, and each must be of the kind that its column holds in the sample.

    Parameters
    ----------
    submission, sample : path or data frame
        The file to check and the one to go by (.csv, .csv.gz, .zip): ids in the first column. A data frame
        is judged as the CSV file that it would become.
    kind : {"labels", "integers", "probabilities", "numbers", "text"}, optional
        What the columns of values hold. By default each column's own, as the sample shows it: labels
        where few values recur, integers where none has a decimal point, probabilities where all are in
        [0, 1] and some between, or where the rows of several columns sum to one. A sample that holds a
        placeholder, such as 0 where probabilities belong, needs to be told.
    labels : iterable, optional
        The valid labels. By default those of the sample, when it shows more than one.
    tolerance : float
        By how much the sum of a row's probabilities may differ from one, if the sample's sum to one;
        ``inf`` where several labels may be true of a row.

    Raises
    ------
    ValueError
        When the submission is invalid: one error names every fault, with the first ids it concerns. Also
        when the sample itself is unusable, or a file is not a table.
    FileNotFoundError
        When there is no such file.

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
    like = Sample.read(sample, kind, labels, tolerance)
    name = "The submission" if isinstance(submission, pd.DataFrame) else Path(submission).name
    judge(like, read_table(submission), name, "Correct the submission")


def judge(sample: Sample, table: pd.DataFrame, name: str, advice: str) -> None:
    """Raise one error with all that is wrong with a submission."""
    if faults := list(_faults(sample, table)):
        raise invalid_value(name, f"valid like {sample.name}", "; ".join(faults), advice)


def _faults(sample: Sample, table: pd.DataFrame) -> Iterator[str]:
    """Yield what is wrong with a submission, a fault at a time."""
    wanted = [sample.id_name, *sample.columns]
    found = list(table.columns)
    if found != wanted:
        yield f"columns {found} instead of {wanted}"
    if found.count(sample.id_name) != 1:
        return
    names = table.iloc[:, found.index(sample.id_name)]
    yield from _id_faults(sample, names)
    for name, column in sample.columns.items():
        if found.count(name) == 1:
            texts = table.iloc[:, found.index(name)]
            for rule, wrong in _breaches(column, texts):
                yield from _described(f"{name} {rule}", names, texts, wrong)
    if sample.sums_to_one and set(sample.columns) <= set(found):
        yield from _sum_faults(sample, names, table)


def _id_faults(sample: Sample, names: Texts) -> Iterator[str]:
    lost = sample.ids[~sample.ids.isin(names)].unique()
    unknown = names[~names.isin(sample.ids)].unique()
    repeated = names[names.duplicated()].unique()
    for some, problem in ((lost, "missing"), (unknown, "unknown"), (repeated, "repeated")):
        if len(some):
            shown = (name or repr("") for name in some)
            yield f"{len(some)} {problem} {'id' if len(some) == 1 else 'ids'} ({format_list(shown)})"
    if not (len(lost) or len(unknown) or len(repeated)):
        for row in np.flatnonzero(names.to_numpy() != sample.ids.to_numpy())[:1]:
            wanted = sample.ids.iloc[row]
            yield f"ids in another order from row {row} on ({names.iloc[row]}, the sample has {wanted})"


def _sum_faults(sample: Sample, names: Texts, table: pd.DataFrame) -> Iterator[str]:
    probabilities = table.loc[:, ~table.columns.duplicated()][list(sample.columns)]
    sums = np.column_stack([numbers_of(texts) for _, texts in probabilities.items()]).sum(axis=1)
    wrong = np.isfinite(sums) & (abs(sums - 1) > sample.tolerance)
    shown = pd.Series(sums).map("{:.6g}".format)
    yield from _described(f"the sum of {format_list(sample.columns)} not 1", names, shown, wrong)


def _breaches(column: Column, texts: Texts) -> Iterator[tuple[str, Flags]]:
    """Yield each rule that some values break, and which these are."""
    is_label = texts.isin(column.labels).to_numpy(dtype=bool)
    missing = _missing(texts) & ~is_label
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


def _described(problem: str, names: Texts, texts: Texts, wrong: Flags) -> Iterator[str]:
    """Yield a fault with the number of rows it concerns, and the ids and values of the first of them."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = (f"id {names.iloc[row]}: {texts.iloc[row] or repr('')}" for row in rows)
        count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
        yield f"{problem} in {count} ({format_list(shown, most=3)})"


def _missing(texts: Texts) -> Flags:
    return texts.str.strip().str.lower().isin(NOTHING).to_numpy(dtype=bool)
