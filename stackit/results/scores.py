"""Scores of a run: fold by fold, of the whole out-of-fold column, and by which estimators are compared."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.estimators.scoring import Scoring, score_predictions
from stackit.folds import Folds
from stackit.results.estimator_result import EstimatorResult
from stackit.results.pooling import can_be_pooled
from stackit.results.repeated_warnings import RepeatedWarnings, recorded
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = ["ScoresMixin"]


class ScoresMixin:
    """What is scored of an `OutOfFold`."""

    folds: Folds
    target: Target
    results: dict[str, EstimatorResult]
    sample_weight: Any
    scoring: Scoring
    unscored: set[str]
    optimistic: set[str]
    passthrough: bool

    @property
    @abstractmethod
    def coverage(self) -> npt.NDArray[np.intp]:
        """The (n,) number of times each row was held out."""

    @abstractmethod
    def average(self, name: str) -> Floats:
        """Return the (n, width) answer of an estimator for rows held out, averaged over repeats."""

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row an estimator and fold: estimator, repeat, fold, n_held_out, score, seconds."""
        self.warn_of_passthrough()
        repeats = RepeatedWarnings("scores")
        rows = [
            {
                "estimator": name,
                "repeat": repeat,
                "fold": fold,
                "n_held_out": len(held_out),
                "score": self._score(name, answer, held_out, repeats),
                "seconds": seconds,
            }
            for name, result in self.results.items()
            for (repeat, fold), (_, held_out), answer, seconds in zip(
                self.folds.labels, self.folds.splits, result.held_out, result.seconds, strict=True
            )
        ]
        repeats.say()
        return pd.DataFrame(rows)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row an estimator: mean, std and standard error over folds, and the whole column's score.

        The whole column is NaN for metrics of ranks, such as the area under the ROC curve, where folds differ
        in their shares of classes: the mean counts there (`can_be_pooled`). Where scores are
        optimistic, a column `optimistic` tells whose.
        """
        by_name = self.scores.groupby("estimator", sort=False)["score"]
        table = by_name.agg(["mean", "std", "sem"])
        repeats = RepeatedWarnings("whole columns")
        table["whole"] = [self.whole(name, repeats) for name in self.results]
        repeats.say()
        if self.optimistic:
            table["optimistic"] = table.index.isin(self.optimistic)
        return table

    @cached_property
    def is_pooled(self) -> bool:
        """Whether the metric may be computed for the whole column, and not by folds alone."""
        return can_be_pooled(self.folds, self.target, self.scoring, self.sample_weight)

    def whole(self, name: str, repeats: RepeatedWarnings | None = None) -> float:
        """Return the score of an estimator's whole column; NaN where that must not be pooled.

        Parameters
        ----------
        name : str
            The estimator's name.
        repeats : Repeats, optional
            Gathers what the metric warns of.
        """
        if not self.is_pooled:
            return float("nan")
        covered = np.flatnonzero(self.coverage)
        return self._score(name, self.average(name)[covered], covered, repeats)

    def standing(self, name: str) -> float:
        """Return the score by which an estimator stands among others.

        Parameters
        ----------
        name : str
            The estimator's name.

        Returns
        -------
        float
            That of the whole column; where this must not be pooled, the mean over folds.
        """
        if self.is_pooled:
            return self.whole(name)
        folds, repeats = (
            zip(self.folds.splits, self.results[name].held_out, strict=True),
            RepeatedWarnings("scores"),
        )
        found = [self._score(name, answer, rows, repeats) for (_, rows), answer in folds]
        repeats.say()
        return float(np.mean(found))

    def warn_of_passthrough(self) -> None:
        """Warn where scores are those of estimators that see X passed through on shared folds."""
        if self.passthrough:
            warn(
                f"The scores of {format_list(self.results)} are optimistic, and may show a gain where "
                "there is none: these estimators see columns of X beside predictions that were made on the "
                "same folds, and the two together give away labels of held-out rows. Use "
                "Level(..., nested=True), or nested_score."
            )

    def _score(
        self, name: str, answer: Floats, rows: npt.NDArray[np.intp], repeats: RepeatedWarnings | None = None
    ) -> float:
        """Score some rows; NaN, and one warning, where an estimator's answers cannot be judged so."""
        spec = self.results[name].spec
        judged = self.target, rows, answer, spec, self.scoring, self.sample_weight
        try:
            if repeats is None:
                return score_predictions(*judged)
            with recorded() as said:
                score = score_predictions(*judged)
            repeats.add(said, name)
            return score
        except (AttributeError, TypeError, ValueError) as error:
            if name not in self.unscored:
                self.unscored.add(name)
                warn(f"The predictions of {name!r} cannot be scored by {self.scoring!r}: {error}")
            return float("nan")
