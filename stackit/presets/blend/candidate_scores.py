"""Candidates that are cross-fitted on the folds of the members, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stackit.arrays import Floats, Rows
from stackit.folds import Folds
from stackit.presets.blend.candidates import Candidate
from stackit.presets.blend.cross_fitting import cross_fit
from stackit.presets.blend.held_out_metric import HeldOutMetric

__all__ = ["CandidateScores"]

FEW_ROWS = 500  # below, the best of a few scores is more often chance: it must be two errors ahead


@dataclass(frozen=True, eq=False)
class CandidateScores:
    """Cross-fitted candidates, in the order of preference.

    Parameters
    ----------
    candidates : list of Candidate
        The candidates.
    oofs : list of (n, width) arrays
        Their cross-fitted predictions.
    contributions : list of (n_contributions,) arrays
        What their scores are means of.
    folds : Folds
        The folds.
    metric : HeldOutMetric
        The metric.
    """

    candidates: list[Candidate]
    oofs: list[Floats]
    contributions: list[Floats]
    folds: Folds
    metric: HeldOutMetric

    @classmethod
    def of(cls, candidates: list[Candidate], folds: Folds, metric: HeldOutMetric) -> CandidateScores:
        """Cross-fit candidates."""
        oofs = [cross_fit(candidate.fit, candidate.table, folds) for candidate in candidates]
        return cls(candidates, oofs, [metric.contributions(oof) for oof in oofs], folds, metric)

    @property
    def is_scored(self) -> bool:
        """Whether any fold could be predicted by what others say, and scored."""
        return any(self.metric.estimate(contributions)[0] > -np.inf for contributions in self.contributions)

    def choose(self) -> Candidate:
        """Return the first candidate within one standard error of the best, two where there are few rows."""
        return self.candidates[self._first_of_the_good(self.contributions)]

    def nested(self) -> Floats:
        """Return the (n, width) predictions of each fold by the candidate that its training rows choose.

        The best of several scores is too good, which shows where all are noise: the score of these
        predictions is not.
        """
        found = np.full_like(self.oofs[0], np.nan)
        for (repeat, _), (train, held_out) in zip(self.folds.labels, self.folds.splits, strict=True):
            if repeat == 0:
                found[held_out] = self.oofs[self._chosen_by(train)][held_out]
        return found

    def table(self) -> pd.DataFrame:
        """Return the score of each candidate, how far it is behind the best, and the error of that."""
        gaps = np.array(self._gaps(self.contributions))
        scores = [self.metric.estimate(contributions)[0] for contributions in self.contributions]
        return pd.DataFrame(
            {"score": scores, "gap": gaps[:, 0], "gap_sem": gaps[:, 1]},
            index=[candidate.name for candidate in self.candidates],
        )

    def _chosen_by(self, rows: Rows) -> int:
        inside = self.metric.inside(rows)
        return self._first_of_the_good(
            [np.where(inside, contributions, np.nan) for contributions in self.contributions]
        )

    def _first_of_the_good(self, contributions: list[Floats]) -> int:
        width = 2.0 if np.count_nonzero(self.metric.weights) < FEW_ROWS else 1.0
        return next(at for at, (gap, error) in enumerate(self._gaps(contributions)) if gap <= width * error)

    def _gaps(self, contributions: list[Floats]) -> list[tuple[float, float]]:
        """Return how far each candidate is behind the best, and the standard error of that."""
        scores = [self.metric.estimate(each)[0] for each in contributions]
        best = int(np.argmax(scores))
        gaps = [self.metric.compare(contributions[best], each) for each in contributions]
        gaps[best] = (0.0, 0.0)
        return gaps
