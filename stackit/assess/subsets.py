"""Cross-fitted scores of a combiner on subsets of the members."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline

from stackit.arrays import Floats, Rows
from stackit.assess.candidates import prior
from stackit.assess.repeats import can_be_averaged, cross_fit_finals, oof_of, repeats_of
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import Scoring, score_predictions, scorer_of

__all__ = ["ColumnSubset", "SubsetScores"]

Members = frozenset[int]


class ColumnSubset(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Some columns of an array."""

    def __init__(self, columns: tuple[int, ...] = ()) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> ColumnSubset:
        """Do nothing."""
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the columns."""
        return X[:, list(self.columns)]

    def __sklearn_is_fitted__(self) -> bool:
        return True


class SubsetScores:
    """Scores of subsets of the members of a run, each computed once.

    The combiner, or the plain mean for None, is cross-fitted on the meta-features of a subset. The score of
    no member is that of the prior: the shares of classes, or the mean, of the other folds.
    """

    def __init__(self, run: Any, combiner: Any, scoring: Scoring, n_jobs: int | None) -> None:
        oof = oof_of(run)
        scorer_of(oof.scoring if scoring is None else scoring, oof.target)
        if combiner is not None and (isinstance(combiner, type) or not hasattr(combiner, "fit")):
            raise ValueError(
                f"{combiner=} must be one estimator, or None for the plain mean. Pass an instance, as in "
                "LogisticRegression()."
            )
        if combiner is None and not can_be_averaged(oof):
            kinds = {name: result.spec.kind for name, result in oof.items()}
            raise ValueError(
                f"The predictions of estimators are of different kinds ({kinds}) and have no mean. Pass "
                "combiner=LogisticRegression(), for example."
            )
        self.classify, self.n_jobs, self.combiner = oof.target.is_classification, n_jobs, combiner
        self.repeats = repeats_of(run, scoring)
        widths = [result.spec.columns(result.held_out[0]).shape[1] for result in oof.values()]
        self.columns = np.split(np.arange(sum(widths)), np.cumsum(widths)[:-1])
        self.known: dict[Members, float] = {}

    def of(self, subsets: Iterable[Members]) -> dict[Members, float]:
        """Return the score of each subset of members' positions, averaged over repeats; higher is better."""
        wanted = list(dict.fromkeys(subsets))
        new = [subset for subset in wanted if subset not in self.known]
        fitted = [subset for subset in new if self.combiner is not None or not subset]
        if fitted:
            finals = [(f"members {sorted(subset)}", self._final(subset)) for subset in fitted]
            found = [cross_fit_finals(finals, repeat, n_jobs=self.n_jobs) for repeat in self.repeats]
            scores = [[each.overall_score(name) for name, _ in finals] for each in found]
            self.known.update(zip(fitted, np.mean(scores, axis=0).tolist(), strict=True))
        self.known.update({subset: self._of_mean(subset) for subset in new if subset not in self.known})
        return {subset: self.known[subset] for subset in wanted}

    def _of_mean(self, subset: Members) -> float:
        """Return the score of the plain mean, which needs no fit."""
        scores = []
        for (rows, predictions), repeat in zip(self._predictions, self.repeats, strict=True):
            mean, judged = predictions[sorted(subset)].mean(axis=0), repeat.judged
            whole = np.full((len(judged.target.y), mean.shape[1]), np.nan)
            whole[rows] = mean
            # Votes that are averaged are shares of votes, as probabilities.
            spec = PredictionSpec.of("mean", judged.target.type)
            parts = [rows] if judged.is_pooled else [held_out for _, held_out in judged.folds.splits]
            found = [
                score_predictions(
                    judged.target, part, whole[part], spec, judged.scoring, judged.sample_weight
                )
                for part in parts
            ]
            scores.append(np.mean(found))
        return float(np.mean(scores))

    @cached_property
    def _predictions(self) -> list[tuple[Rows, Floats]]:
        """For each repeat the scored rows, and the (k, n_rows, width) predictions of all members."""
        found = []
        for judged in (repeat.judged for repeat in self.repeats):
            rows = np.flatnonzero(judged.coverage)
            found.append((rows, np.stack([judged.average(name)[rows] for name in judged])))
        return found

    def _final(self, subset: Members) -> Any:
        if not subset:
            return prior(self.classify)
        columns = tuple(np.concatenate([self.columns[at] for at in sorted(subset)]).tolist())
        return make_pipeline(ColumnSubset(columns), clone(self.combiner))
