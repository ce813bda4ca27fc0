"""What is wrong with the ids of a submission."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from stackit.submission.kaggle_words import missing_keys, row_count
from stackit.submission.problem import SubmissionProblem, counted, shown
from stackit.submission.sample import Sample, Texts
from stackit.validation import format_list

__all__ = ["id_problems"]

# How programs change ids, and what is the same before and after that.
CHANGES: dict[str, Callable[[str], str]] = {
    "with a decimal point": lambda text: re.sub(r"\.0*$", "", text),
    "with commas between thousands": lambda text: text.replace(",", ""),
    "without leading zeros": lambda text: text.lstrip("0"),
    "with blanks around them": str.strip,
    "in other letters": str.casefold,
}


def id_problems(sample: Sample, ids: Texts) -> Iterator[SubmissionProblem]:
    """Yield what is wrong with the ids: some are missing, changed, unknown, repeated or out of order."""
    missing = list(sample.ids[~sample.ids.isin(ids)].unique())
    unknown = list(ids[~ids.isin(sample.ids)].unique())
    repeated = list(ids[ids.duplicated()].unique())
    kaggle = tuple(_kaggle_words(sample, ids, missing))
    for how, plain in CHANGES.items():
        wanted = {plain(name): name for name in missing}
        changed = {name: wanted[plain(name)] for name in unknown if plain(name) in wanted}
        if changed:
            pairs = (f"{shown(name)} for {shown(meant)}" for name, meant in changed.items())
            yield SubmissionProblem(f"{counted(len(changed), 'id')} {how} ({format_list(pairs, 3)})", kaggle)
            missing = [name for name in missing if name not in {*changed.values()}]
            unknown = [name for name in unknown if name not in changed]
            kaggle = ()
    for problem, some in {"missing": missing, "unknown": unknown, "repeated": repeated}.items():
        if some:
            noun = "id" if len(some) == 1 else "ids"
            text = f"{len(some)} {problem} {noun} ({format_list(map(shown, some))})"
            yield SubmissionProblem(text, kaggle)
            kaggle = ()
    if {*ids} == {*sample.ids} and len(ids) == len(sample.ids):
        for row in np.flatnonzero(ids.to_numpy() != sample.ids.to_numpy())[:1]:
            pair = f"{shown(ids.iloc[row])}, {sample.name} has {shown(sample.ids.iloc[row])}"
            yield SubmissionProblem(f"ids in another order from row {row} on ({pair})")


def _kaggle_words(sample: Sample, ids: Texts, missing: list[str]) -> Iterator[str]:
    if len(ids) != len(sample.ids):
        yield row_count(len(sample.ids))
    elif missing:
        yield from missing_keys(len(missing), missing[:2], sample.id_name)
