"""The loop of outer folds: a stack is fitted on the rest of the rows, and all of it is scored on a fold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from stackit.arrays import Floats, Rows, num_samples, safe_index
from stackit.arrays.frames import index_of
from stackit.assess.candidates import MEAN, PRIOR, STACK, prior
from stackit.assess.comparison import Comparison
from stackit.assess.repeats import Repeat, can_be_averaged, cross_fit_finals_on
from stackit.combine import MeanClassifier
from stackit.ensemble.ensemble import StackedEnsemble
from stackit.ensemble.final import FINAL
from stackit.estimators.copies import warn_of_lost_parameters
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.prediction import PredictionSpec, prediction_spec
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds
from stackit.precomputed.estimators import Precomputed
from stackit.results import EstimatorResult, OutOfFold
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings
from stackit.target import Target
from stackit.validation import format_list, invalid_value, warn

__all__ = ["OuterFolds"]

Answers = dict[str, tuple[PredictionSpec, Floats]]


@dataclass(frozen=True)
class OuterFolds:
    """Outer folds, and what is known of the rows.

    Parameters
    ----------
    X : table with n rows
        The training table.
    target : Target
        The target.
    folds : Folds
        The outer folds.
    sample_weight, groups : (n,) array or None
        Reach everything.
    scoring : str, callable or None
        How predictions are scored.
    """

    X: Any
    target: Target
    folds: Folds
    sample_weight: Any = None
    groups: Any = None
    scoring: Scoring = None

    def score(
        self,
        stack: StackedEnsemble,
        finals: NamedEstimators = (),
        *,
        inner_cv: Any = None,
        **changed: Any,
    ) -> Comparison:
        """Fit a stack outside each fold; score it, its members and other final estimators on the fold.

        Parameters
        ----------
        stack : StackingClassifier, StackingRegressor, LevelsClassifier or LevelsRegressor
            Not changed; fitted or not.
        finals : list of (str, estimator)
            Final estimators besides the stack's own, which learn from the same inner predictions.
        inner_cv : as cv of the stack, optional
            The inner folds instead of those of the stack.
        **changed : dict
            Other parameters of the stack.

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            When an outer training part lacks a class, or has no inner folds.

        Warns
        -----
        UserWarning
            When members are predictions made elsewhere, which are not made again without the fold.
        """
        inner = _inner_folds(stack, inner_cv, self.X)
        kept = [(split, cut) for split in self.folds.splits if (cut := _cut(inner, split[0])) is not None]
        if not kept:
            raise invalid_value(
                "The folds of the stack",
                "such that outside an outer fold there is something to train on and something to hold out",
                f"{self.folds!r}",
                "Use at least 3 folds, or a number for cv",
            )
        folds = replace(self.folds, splits=tuple(split for split, _ in kept))
        _check_classes(folds, self.target)
        _warn_of_given(stack)
        warn_of_lost_parameters(_estimators_of(stack))  # the copy that is fitted has lost them already
        answers: list[Answers] = []
        inside: list[dict[str, float]] = []
        repeats = RepeatedWarnings("outer folds")
        for label, (split, cut) in zip(folds.labels, kept, strict=True):
            part = clone(stack).set_params(**cut, **changed)
            with record_warnings() as said:
                answers.append(self._answers(part, split, finals, label))
                known = replace(part.oof_, scoring=self.scoring, unscored=set())
                inside.append({name: known.overall_score(name) for name in known})
            repeats.add(said)
        repeats.warn()
        return _comparison(self._together(answers, folds), inside, [name for name, _ in finals])

    def _answers(
        self,
        stack: StackedEnsemble,
        split: tuple[Rows, Rows],
        finals: NamedEstimators,
        label: tuple[int, int],
    ) -> Answers:
        """Fit a stack on the training part; return what it and its members answer for the rows held out."""
        train, held_out = split
        own = [None if each is None else each[train] for each in (self.sample_weight, self.groups)]
        X, X_test = (safe_index(self.X, rows) for rows in split)
        found, table = stack.fit_with_test(X, self.target.y[train], X_test, *own)
        oof, target = stack.oof_, self.target
        members = {name: (oof[name].spec, each) for name, each in found.items()}
        answers = members | _simple(target, train, len(held_out), self.sample_weight)
        if can_be_averaged(oof):
            # Votes that are averaged are shares, of which the largest wins as with probabilities.
            response = answers[PRIOR][0]
            mean = np.mean([each for _, each in members.values()], axis=0)
            answers[MEAN] = (replace(response, name=MEAN), mean)
        else:
            finals = [(MEAN, MeanClassifier()), *finals]  # which calibrates what is no probability
        if finals:
            answers |= self._of_finals(finals, oof, found, split)
        final = prediction_spec(STACK, stack.final_estimator_, "auto", target)
        answers[STACK] = (final, final.predict_readonly(stack.final_estimator_, table, label))
        return answers

    def _of_finals(
        self, finals: NamedEstimators, oof: OutOfFold, found: dict[str, Floats], split: tuple[Rows, Rows]
    ) -> Answers:
        """Fit final estimators on the inner out-of-fold predictions; return their answers for the fold."""
        train, held_out = split
        inner = oof.meta_train
        values = np.full((len(self.target.y), inner.shape[1]), np.nan)
        values[train], values[held_out] = inner.to_numpy(), oof.to_frame(found).to_numpy()
        outer = replace(self.folds, splits=((train[oof.coverage > 0], held_out),))
        judged = replace(
            oof, folds=outer, target=self.target, sample_weight=self.sample_weight, scoring=self.scoring
        )
        table = pd.DataFrame(values, columns=inner.columns)
        table.attrs = inner.attrs
        results = cross_fit_finals_on(table, finals, judged)
        return {name: (results[name].spec, results[name].held_out[0]) for name, _ in finals}

    def _together(self, answers: list[Answers], folds: Folds) -> OutOfFold:
        """Put the answers of outer folds together; members that failed in one are left out."""
        names = [name for name in answers[0] if all(name in each for each in answers)]
        seconds = [float("nan")] * len(answers)
        return OutOfFold(
            folds=folds,
            target=self.target,
            results={
                name: EstimatorResult(
                    answers[0][name][0], [each[name][1] for each in answers], seconds=seconds
                )
                for name in names
            },
            sample_weight=self.sample_weight,
            scoring=self.scoring,
            index=index_of(self.X),
        )


def _check_classes(folds: Folds, target: Target) -> None:
    if not target.is_classification or target.kind == "multilabel":
        if target.kind == "multilabel":
            raise invalid_value(
                "y", "a single column of labels", "several labels", "Score each label by itself"
            )
        return
    for (repeat, fold), (train, _) in zip(folds.labels, folds.splits, strict=True):
        lacking = np.setdiff1d(np.arange(len(target.classes)), target.codes[train])
        if len(lacking):
            raise invalid_value(
                "The training part of each outer fold",
                "of all classes",
                f"repeat {repeat} fold {fold} without {format_list(target.classes[lacking])}",
                "Use scheme='stratified', fewer folds, or merge rare classes",
            )


def _inner_folds(stack: StackedEnsemble, inner_cv: Any, X: Any) -> dict[str, Any]:
    """Return the inner folds by the parameter that they are of: levels may have folds of their own."""
    found = {"cv": _inner(stack.cv if inner_cv is None else inner_cv, X)}
    for number, level in enumerate(stack.resolve_levels(), start=1):
        if level.cv is not None:
            found[f"level_{number}__cv"] = _inner(level.cv, X)
    return found


def _cut(inner: dict[str, Any], rows: Rows) -> dict[str, Any] | None:
    """Return the inner folds inside a training part; None where fixed ones leave nothing to hold out."""
    cut = {name: _within(cv, rows) if isinstance(cv, Folds) else cv for name, cv in inner.items()}
    return None if any(cv is None and inner[name] is not None for name, cv in cut.items()) else cut


def _inner(cv: Any, X: Any) -> Any:
    """Return fixed folds, which must be of all rows, as Folds, and anything else as it is."""
    if isinstance(cv, Folds):
        return replace(cv, splits=tuple(cv.split(X)))
    if hasattr(cv, "split") or not isinstance(cv, Iterable):
        return cv
    return Folds(num_samples(X), tuple((train, held_out) for train, held_out in cv))


def _within(folds: Folds, rows: Rows) -> Folds | None:
    """Return folds of all rows cut to some, which get new numbers; None where no split is left."""
    place = np.full(folds.n_samples, -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    pairs = [(place[train], place[held_out]) for train, held_out in folds.splits]
    kept = [(train[train >= 0], held_out[held_out >= 0]) for train, held_out in pairs]
    kept = [(train, held_out) for train, held_out in kept if len(train) and len(held_out)]
    if not kept:
        return None
    return Folds(len(rows), tuple(kept), folds.metadata, folds.constraints.subset(rows))


def _simple(target: Target, train: Rows, n: int, weights: Any) -> dict[str, tuple[PredictionSpec, Floats]]:
    """What the prior of the training rows answers for n others."""
    known = prior(target.is_classification)
    known.fit(np.zeros((len(train), 1)), target.y[train], None if weights is None else weights[train])
    response = prediction_spec(PRIOR, known, "auto", target)
    return {PRIOR: (response, response.predict(known, np.zeros((n, 1))))}


def _comparison(whole: OutOfFold, inside: list[dict[str, float]], others: list[str]) -> Comparison:
    """Return the result; the best member of an outer fold is the one that was best inside."""
    base, finals = [], []
    names = [name for name in (PRIOR, MEAN, *others, STACK) if name in whole]
    members = [name for name in whole if name not in names]
    best = [max(members, key=lambda name: np.nan_to_num(of[name], nan=-np.inf)) for of in inside]
    choices = tuple(
        tuple(name for name, label in zip(best, whole.folds.labels, strict=True) if label[0] == at)
        for at in range(whole.folds.n_repeats)
    )
    for at in range(whole.folds.n_repeats):
        one = whole if whole.folds.n_repeats == 1 else whole.of_repeat(at)
        known = _only(one, members)
        base.append(Repeat(known, known))
        finals.append(_only(one, names))
    return Comparison(tuple(base), tuple(finals), nested=True, choices=choices)


def _only(oof: OutOfFold, names: list[str]) -> OutOfFold:
    return replace(oof, results={name: oof[name] for name in names}, unscored=set())


def _estimators_of(stack: StackedEnsemble) -> NamedEstimators:
    return [*stack.routed_members(stack.resolve_levels()), (FINAL, stack.final_estimator)]


def _warn_of_given(stack: StackedEnsemble) -> None:
    """Say that predictions made elsewhere are not made again without the rows held out."""
    given = [
        name
        for level in stack.resolve_levels()
        for name, each in level.members
        if isinstance(each, Precomputed)
    ]
    if given:
        warn(
            f"The nested score is optimistic: {format_list(given)} are predictions made elsewhere, by models "
            "that had seen the rows that are held out here, and cannot be trained again without them."
        )
