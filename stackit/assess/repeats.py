"""Repeats of a run, cut so that final estimators are cross-fitted and all judged on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.engine.cross_fit import out_of_fold
from stackit.ensemble.final import is_combiner
from stackit.ensemble.passthrough import side_by_side
from stackit.estimators.estimator_type import is_classifier
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.sample_weight import rescale_weights
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds, as_folds
from stackit.results import EstimatorResult, OutOfFold
from stackit.target import Target
from stackit.validation import invalid_value

__all__ = [
    "Repeat",
    "can_be_averaged",
    "cross_fit_finals",
    "cross_fit_finals_on",
    "in_unit_weights",
    "merge_results",
    "oof_of",
    "repeats_of",
]


@dataclass(frozen=True, eq=False)
class Repeat:
    """The out-of-fold predictions of one repeat.

    Parameters
    ----------
    known : OutOfFold
        All of them: what final estimators learn from.
    judged : OutOfFold
        Those of the folds on which a final estimator can be judged, since rows of other folds are there to
        train it. With folds ordered in time the first is missing.
    """

    known: OutOfFold
    judged: OutOfFold


def in_unit_weights(repeat: Repeat) -> Repeat:
    """Return a repeat with weights of mean 1, in which stacks fit their default final estimator.

    Parameters
    ----------
    repeat : Repeat
        With any weights, or none.
    """
    weights = repeat.judged.sample_weight
    if weights is None:
        return repeat
    return replace(repeat, judged=replace(repeat.judged, sample_weight=rescale_weights(np.asarray(weights))))


def oof_of(run: Any) -> OutOfFold:
    """Return the out-of-fold predictions of a run or of a fitted stack.

    Raises
    ------
    ValueError
        When it is neither.
    """
    oof = getattr(run, "oof_", run)
    if not isinstance(oof, OutOfFold):
        raise invalid_value(
            "run",
            "what out_of_fold returned, or a fitted stack",
            f"run={run!r}" if len(repr(run)) < 80 else f"run of type {type(run).__name__}, not fitted",
            "Pass out_of_fold(estimators, X, y), or fit the stack first",
        )
    if oof.target.kind == "multilabel":
        raise invalid_value(
            "y", "a single column of labels", f"{oof.target.y.shape[1]} labels", "Assess each label"
        )
    return oof


def repeats_of(run: Any, scoring: Scoring = None, cv: Any = None, groups: Any = None) -> list[Repeat]:
    """Return the repeats of a run, each cut into the folds on which final estimators can be judged.

    Parameters
    ----------
    run : OutOfFold or fitted stack
        What is assessed.
    scoring : str, callable or None
        How predictions are scored; None is the run's own way.
    cv : Folds, splitter, int or iterable of (train, held_out) pairs, optional
        How final estimators are held out, instead of by the run's own folds. Repeats of the run are
        averaged then.
    groups : (n,) array, optional
        The groups of the rows, where the run does not know them.

    Returns
    -------
    list of Repeat
    """
    oof = oof_of(run)
    oof.warn_of_passthrough()
    wanted = oof.scoring if scoring is None else scoring
    if cv is not None:
        own = as_folds(
            cv, oof.meta_train, oof.target, oof.folds.constraints.groups if groups is None else groups
        )
        return [_repeat(oof, folds, wanted) for folds in _repeats_apart(own)]
    if oof.folds.n_repeats == 1:
        return [_repeat(oof, oof.folds, wanted)]
    singles = [oof.of_repeat(repeat) for repeat in range(oof.folds.n_repeats)]
    return [_repeat(single, single.folds, wanted) for single in singles]


def cross_fit_finals(
    finals: NamedEstimators, repeat: Repeat, *, X: Any = None, n_jobs: int | None = 1
) -> OutOfFold:
    """Fit final estimators on out-of-fold rows of other folds, and predict those of each fold.

    It is the engine again, with meta-features for X.

    Parameters
    ----------
    finals : list of (str, estimator)
        Combiners or any estimators; they get the run's weights and groups where they take them. Combiners
        know the members by their names, as in a stack; names of classes make others fail.
    repeat : Repeat
        The meta-features, and the folds.
    X : (n, n_features) table, optional
        What is passed through beside the meta-features.
    n_jobs : int or None
        How many fits run at once.

    Returns
    -------
    OutOfFold
        On the folds of ``repeat.judged``.

    Raises
    ------
    ValueError
        When final estimators of classes are no classifiers, or those of numbers are.
    """
    meta, judged = repeat.known.meta_train, repeat.judged
    if X is not None:
        _check_kinds(finals, judged.target)
        return _cross_fitted(finals, side_by_side(meta, X), judged, n_jobs)
    return cross_fit_finals_on(meta, finals, judged, n_jobs)


def cross_fit_finals_on(
    meta: pd.DataFrame, finals: NamedEstimators, judged: OutOfFold, n_jobs: int | None = 1
) -> OutOfFold:
    """Fit final estimators on the folds of a result, from meta-features that are given.

    Parameters
    ----------
    meta : (n, k) data frame
        What they learn from; combiners see the names.
    finals, n_jobs
        As in `cross_fit_finals`.
    judged : OutOfFold
        Its folds, target, weights and scoring are used.

    Returns
    -------
    OutOfFold

    Raises
    ------
    ValueError
        When final estimators of classes are no classifiers, or those of numbers are.
    """
    _check_kinds(finals, judged.target)
    combiners = [(name, final) for name, final in finals if is_combiner(final)]
    others = [(name, final) for name, final in finals if not is_combiner(final)]
    found = [
        _cross_fitted(some, table, judged, n_jobs)
        for some, table in ((combiners, meta), (others, meta.to_numpy()))
        if some
    ]
    return merge_results(found[0], found[-1], [name for name, _ in finals])


def _check_kinds(finals: NamedEstimators, target: Target) -> None:
    wrong = [name for name, final in finals if is_classifier(final, name) != target.is_classification]
    if wrong:
        kind = "classifiers" if target.is_classification else "regressors"
        raise invalid_value("final_estimators", kind, f"others {wrong}", f"Pass {kind} or combiners of such")


def _cross_fitted(finals: NamedEstimators, table: Any, judged: OutOfFold, n_jobs: int | None) -> OutOfFold:
    return out_of_fold(
        finals,
        table,
        judged.target.y,
        cv=judged.folds,
        sample_weight=judged.sample_weight,
        groups=judged.folds.constraints.groups,
        scoring=judged.scoring,
        n_jobs=n_jobs,
        return_estimator=False,
    )


def merge_results(first: OutOfFold, second: OutOfFold, order: Sequence[str] | None = None) -> OutOfFold:
    """Return two results on the same folds as one.

    Parameters
    ----------
    first, second : OutOfFold
        They may be the same.
    order : list of str, optional
        The names of all their estimators; None is those of the first before those of the second.
    """
    names = [*{**first, **second}] if order is None else order
    both = {**first, **second}
    values = {name: getattr(first, name) for name in ("folds", "target", "sample_weight", "scoring", "index")}
    return OutOfFold(results={name: both[name] for name in names}, **values)


def can_be_averaged(oof: OutOfFold) -> bool:
    """Whether the answers of all estimators are of one kind: all probabilities, all labels or all numbers."""
    kinds = {result.spec.kind for result in oof.values()}
    if not oof.target.is_classification:
        return True
    return len(kinds) == 1 and kinds <= {"probability", "label"}


def _repeats_apart(folds: Folds) -> list[Folds]:
    labelled = list(zip(folds.labels, folds.splits, strict=True))
    return [
        replace(folds, splits=tuple(split for (of, _), split in labelled if of == repeat))
        for repeat in range(folds.n_repeats)
    ]


def _repeat(oof: OutOfFold, folds: Folds, scoring: Scoring) -> Repeat:
    known = oof.with_results(
        lambda one: EstimatorResult(one.spec, one.held_out, seconds=one.seconds, fit_mode=one.fit_mode),
        scoring=scoring,
        unscored=set(),
    )
    kept = _learnable(folds, oof.target, oof.coverage > 0)
    averages = {name: oof.average(name) for name in oof}
    seconds = [float("nan")] * len(kept.splits)
    judged = known.with_results(
        lambda one: replace(
            one, held_out=[averages[one.spec.name][rows] for _, rows in kept.splits], seconds=seconds
        ),
        folds=kept,
    )
    return Repeat(known, judged)


def _learnable(folds: Folds, target: Target, covered: npt.NDArray[np.bool_]) -> Folds:
    """Return the folds that final estimators can learn for, from and to rows that have meta-features."""
    pairs = [(train[covered[train]], held_out[covered[held_out]]) for train, held_out in folds.splits]
    kept = [(train, held_out) for train, held_out in pairs if len(held_out) and _teaches(target, train)]
    if not kept:
        raise invalid_value(
            "Folds",
            "such that some rows outside a fold have out-of-fold predictions, of two classes at least",
            f"folds={folds!r}",
            "Use more folds",
        )
    return replace(folds, splits=tuple(kept))


def _teaches(target: Target, rows: npt.NDArray[np.intp]) -> bool:
    return len(rows) > 1 and (not target.is_classification or len(np.unique(target.codes[rows])) > 1)
