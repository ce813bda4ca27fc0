"""Repeats of a run, cut to the rows on which all final estimators are cross-fitted and scored."""

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

__all__ = [
    "Repeat",
    "can_be_averaged",
    "cross_fit_finals",
    "cross_fit_finals_on",
    "merge_results",
    "oof_of",
    "repeats_of",
    "rescale_repeat_weights",
]


@dataclass(frozen=True, eq=False)
class Repeat:
    """The out-of-fold predictions of one repeat.

    Parameters
    ----------
    known : OutOfFold
        All out-of-fold predictions of the repeat; final estimators are trained on them.
    judged : OutOfFold
        The predictions of the folds on which a final estimator can be scored, because rows of other folds can
        train it. With folds ordered in time the first fold is missing.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> X, y = np.eye(6), np.arange(6.0)
    >>> oof = out_of_fold([("ridge", Ridge())], X, y, cv=3, n_jobs=1)
    >>> repeat = Repeat(known=oof, judged=oof)
    >>> repeat.known.meta_train.shape
    (6, 1)
    """

    known: OutOfFold
    judged: OutOfFold


def rescale_repeat_weights(repeat: Repeat) -> Repeat:
    """Return a repeat with weights of mean 1, as stacks fit their default final estimator with."""
    weights = repeat.judged.sample_weight
    if weights is None:
        return repeat
    return replace(repeat, judged=replace(repeat.judged, sample_weight=rescale_weights(np.asarray(weights))))


def oof_of(run: Any) -> OutOfFold:
    """Return the out-of-fold predictions of a run or of a fitted stack; raise for anything else."""
    oof = getattr(run, "oof_", run)
    if not isinstance(oof, OutOfFold):
        given = f"run={run!r}" if len(repr(run)) < 80 else f"run of type {type(run).__name__}, not fitted"
        raise ValueError(
            f"run must be what out_of_fold returned, or a fitted stack; got {given}. Pass "
            "out_of_fold(estimators, X, y), or fit the stack first."
        )
    if oof.target.kind == "multilabel":
        raise ValueError(
            f"y must be a single column of labels; it has {oof.target.y.shape[1]} labels. Assess each label."
        )
    return oof


def repeats_of(run: Any, scoring: Scoring = None, cv: Any = None, groups: Any = None) -> list[Repeat]:
    """Return the repeats of a run, each cut to the folds on which final estimators can be scored.

    `scoring` replaces that of the run, and `cv` its folds: then repeats of the run are averaged first.
    `groups` are those of the rows, where the run does not know them.
    """
    oof = oof_of(run)
    oof.warn_of_passthrough()
    wanted = oof.scoring if scoring is None else scoring
    if cv is not None:
        groups = oof.folds.constraints.groups if groups is None else groups
        own = as_folds(cv, oof.meta_features, oof.target, groups)
        labelled = list(zip(own.labels, own.splits, strict=True))
        return [
            _repeat(oof, replace(own, splits=tuple(split for (of, _), split in labelled if of == at)), wanted)
            for at in range(own.n_repeats)
        ]
    if oof.folds.n_repeats == 1:
        return [_repeat(oof, oof.folds, wanted)]
    singles = [oof.of_repeat(repeat) for repeat in range(oof.folds.n_repeats)]
    return [_repeat(single, single.folds, wanted) for single in singles]


def cross_fit_finals(
    finals: NamedEstimators, repeat: Repeat, *, X: Any = None, n_jobs: int | None = 1
) -> OutOfFold:
    """Fit final estimators on the out-of-fold predictions of other folds, and predict the rows of each fold.

    This is `out_of_fold` with meta-features for X.

    Parameters
    ----------
    finals : list of (str, estimator)
        Combiners or any other estimators; those that take sample weights or groups get those of the run.
        Combiners get a data frame with the names of the members, as in a stack. Other estimators get an
        array, because some fail on class names.
    repeat : Repeat
        The meta-features and the folds.
    X : (n, n_features) table, optional
        Columns that are passed through next to the meta-features.
    n_jobs : int or None
        The number of fits that run at the same time.

    Returns
    -------
    OutOfFold
        The predictions of the final estimators on the folds of ``repeat.judged``.

    Raises
    ------
    ValueError
        When the target has classes and a final estimator is not a classifier, or the other way round.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, Ridge
    >>> X, y = np.arange(24.0).reshape(12, 2), np.arange(12.0)
    >>> oof = out_of_fold([("ridge", Ridge())], X, y, cv=3, n_jobs=1)
    >>> scored = cross_fit_finals([("linear", LinearRegression())], Repeat(known=oof, judged=oof))
    >>> scored.meta_train.shape
    (12, 1)
    """
    meta, judged = repeat.known.meta_features, repeat.judged
    if X is not None:
        _check_kinds(finals, judged.target)
        return _cross_fitted(finals, side_by_side(meta, X), judged, n_jobs)
    return cross_fit_finals_on(meta, finals, judged, n_jobs)


def cross_fit_finals_on(
    meta: pd.DataFrame, finals: NamedEstimators, judged: OutOfFold, n_jobs: int | None = 1
) -> OutOfFold:
    """Fit final estimators on given meta-features, with folds, target, weights and scoring of `judged`."""
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
        raise ValueError(f"final_estimators must be {kind}; {wrong} are not. Pass {kind} or such combiners.")


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
    """Return two results on the same folds as one, with the estimators in the given order."""
    names = [*{**first, **second}] if order is None else order
    both = {**first, **second}
    values = {name: getattr(first, name) for name in ("folds", "target", "sample_weight", "scoring", "index")}
    return OutOfFold(results={name: both[name] for name in names}, **values)


def can_be_averaged(oof: OutOfFold) -> bool:
    """Whether all predictions are of one kind that has a mean: probabilities, labels or numbers."""
    kinds = {result.spec.kind for result in oof.values()}
    if not oof.target.is_classification:
        return True
    return len(kinds) == 1 and kinds <= {"probability", "label"}


def _repeat(oof: OutOfFold, folds: Folds, scoring: Scoring) -> Repeat:
    known = oof.with_results(
        lambda one: EstimatorResult(one.spec, one.held_out, seconds=one.seconds, fit_mode=one.fit_mode),
        scoring=scoring,
        unscored=set(),
    )
    kept = _trainable_folds(folds, oof.target, oof.coverage > 0)
    averages = {name: oof.average(name) for name in oof}
    seconds = [float("nan")] * len(kept.splits)
    judged = known.with_results(
        lambda one: replace(
            one, held_out=[averages[one.spec.name][rows] for _, rows in kept.splits], seconds=seconds
        ),
        folds=kept,
    )
    return Repeat(known, judged)


def _trainable_folds(folds: Folds, target: Target, covered: npt.NDArray[np.bool_]) -> Folds:
    """Return the folds for which final estimators can learn, cut to rows that have meta-features."""
    pairs = [(train[covered[train]], held_out[covered[held_out]]) for train, held_out in folds.splits]
    kept = [(train, held_out) for train, held_out in pairs if len(held_out) and _can_train(target, train)]
    if not kept:
        raise ValueError(
            "Outside each fold too few rows have out-of-fold predictions: at least two rows are needed, and "
            f"two classes; folds={folds!r}. Use more folds."
        )
    return replace(folds, splits=tuple(kept))


def _can_train(target: Target, rows: npt.NDArray[np.intp]) -> bool:
    return len(rows) > 1 and (not target.is_classification or len(np.unique(target.codes[rows])) > 1)
