"""What the estimators of both levels score: in each fold, on the whole column, and over repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from stackit import OutOfFold
from stackit.arrays import Rows
from stackit.assess import Repeat, cross_fit_finals

__all__ = ["Score", "cross_fitted", "repeats_of", "scores_of", "show", "spread"]

Score = dict[str, Any]
# Folds side by side; with more of them a terminal is too narrow.
MOST_SHOWN = 5


def repeats_of(oof: OutOfFold) -> list[OutOfFold]:
    """Return what each repeat alone gave."""
    return [oof.of_repeat(repeat) for repeat in range(oof.folds.n_repeats)]


def cross_fitted(finals: Sequence[tuple[str, Any]], oof: OutOfFold, aside: Any = None) -> list[OutOfFold]:
    """Cross-fit final estimators on the meta-features of each repeat, over the same folds.

    As `stackit.compare` does it: neither a row's meta-features nor the final estimator that predicts it
    were trained on the row. The meta-features of the other rows were, so that the score is a little
    optimistic all the same.

    Parameters
    ----------
    finals : list of (str, estimator)
        The final estimators, by name.
    oof : OutOfFold
        The base level, each row held out in each repeat. Its groups bind the folds of this level, too.
    aside : (n,) array of bool, optional
        Rows that no final estimator learns from; they are predicted and scored as all others.

    Returns
    -------
    list of OutOfFold
        One per repeat.
    """
    found = []
    for one in repeats_of(oof):
        splits = tuple((train[~_marked(aside, train)], held_out) for train, held_out in one.folds.splits)
        judged = replace(one, folds=replace(one.folds, splits=splits))
        found.append(cross_fit_finals(finals, Repeat(one, judged)))
    return found


def _marked(aside: Any, rows: Rows) -> Any:
    return np.zeros(len(rows), dtype=bool) if aside is None else np.asarray(aside)[rows]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the mean of several values, and its standard error.

    Examples
    --------
    >>> spread([1.0, 2.0, 3.0])
    {'mean': 2.0, 'standard_error': 0.5773502691896258}
    """
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return {"mean": float(np.mean(values)), "standard_error": float(error)}


def scores_of(*levels: Sequence[OutOfFold]) -> dict[str, Score]:
    """Return the scores of each estimator of each level.

    Parameters
    ----------
    *levels : lists of OutOfFold
        What each repeat gave, on each level.

    Returns
    -------
    dict of dict
        For each estimator its scores in the `folds` of the first repeat, those of the whole column in all
        `repeats`, and their `mean` and `standard_error`; with one repeat these two are over folds. Losses
        (scorers named ``neg_...``) are given as such: lower is better.
    """
    found = {}
    for level in levels:
        sign = -1.0 if str(level[0].scoring).startswith("neg_") else 1.0
        for name in level[0]:
            folds = sign * level[0].scores.set_index("estimator").loc[name, "score"]
            whole = [float(sign * one.summary.loc[name, "whole"]) for one in level]
            over = whole if len(whole) > 1 else folds.tolist()
            found[name] = {"folds": folds.round(5).tolist(), "repeats": whole, **spread(over)}
    return found


def show(console: Console, metric: str, scores: dict[str, Score], digits: int = 3) -> None:
    """Print the scores: a few folds of the first repeat, and the mean with its standard error.

    Parameters
    ----------
    console : Console
        Where to.
    metric : str
        The name of what is given.
    scores : dict of dict
        As from `scores_of`.
    digits : int
        Decimal places of folds; means have one more.
    """
    first = next(iter(scores.values()))
    n_folds, n_repeats = len(first["folds"]), len(first["repeats"])
    over = f"{n_repeats} repeats" if n_repeats > 1 else f"{n_folds} folds"
    n_shown = n_folds if n_folds <= MOST_SHOWN else 0
    headers = [metric, *(f"fold {fold}" for fold in range(n_shown)), over]
    table = Table(*(Column(header, no_wrap=True) for header in headers), box=SIMPLE, padding=0)
    if n_repeats > 1:
        table.caption = "Folds of the first repeat; whole column, mean ± standard error over repeats."
    for name, score in scores.items():
        folds = (f"{value:.{digits}f}" for value in score["folds"][:n_shown])
        mean = f"{score['mean']:.{digits + 1}f} ± {score['standard_error']:.{digits + 1}f}"
        table.add_row(name, *folds, mean)
    console.print(table)
