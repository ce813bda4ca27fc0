"""The cross-fitted score of a combiner on any of the subsets of the members."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline

from stackit.assess.candidates import prior
from stackit.assess.repeats import can_be_averaged, cross_fit_finals, oof_of, repeats_of
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import Scoring, score_predictions, scorer_of
from stackit.validation import invalid_value

__all__ = ["Chosen", "Values"]

Members = frozenset[int]


class Chosen(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Some columns of a table.

    Parameters
    ----------
    columns : tuple of int
        Which.
    """

    def __init__(self, columns: tuple[int, ...] = ()) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> Chosen:
        """Do nothing."""
        return self

    def transform(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the columns."""
        return X[:, list(self.columns)]

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Values:
    """Scores of subsets of the members of a run, each computed once.

    The score of no member is that of the prior: the shares of classes, or the mean, of the other folds.

    Parameters
    ----------
    run : OutOfFold or fitted stack
        What is assessed.
    combiner : estimator or None
        Cross-fitted on the meta-features of a subset; None is the plain mean.
    scoring : str, callable or None
        How it is scored; None is the run's way.
    n_jobs : int or None
        How many fits run at once.

    Raises
    ------
    ValueError
        When there is no combiner and the members have no mean.
    """

    def __init__(self, run: Any, combiner: Any, scoring: Scoring, n_jobs: int | None) -> None:
        oof = oof_of(run)
        scorer_of(oof.scoring if scoring is None else scoring, oof.target)
        if combiner is not None and (isinstance(combiner, type) or not hasattr(combiner, "fit")):
            raise invalid_value(
                "combiner",
                "one estimator, or None for the plain mean",
                f"{combiner=}",
                "Pass an instance, as in LogisticRegression()",
            )
        if combiner is None and not can_be_averaged(oof):
            kinds = {name: result.spec.kind for name, result in oof.items()}
            raise invalid_value(
                "combiner",
                "given where estimators answer in different ways",
                f"{kinds}",
                "Pass combiner=LogisticRegression(), say",
            )
        self.classify, self.n_jobs = oof.target.is_classification, n_jobs
        self.combiner = combiner
        self.repeats = repeats_of(run, scoring)
        widths = [result.spec.columns(result.held_out[0]).shape[1] for result in oof.values()]
        ends = np.cumsum(widths)
        self.places = [
            tuple(range(end - width, end)) for end, width in zip(ends.tolist(), widths, strict=True)
        ]
        self.known: dict[Members, float] = {}

    def of(self, subsets: Iterable[Members]) -> dict[Members, float]:
        """Return the score of each subset of positions of members, averaged over repeats.

        Parameters
        ----------
        subsets : iterable of frozenset of int
            Those that are known already cost nothing.

        Returns
        -------
        dict of frozenset to float
            Higher is better.
        """
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
        """The score of the plain mean, of which there is nothing to fit."""
        scores = []
        for (rows, answers), repeat in zip(self.answers, self.repeats, strict=True):
            mean, judged = answers[sorted(subset)].mean(axis=0), repeat.judged
            whole = np.full((len(judged.target.y), mean.shape[1]), np.nan)
            whole[rows] = mean
            parts = [rows] if judged.is_pooled else [held_out for _, held_out in judged.folds.splits]
            found = [
                score_predictions(
                    judged.target, part, whole[part], self.response, judged.scoring, judged.sample_weight
                )
                for part in parts
            ]
            scores.append(np.mean(found))
        return float(np.mean(scores))

    @cached_property
    def response(self) -> PredictionSpec:
        """How the mean is asked; votes that are averaged are shares."""
        return PredictionSpec.of("mean", self.repeats[0].judged.target.type)

    @cached_property
    def answers(self) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]]:
        """For each repeat the rows that are judged, and the (k, n_rows, width) answers of all members."""
        found = []
        for judged in (repeat.judged for repeat in self.repeats):
            rows = np.flatnonzero(judged.coverage)
            found.append((rows, np.stack([judged.average(name)[rows] for name in judged])))
        return found

    def _final(self, subset: Members) -> Any:
        if not subset:
            return prior(self.classify)
        columns = tuple(place for at in sorted(subset) for place in self.places[at])
        return make_pipeline(Chosen(columns), clone(self.combiner))
