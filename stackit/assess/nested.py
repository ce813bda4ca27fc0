"""Nested scores: rows are held out from everything, base estimators, folds and final estimator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_consistent_length, indexable

from stackit.assess.comparison import Comparison
from stackit.assess.finals import BEST, MEAN, PRIOR, STACK, prior
from stackit.assess.repeats import Repeat, can_be_averaged
from stackit.check import check_rows, fault, listed, n_rows, take
from stackit.folds import Folds, as_folds
from stackit.folds.bonds import Bonds
from stackit.levels.columns import table_of
from stackit.levels.ensemble import Levels
from stackit.levels.level import levels_in
from stackit.response import Response, Table, response_of
from stackit.result import OutOfFold, index_of
from stackit.scores import Scoring, scorer_of
from stackit.stacking.final import is_combiner
from stackit.stacking.stack import Stack
from stackit.store import Store
from stackit.target import Target

__all__ = ["nested_score"]

Rows = npt.NDArray[np.intp]


def nested_score(  # noqa: PLR0913 - a stack, its data, and how; all but three by keyword
    stack: Stack | Levels,
    X: Any,
    y: Any,
    *,
    cv: Any = None,
    inner_cv: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    scoring: Scoring = None,
    n_jobs: int | None = None,
    store: Store | None = None,
) -> Comparison:
    """Score a stack by the full nested loop: rows of an outer fold are new to all of it.

    In each outer fold the whole stack is fitted anew on the other rows, with inner folds of its own, and
    predicts the rows held out, as its members and their plain mean do. It costs as much as the stack times
    the outer folds, and has no optimism left. Of levels the members are those of the last; all levels are
    fitted anew.

    Parameters
    ----------
    stack : StackingClassifier, StackingRegressor, LevelsClassifier or LevelsRegressor
        Not changed; fitted or not.
    X : array-like, data frame or sparse matrix with n rows
        The training table.
    y : (n,) or (n, n_outputs) array-like
        The target.
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        The outer folds; None is 5. With `groups`, an int or None keeps groups whole.
    inner_cv : as cv
        The inner folds, instead of those of the stack, or those that all levels share. Fixed folds (`Folds`,
        or a list of pairs) are of all n rows, here, in the stack and in levels with folds of their own, and
        are cut to those of each outer fold.
    sample_weight, groups : (n,) array-like, optional
        Reach everything: outer and inner folds, base estimators, final estimator, and scores.
    scoring : str, callable or None
        A scikit-learn scorer; None is accuracy or R2.
    n_jobs : int or None
        How many fits of a stack run at once; None is the stack's own. Outer folds follow one another.
    store : DiskStore, MemoryStore or None
        Where finished fits are kept; None is the stack's own. What was stopped goes on where it was; but
        levels ask their fitted estimators about the rows held out, which a `DiskStore` does not keep: with it
        those of finished outer folds are fitted again.

    Returns
    -------
    Comparison
        Of each member, "best member" (by the out-of-fold score inside the outer fold), "prior", "plain mean"
        and "stack": `table`, `folds` and `scores`.

    Raises
    ------
    ValueError
        When `stack` is none, or prefit; when an outer training part lacks a class; when a member is called
        as a row of the table.

    References
    ----------
    van der Laan, M. J., Polley, E. C. and Hubbard, A. E. (2007). Super learner. Statistical Applications in
    Genetics and Molecular Biology 6, 25.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from stackit import StackingClassifier, nested_score
    >>> X, y = load_iris(return_X_y=True)
    >>> stack = StackingClassifier([("bayes", GaussianNB()), ("knn", KNeighborsClassifier())])
    >>> nested_score(stack, X, y, cv=3).table["whole"].round(2).to_dict()
    {'bayes': 0.94, 'knn': 0.98, 'best member': 0.96, 'prior': 0.32, 'plain mean': 0.95, 'stack': 0.95}
    """
    _check(stack, inner_cv)
    target = stack._read_target(y)
    (X,) = indexable(X)
    check_consistent_length(X, target.y)
    weights = check_rows(sample_weight, "sample_weight", len(target.y), np.float64)
    groups = check_rows(groups, "groups", len(target.y))
    scorer_of(scoring, target)
    folds = as_folds(cv, X, target, groups)
    _check_classes(folds, target)
    inner = _inner_folds(stack, inner_cv, X)
    own = {"n_jobs": n_jobs, "store": store}
    changed = {name: value for name, value in own.items() if value is not None}
    answers: list[dict[str, tuple[Response, Table]]] = []
    inside: list[pd.Series[float]] = []
    for train, held_out in folds.splits:
        cut = {name: _within(cv, train) if isinstance(cv, Folds) else cv for name, cv in inner.items()}
        part = clone(stack).set_params(**cut, **changed)
        answers.append(_answers(part, X, target, (train, held_out), (weights, groups)))
        inside.append(replace(part.oof_, scoring=scoring, unscored=set()).summary["whole"])
    whole = _outer(answers, folds, target, (weights, scoring, index_of(X)))
    return _comparison(whole, inside)


def _check(stack: Any, inner_cv: Any) -> None:
    if not isinstance(stack, Stack | Levels):
        raise fault(
            "stack",
            "a StackingClassifier or StackingRegressor, or such levels",
            f"stack={stack!r}",
            "Pass one, fitted or not",
        )
    if isinstance(stack.cv if inner_cv is None else inner_cv, str):
        raise fault("cv of the stack", "folds", f"cv={stack.cv!r}", "Fitted estimators have seen all rows")
    members = stack._kept() if isinstance(stack, Stack) else levels_in(stack.levels)[-1].members
    taken = sorted({BEST, PRIOR, MEAN, STACK} & {name for name, _ in members})
    if taken:
        raise fault(
            "Names of estimators", f"others than {BEST}, {PRIOR}, {MEAN}, {STACK}", f"{taken}", "Rename them"
        )


def _check_classes(folds: Folds, target: Target) -> None:
    if not target.is_classification or target.kind == "multilabel":
        if target.kind == "multilabel":
            raise fault("y", "a single column of labels", "several labels", "Score each label by itself")
        return
    for (repeat, fold), (train, _) in zip(folds.labels, folds.splits, strict=True):
        lacking = np.setdiff1d(np.arange(len(target.classes)), target.codes[train])
        if len(lacking):
            raise fault(
                "The training part of each outer fold",
                "of all classes",
                f"repeat {repeat} fold {fold} without {listed(target.classes[lacking])}",
                "Use scheme='stratified', fewer folds, or merge rare classes",
            )


def _inner_folds(stack: Stack | Levels, inner_cv: Any, X: Any) -> dict[str, Any]:
    """Return the inner folds by the parameter that they are of: levels may have folds of their own."""
    found = {"cv": _inner(stack.cv if inner_cv is None else inner_cv, X)}
    if isinstance(stack, Levels):
        for number, level in enumerate(levels_in(stack.levels), start=1):
            if level.cv is not None:
                found[f"level_{number}__cv"] = _inner(level.cv, X)
    return found


def _inner(cv: Any, X: Any) -> Any:
    """Return fixed folds, which must be of all rows, as Folds, and anything else as it is."""
    if isinstance(cv, Folds):
        return replace(cv, splits=tuple(cv.split(X)))
    if hasattr(cv, "split") or not isinstance(cv, Iterable):
        return cv
    return Folds(n_rows(X), tuple((train, held_out) for train, held_out in cv))


def _within(folds: Folds, rows: Rows) -> Folds:
    """Return folds of all rows cut to some, which are numbered anew."""
    place = np.full(folds.n_samples, -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    pairs = [(place[train], place[held_out]) for train, held_out in folds.splits]
    kept = [(train[train >= 0], held_out[held_out >= 0]) for train, held_out in pairs]
    kept = [(train, held_out) for train, held_out in kept if len(train) and len(held_out)]
    bonds = folds.bonds
    own = Bonds(
        None if bonds.groups is None else bonds.groups[rows],
        None if bonds.moments is None else bonds.moments.iloc[rows],
        bonds.gap,
    )
    return Folds(len(rows), tuple(kept), folds.made_by, own)


def _answers(
    stack: Stack | Levels, X: Any, target: Target, split: tuple[Rows, Rows], bound: tuple[Any, Any]
) -> dict[str, tuple[Response, Table]]:
    """Fit a stack on the training part; return what it and its members answer for the rows held out."""
    (train, held_out), (weights, _) = split, bound
    own = [None if each is None else each[train] for each in bound]
    known, asked = (take(X, train), target.y[train], *own), take(X, held_out)
    found, table = _of_stack(stack, known, asked) if isinstance(stack, Stack) else _of(stack, known, asked)
    oof = stack.oof_
    members = {name: (replace(oof.responses[name], target=target), each) for name, each in found.items()}
    answers = members | _simple(target, train, len(held_out), weights)
    if can_be_averaged(oof):
        # Votes that are averaged are shares, of which the largest wins as with probabilities.
        response = answers[PRIOR][0]
        mean = np.mean([each for _, each in members.values()], axis=0)
        answers[MEAN] = (replace(response, name=MEAN), mean)
    final = response_of(STACK, stack.final_estimator_, "auto", target)
    answers[STACK] = (final, final.ask(stack.final_estimator_, table))
    return answers


def _of_stack(stack: Stack, known: tuple[Any, Any, Any, Any], asked: Any) -> tuple[dict[str, Table], Any]:
    """Fit a stack; return what its members answer for new rows, and what its final estimator sees of them."""
    # Test answers are kept in a store beside the others; fitted estimators may not be.
    stack._fit(*known, X_test=None if stack.refit else asked)
    oof = stack.oof_
    found = oof.answers_refitted(asked) if stack.refit else oof.test
    meta = oof.frame(found, index_of(asked))
    return found, stack._named_for(stack.final_estimator_, meta, stack._with_passthrough(meta, asked))


def _of(levels: Levels, known: tuple[Any, Any, Any, Any], asked: Any) -> tuple[dict[str, Table], Any]:
    """Fit levels, and return the same of the last."""
    levels.fit(*known)
    found = levels.top_.answers(asked)
    meta = levels.oof_.frame(found, index_of(asked))
    return found, table_of(levels.passthrough, meta, asked, is_combiner(levels.final_estimator_))


def _simple(target: Target, train: Rows, n: int, weights: Any) -> dict[str, tuple[Response, Table]]:
    """What the prior of the training rows answers for n others."""
    known = prior(target.is_classification)
    known.fit(np.zeros((len(train), 1)), target.y[train], None if weights is None else weights[train])
    response = response_of(PRIOR, known, "auto", target)
    return {PRIOR: (response, response.ask(known, np.zeros((n, 1))))}


def _outer(
    answers: list[dict[str, tuple[Response, Table]]],
    folds: Folds,
    target: Target,
    how: tuple[Any, Scoring, Any],
) -> OutOfFold:
    """Put the answers of outer folds together; members that failed in one are left out."""
    weights, scoring, index = how
    names = [name for name in answers[0] if all(name in each for each in answers)]
    return OutOfFold(
        folds=folds,
        target=target,
        responses={name: answers[0][name][0] for name in names},
        fold_estimators={},
        held_out={name: [each[name][1] for each in answers] for name in names},
        test={},
        seconds={name: [float("nan")] * len(answers) for name in names},
        paths=dict.fromkeys(names, "plain"),
        sample_weight=weights,
        scoring=scoring,
        index=index,
    )


def _comparison(whole: OutOfFold, inside: list[pd.Series[float]]) -> Comparison:
    """Return the result; the best member of an outer fold is the one that was best inside."""
    base, finals = [], []
    members = [name for name in whole.responses if name not in (PRIOR, MEAN, STACK)]
    best = [str(scores[members].fillna(-np.inf).idxmax()) for scores in inside]
    choices = tuple(
        tuple(name for name, label in zip(best, whole.folds.labels, strict=True) if label[0] == at)
        for at in range(whole.folds.n_repeats)
    )
    for at in range(whole.folds.n_repeats):
        one = whole if whole.folds.n_repeats == 1 else whole.of_repeat(at)
        known = _only(one, members)
        base.append(Repeat(known, known))
        finals.append(_only(one, [name for name in (PRIOR, MEAN, STACK) if name in one.responses]))
    return Comparison(tuple(base), tuple(finals), nested=True, choices=choices)


def _only(oof: OutOfFold, names: list[str]) -> OutOfFold:
    chosen: dict[str, Any] = {
        field: {name: getattr(oof, field)[name] for name in names}
        for field in ("responses", "held_out", "seconds", "paths")
    }
    return replace(oof, **chosen, fold_estimators={}, unscored=set())
