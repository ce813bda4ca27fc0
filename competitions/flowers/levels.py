"""Both levels of the stack: base estimators a code set, and what final estimators make of what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from competitions.flowers.lineup import base_estimators, final_estimator, probabilities
from stackit import DiskStore, Folds, OutOfFold, out_of_fold
from stackit.combine import MeanClassifier

__all__ = ["AVERAGE", "STACK", "both_levels", "crossed_scores", "held_scores", "said"]

AVERAGE, STACK = "plain average", "stack"
Codes = Mapping[str, npt.NDArray[np.float32]]
Levels = dict[str, OutOfFold]
Scores = dict[str, dict[str, float]]


def both_levels(codes: Codes, y: Any, folds: Folds, store: DiskStore, held: Codes | None = None) -> Levels:
    """Return what base estimators and final estimators say out of fold, and of photographs held back.

    Parameters
    ----------
    codes : mapping of str to (n, d) array
        A code set a network.
    y : (n,) array
        The classes.
    folds : Folds
        For both levels. Neither a row's meta-features nor the final estimator that predicts it were
        trained on the row; the meta-features of other rows were, so that a stack's score by folds is a
        little optimistic. That on photographs held back is not.
    store : DiskStore
        Where finished fits are kept.
    held : mapping of str to (m, d) array, optional
        The code sets of photographs held back.

    Returns
    -------
    dict of OutOfFold
        All base estimators of a network under its name, and the stack on them alone under
        ``<network>/stack``; `AVERAGE`, the mean of all probabilities; `STACK`, on all base estimators.
    """
    first = {
        network: out_of_fold(
            base_estimators(network),
            X,
            y,
            None if held is None else held[network],
            cv=folds,
            store=store,
            n_jobs=1,
            return_estimator=False,
            verbose=1,
        )
        for network, X in codes.items()
    }
    everything = list(first.values())
    members = {f"{network}/{STACK}": [oof] for network, oof in first.items()} | {STACK: everything}
    stacks = {name: _final(name, final_estimator(), oofs, y) for name, oofs in members.items()}
    average = _final(AVERAGE, MeanClassifier(), everything, y, probabilities)
    return {**first, AVERAGE: average, **stacks}


def crossed_scores(levels: Levels) -> Scores:
    """Return the mean accuracy over folds of each estimator, and by how much the stack is better.

    Both come with standard errors; folds are compared one by one, since some are harder than others.
    """
    scores = pd.concat([oof.scores for oof in levels.values()])
    by_fold = scores.pivot_table(index="fold", columns="estimator", values="score", sort=False)
    behind = by_fold.rsub(by_fold[STACK], axis=0)
    columns = {"accuracy": by_fold.mean(), "standard error": by_fold.sem()}
    columns |= {"behind the stack": behind.mean(), "its standard error": behind.sem()}
    return {str(name): found for name, found in pd.DataFrame(columns).to_dict("index").items()}


def held_scores(levels: Levels, parts: Mapping[str, Any]) -> Scores:
    """Return the accuracy of each estimator on parts of the photographs held back.

    Parameters
    ----------
    levels : dict of OutOfFold
        What `both_levels` returned.
    parts : mapping of str to array
        The classes of each part, one part after the other as they were held back.
    """
    labels = np.concatenate(list(parts.values()))
    of_part = np.repeat(list(parts), [len(y) for y in parts.values()])
    right = {
        name: _labels_of(oof, name) == labels
        for oof in levels.values()
        for name in oof
        if oof[name].test is not None
    }
    return {
        name: {part: float(np.mean(one[of_part == part])) for part in parts} for name, one in right.items()
    }


def said(oof: OutOfFold) -> pd.DataFrame:
    """Return the out-of-fold probabilities of a result's only estimator, with the classes as columns."""
    return oof.meta_train.rename(columns=lambda column: column.rpartition("__")[2])


def _final(
    name: str,
    estimator: Any,
    first: Sequence[OutOfFold],
    y: Any,
    chosen: Callable[[pd.DataFrame], pd.DataFrame] = lambda meta: meta,
) -> OutOfFold:
    """Cross-fit a final estimator on what some base estimators say, over their folds."""
    train = chosen(pd.concat([oof.meta_train for oof in first], axis=1))
    tests = [oof.meta_test for oof in first if oof.meta_test is not None]
    test = chosen(pd.concat(tests, axis=1)) if tests else None
    return out_of_fold([(name, estimator)], train, y, test, cv=first[0].folds, n_jobs=1)


def _labels_of(oof: OutOfFold, name: str) -> Any:
    return np.asarray(oof.target.classes)[oof[name].test.argmax(axis=1)]
