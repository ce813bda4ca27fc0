"""The loop of outer folds: a stack is fitted on the other rows, and all of it is scored on a fold."""

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
from stackit.folds.subset import reindex
from stackit.precomputed.estimators import Precomputed
from stackit.results.estimator_result import EstimatorResult
from stackit.results.oof import OutOfFold
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = ["OuterFolds"]

Predictions = dict[str, tuple[PredictionSpec, Floats]]


@dataclass(frozen=True)
class OuterFolds:
    """Outer folds with the table and target that they split, the weights, groups and scoring."""

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

        `finals` learn from the same inner predictions as the stack's own final estimator. `inner_cv` replaces
        the stack's folds, and `changed` other parameters of it.
        """
        inner = _inner_folds(stack, inner_cv, self.X)
        kept = [(split, cut) for split in self.folds.splits if (cut := _cut(inner, split[0])) is not None]
        if not kept:
            raise ValueError(
                f"Outside an outer fold, the folds of the stack ({self.folds!r}) leave nothing to train on "
                "or to hold out. Use at least 3 folds, or a number for cv."
            )
        folds = replace(self.folds, splits=tuple(split for split, _ in kept))
        _check_classes(folds, self.target)
        levels = stack.resolve_levels()
        _warn_of_precomputed([pair for level in levels for pair in level.members])
        # The copy that is fitted has lost them already.
        warn_of_lost_parameters([*stack.routed_members(levels), (FINAL, stack.final_estimator)])
        predictions: list[Predictions] = []
        inner_scores: list[dict[str, float]] = []
        repeats = RepeatedWarnings("outer folds")
        for label, (split, cut) in zip(folds.labels, kept, strict=True):
            part = clone(stack).set_params(**cut, **changed)
            with record_warnings() as caught:
                predictions.append(self._fit_and_predict(part, split, finals, label))
                known = replace(part.oof_, scoring=self.scoring, unscored=set())
                inner_scores.append({name: known.overall_score(name) for name in known})
            repeats.add(caught)
        repeats.warn()
        return _comparison(self._merge(predictions, folds), inner_scores, [name for name, _ in finals])

    def _fit_and_predict(
        self,
        stack: StackedEnsemble,
        split: tuple[Rows, Rows],
        finals: NamedEstimators,
        label: tuple[int, int],
    ) -> Predictions:
        """Fit a stack on the training part; return predictions of the fold by all that is scored."""
        train, held_out = split
        own = [None if each is None else each[train] for each in (self.sample_weight, self.groups)]
        X, X_test = (safe_index(self.X, rows) for rows in split)
        by_members, table = stack.fit_with_test(X, self.target.y[train], X_test, *own)
        oof, target = stack.oof_, self.target
        members = {name: (oof[name].spec, each) for name, each in by_members.items()}
        found = members | _by_prior(target, train, len(held_out), self.sample_weight)
        if can_be_averaged(oof):
            # The average of votes is a share of votes; the largest wins as with probabilities.
            mean = np.mean([each for _, each in members.values()], axis=0)
            found[MEAN] = (replace(found[PRIOR][0], name=MEAN), mean)
        else:
            finals = [(MEAN, MeanClassifier()), *finals]  # it calibrates what is not a probability
        if finals:
            found |= self._by_finals(finals, oof, by_members, split)
        final = prediction_spec(STACK, stack.final_estimator_, "auto", target)
        found[STACK] = (final, final.predict_readonly(stack.final_estimator_, table, label))
        return found

    def _by_finals(
        self, finals: NamedEstimators, oof: OutOfFold, by_members: dict[str, Floats], split: tuple[Rows, Rows]
    ) -> Predictions:
        """Fit final estimators on the inner out-of-fold predictions; return their predictions of the fold."""
        train, held_out = split
        inner = oof.meta_features
        values = np.full((len(self.target.y), inner.shape[1]), np.nan)
        values[train], values[held_out] = inner.to_numpy(), oof.to_frame(by_members).to_numpy()
        outer = replace(self.folds, splits=((train[oof.coverage > 0], held_out),))
        judged = replace(
            oof, folds=outer, target=self.target, sample_weight=self.sample_weight, scoring=self.scoring
        )
        table = pd.DataFrame(values, columns=inner.columns)
        table.attrs = inner.attrs
        results = cross_fit_finals_on(table, finals, judged)
        return {name: (results[name].spec, results[name].held_out[0]) for name, _ in finals}

    def _merge(self, found: list[Predictions], folds: Folds) -> OutOfFold:
        """Return the predictions of outer folds as one run; members that failed in one are left out."""
        names = [name for name in found[0] if all(name in of_fold for of_fold in found)]
        seconds = [float("nan")] * len(found)
        return OutOfFold(
            folds=folds,
            target=self.target,
            results={
                name: EstimatorResult(
                    found[0][name][0], [of_fold[name][1] for of_fold in found], seconds=seconds
                )
                for name in names
            },
            sample_weight=self.sample_weight,
            scoring=self.scoring,
            index=index_of(self.X),
        )


def _check_classes(folds: Folds, target: Target) -> None:
    if target.kind == "multilabel":
        raise ValueError("y has several labels. Score each label separately.")
    for (repeat, fold), (train, _) in zip(folds.labels, folds.splits, strict=True):
        missing = np.setdiff1d(np.arange(len(target.classes)), target.codes[train])
        if target.is_classification and len(missing):
            raise ValueError(
                f"The training part of repeat {repeat} fold {fold} lacks the classes "
                f"{format_list(target.classes[missing])}. Use scheme='stratified', fewer folds, or merge "
                "rare classes."
            )


def _inner_folds(stack: StackedEnsemble, inner_cv: Any, X: Any) -> dict[str, Any]:
    """Return the inner folds by the name of their parameter; levels may have folds of their own."""
    found = {"cv": _as_fixed_folds(stack.cv if inner_cv is None else inner_cv, X)}
    for number, level in enumerate(stack.resolve_levels(), start=1):
        if level.cv is not None:
            found[f"level_{number}__cv"] = _as_fixed_folds(level.cv, X)
    return found


def _cut(inner: dict[str, Any], rows: Rows) -> dict[str, Any] | None:
    """Return the inner folds inside a training part; None where fixed ones leave nothing to hold out."""
    cut = {name: reindex(cv, rows) if isinstance(cv, Folds) else cv for name, cv in inner.items()}
    return None if any(cv is None and inner[name] is not None for name, cv in cut.items()) else cut


def _as_fixed_folds(cv: Any, X: Any) -> Any:
    """Return fixed folds, which must be of all rows, as Folds, and anything else as it is."""
    if isinstance(cv, Folds):
        return replace(cv, splits=tuple(cv.split(X)))
    if hasattr(cv, "split") or not isinstance(cv, Iterable):
        return cv
    return Folds(num_samples(X), tuple((train, held_out) for train, held_out in cv))


def _by_prior(target: Target, train: Rows, n: int, weights: Any) -> Predictions:
    """Return predictions of n rows by the prior of the training rows."""
    fitted = prior(target.is_classification)
    fitted.fit(np.zeros((len(train), 1)), target.y[train], None if weights is None else weights[train])
    spec = prediction_spec(PRIOR, fitted, "auto", target)
    return {PRIOR: (spec, spec.predict(fitted, np.zeros((n, 1))))}


def _comparison(whole: OutOfFold, inner_scores: list[dict[str, float]], others: list[str]) -> Comparison:
    """Return the result; the best member of an outer fold is the one with the best inner score."""
    names = [name for name in (PRIOR, MEAN, *others, STACK) if name in whole]
    members = [name for name in whole if name not in names]
    best = [max(members, key=lambda name: np.nan_to_num(of[name], nan=-np.inf)) for of in inner_scores]
    choices = tuple(
        tuple(name for name, label in zip(best, whole.folds.labels, strict=True) if label[0] == at)
        for at in range(whole.folds.n_repeats)
    )
    base, finals = [], []
    for at in range(whole.folds.n_repeats):
        one = whole if whole.folds.n_repeats == 1 else whole.of_repeat(at)
        known = replace(one.without(names), unscored=set())
        base.append(Repeat(known, known))
        finals.append(replace(one.without(members), unscored=set()))
    return Comparison(tuple(base), tuple(finals), nested=True, choices=choices)


def _warn_of_precomputed(members: NamedEstimators) -> None:
    """Warn of precomputed predictions, which cannot be made again without the held-out rows."""
    given = [name for name, estimator in members if isinstance(estimator, Precomputed)]
    if given:
        warn(
            f"The nested score is optimistic: {format_list(given)} are precomputed predictions, by models "
            "that had seen the rows that are held out here, and cannot be trained again without them."
        )
