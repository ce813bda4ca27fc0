"""Check a submission against the sample submission; one error names everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from stackit.arrays import FilePath
from stackit.submission.id_checks import id_problems
from stackit.submission.kaggle_words import required_column, row_count, unexpected_column
from stackit.submission.problem import SubmissionProblem, counted
from stackit.submission.sample import Sample, SubmissionKind, read_sample
from stackit.submission.value_checks import sum_problems, value_problems
from stackit.submission.written_table import WrittenTable, read_written
from stackit.validation import format_list, invalid_value

__all__ = ["check_submission", "check_written", "submission_problems"]

MOST_WORDS = 4  # of Kaggle's server in one error
INDEX_NAMES = ("", "Unnamed: 0")


def check_submission(
    submission: FilePath | pd.DataFrame,
    sample: FilePath | pd.DataFrame | Sample,
    *,
    kind: SubmissionKind | None = None,
    labels: Iterable[Any] | None = None,
    tolerance: float = 1e-3,
) -> None:
    """Raise unless a submission is valid according to the sample submission.

    It must have the sample's columns in their order, and its ids in their order, each once; no value may
    be missing or infinite, and each must be of the kind that its column holds in the sample. The file must be
    text in UTF-8 without a byte-order mark, an index, blank lines or commas between thousands.

    Where it is known, the error also says what Kaggle's server says of such a file.

    Parameters
    ----------
    submission : path or data frame
        The file to check (.csv, .csv.gz, .zip). A data frame is checked as the CSV file that it would become.
    sample : path, data frame or Sample
        The sample submission: ids in the first column. Without one, pass what `sample_of_test` makes of the
        test ids and the target.
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
    on (b, the sample submission has a); cat missing in 1 row (id a: ''); the sum of cat, dog not 1 in 1 row
    (id b: 1.2). Kaggle refuses it with: ERROR: Could not parse '' into expected type of Double (Line 3,
    Column 3). Correct the submission.
    """
    name = "The submission" if isinstance(submission, pd.DataFrame) else Path(submission).name
    known = read_sample(sample, kind, labels, tolerance)
    problems = list(_problems(known, read_written(submission)))
    if problems:
        words = [word for problem in problems for word in problem.kaggle]
        more = f"; and {len(words) - MOST_WORDS} more" if len(words) > MOST_WORDS else ""
        kaggle = f". Kaggle refuses it with: {'; '.join(words[:MOST_WORDS])}{more}" if words else ""
        raise _refused(known, problems, name, kaggle, "Correct the submission")


def submission_problems(
    submission: FilePath | pd.DataFrame,
    sample: FilePath | pd.DataFrame | Sample,
    *,
    kind: SubmissionKind | None = None,
    labels: Iterable[Any] | None = None,
    tolerance: float = 1e-3,
) -> list[SubmissionProblem]:
    """Return all that is wrong with a submission; an empty list if it is valid.

    Parameters
    ----------
    submission, sample, kind, labels, tolerance
        As in `check_submission`.

    Returns
    -------
    list of SubmissionProblem
        What is wrong, in our words and, where they are known, in those of Kaggle's server.

    Raises
    ------
    ValueError
        If the sample is unusable, or the submission is not a table.
    OSError
        If a file does not exist, or is no file.

    Examples
    --------
    >>> sample = pd.DataFrame({"id": [1, 2], "price": [1.5, 2.5]})
    >>> for problem in submission_problems(pd.DataFrame({"id": [1, 2], "cost": [1.5, None]}), sample):
    ...     print(problem.text)
    ...     print(*problem.kaggle, sep=chr(10))
    columns ['id', 'cost'] instead of ['id', 'price']
    ERROR: Unexpected Column:  'cost' (Line 1, Column 4)
    ERROR: Required column 'price' could not be found
    """
    return list(_problems(read_sample(sample, kind, labels, tolerance), read_written(submission)))


def check_written(sample: Sample, written: WrittenTable, name: str, advice: str) -> None:
    """Raise one error with everything that is wrong with a submission."""
    if problems := list(_problems(sample, written)):
        raise _refused(sample, problems, name, "", advice)


def _refused(
    sample: Sample, problems: list[SubmissionProblem], name: str, kaggle: str, advice: str
) -> ValueError:
    got = "; ".join(problem.text for problem in problems)
    return invalid_value(name, f"valid like {sample.name}", got + kaggle, advice)


def _problems(sample: Sample, written: WrittenTable) -> Iterator[SubmissionProblem]:
    """Yield what is wrong with a submission, one problem at a time."""
    table, found = written.table, list(written.table.columns)
    yield from _encoding_problems(written)
    yield from _column_problems(sample, written)
    if found.count(sample.id_name) != 1:
        if len(table) != len(sample.ids):
            text = f"{counted(len(table), 'row')} instead of {len(sample.ids)}"
            yield SubmissionProblem(text, (row_count(len(sample.ids)),))
        return
    ids = table.iloc[:, found.index(sample.id_name)]
    yield from id_problems(sample, ids)
    for name, column in sample.columns.items():
        if found.count(name) == 1:
            yield from value_problems(written, ids, found.index(name), column)
    if sample.sums_to_one and set(sample.columns) <= set(found):
        yield from sum_problems(sample, ids, table)


def _encoding_problems(written: WrittenTable) -> Iterator[SubmissionProblem]:
    """Yield what is wrong with a file before its cells are looked at."""
    if written.encoding != "UTF-8":
        yield SubmissionProblem(f"text in {written.encoding} instead of UTF-8")
    if written.has_mark:
        yield SubmissionProblem("a byte-order mark before the first name")
    if written.blank_lines:
        lines = format_list(written.blank_lines)
        yield SubmissionProblem(f"{counted(len(written.blank_lines), 'blank line')} ({lines})")


def _column_problems(sample: Sample, written: WrittenTable) -> Iterator[SubmissionProblem]:
    """Yield the columns, where they are not those of the sample, and why this may be."""
    wanted, found = [sample.id_name, *sample.columns], list(written.table.columns)
    if found == wanted:
        return
    why = ""
    if found[0] in INDEX_NAMES and found[1:] == wanted:
        why = ", the first of which is an index: write it with index=False"
    for separator in (";", "\t", "|"):
        if len(found) == 1 < len(wanted) and found[0].split(separator) == wanted:
            why = f", since its cells are separated by {separator!r} instead of a comma"
    unexpected = (
        unexpected_column(name, written.place(-1, at)) for at, name in enumerate(found) if name not in wanted
    )
    required = (required_column(name) for name in wanted if name not in found)
    yield SubmissionProblem(f"columns {found} instead of {wanted}{why}", (*unexpected, *required))
