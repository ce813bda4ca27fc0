"""Scores of a run: per fold, of the whole out-of-fold column, and one per estimator to compare by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.estimators.scoring import Scoring, score_predictions
from stackit.folds import Folds
from stackit.results.estimator_result import EstimatorResult
from stackit.results.pooling import can_be_pooled
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = ["ScoresMixin"]


class ScoresMixin(Mapping[str, EstimatorResult]):
    """The scores of an `OutOfFold`."""

    folds: Folds
    target: Target
    sample_weight: npt.NDArray[np.float64] | None
    scoring: Scoring
    unscored: set[str]
    optimistic: set[str]
    passthrough: bool

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per estimator and fold: estimator, repeat, fold, n_held_out, score, seconds."""
        self.warn_of_passthrough()
        repeats = RepeatedWarnings("scores")
        rows = [
            {
                "estimator": name,
                "repeat": repeat,
                "fold": fold,
                "n_held_out": len(held_out),
                "score": self.score_rows(name, predictions, held_out, repeats),
                "seconds": seconds,
            }
            for name, result in self.items()
            for (repeat, fold), (_, held_out), predictions, seconds in zip(
                self.folds.labels, self.folds.splits, result.held_out, result.seconds, strict=True
            )
        ]
        repeats.warn()
        return pd.DataFrame(rows)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per estimator: mean, std and standard error over folds, and the score of the whole column.

        The latter is NaN for metrics of ranks, such as the area under the ROC curve, if the folds differ in
        their shares of classes: compare by the mean then. If some scores are optimistic, the column
        `optimistic` marks them.
        """
        by_name = self.scores.groupby("estimator", sort=False)["score"]
        table = by_name.agg(["mean", "std", "sem"])
        repeats = RepeatedWarnings("whole columns")
        table["whole"] = [self.pooled_score(name, repeats) for name in self]
        repeats.warn()
        if self.optimistic:
            table["optimistic"] = table.index.isin(self.optimistic)
        return table

    @cached_property
    def is_pooled(self) -> bool:
        """Whether the metric may be computed of the whole column, and not only per fold."""
        return can_be_pooled(self.folds, self.target, self.scoring, self.sample_weight)

    def pooled_score(self, name: str, repeats: RepeatedWarnings | None = None) -> float:
        """Return the score of an estimator's whole column; NaN if it must not be pooled."""
        if not self.is_pooled:
            return float("nan")
        covered = np.flatnonzero(self.folds.coverage)
        return self.score_rows(name, self[name].average(self.folds)[covered], covered, repeats)

    def overall_score(self, name: str) -> float:
        """Return the score to compare an estimator by: of its whole column, or else the mean over folds."""
        if self.is_pooled:
            return self.pooled_score(name)
        repeats = RepeatedWarnings("scores")
        pairs = zip(self.folds.splits, self[name].held_out, strict=True)
        found = [self.score_rows(name, predictions, rows, repeats) for (_, rows), predictions in pairs]
        repeats.warn()
        return float(np.mean(found))

    def warn_of_passthrough(self) -> None:
        """Warn if the estimators saw columns of X next to predictions that were made on the same folds."""
        if self.passthrough:
            warn(
                f"The scores of {format_list(self)} are optimistic, and may show a gain where there is none: "
                "these estimators see columns of X next to predictions that were made on the same folds, and "
                "the two together give away labels of held-out rows. Use Level(..., nested=True), or "
                "nested_score."
            )

    def score_rows(
        self,
        name: str,
        predictions: Floats,
        rows: npt.NDArray[np.intp],
        repeats: RepeatedWarnings | None = None,
    ) -> float:
        """Score an estimator's predictions of some rows; NaN, with one warning, if this is not possible."""
        arguments = self.target, rows, predictions, self[name].spec, self.scoring, self.sample_weight
        try:
            if repeats is None:
                return score_predictions(*arguments)
            with record_warnings() as caught:
                score = score_predictions(*arguments)
            repeats.add(caught, name)
            return score
        except (AttributeError, TypeError, ValueError) as error:
            if name not in self.unscored:
                self.unscored.add(name)
                warn(f"The predictions of {name!r} cannot be scored by {self.scoring!r}: {error}")
            return float("nan")
