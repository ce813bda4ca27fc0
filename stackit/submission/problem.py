"""One thing that is wrong with a submission, in our words and in those of Kaggle's server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackit.arrays import Mask
from stackit.submission.sample import Texts
from stackit.validation import format_list

__all__ = ["SubmissionProblem", "counted", "row_problem", "shown"]


@dataclass(frozen=True)
class SubmissionProblem:
    """One thing that is wrong with a submission.

    Parameters
    ----------
    text : str
        What is wrong, with the number of rows and the first ids.
    kaggle : tuple of str
        What Kaggle's server says of it. Empty where that is not known, or where the server takes the file and
        its score is wrong.

    Examples
    --------
    >>> SubmissionProblem("1 missing id (892)", ("Evaluation Exception: Submission must have 418 rows",)).text
    '1 missing id (892)'
    """

    text: str
    kaggle: tuple[str, ...] = ()


def shown(text: Any) -> str:
    """Return a name or cell as it is, or quoted where it is blank or holds what a terminal would not show."""
    name = str(text)
    return name if name.isprintable() and name.strip() == name != "" else repr(name)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def row_problem(
    problem: str, ids: Texts, texts: Texts, wrong: Mask, kaggle: Iterable[str] = ()
) -> Iterator[SubmissionProblem]:
    """Yield a problem with the number of its rows, and the ids and values of the first ones, if any."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        some = (f"id {shown(ids.iloc[row])}: {shown(texts.iloc[row])}" for row in rows[:4])
        cells = [*some, *rows[4:]]
        text = f"{problem} in {counted(len(rows), 'row')} ({format_list(cells, most=3)})"
        yield SubmissionProblem(text, tuple(kaggle))
