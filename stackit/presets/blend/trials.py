"""Candidates that are cross-fitted on the folds of the members, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stackit.arrays import Floats, Rows
from stackit.folds import Folds
from stackit.presets.blend.candidates import Candidate
from stackit.presets.blend.cross_fitting import cross_fit
from stackit.presets.blend.judge import Judge

__all__ = ["Trials"]

FEW_ROWS = 500  # below, the best of a few scores is more often chance: it must be two errors ahead


@dataclass(frozen=True, eq=False)
class Trials:
    """Cross-fitted candidates, in the order of preference.

    Parameters
    ----------
    candidates : list of Candidate
        The candidates.
    oofs : list of (n, width) arrays
        Their cross-fitted predictions.
    pieces : list of (n_pieces,) arrays
        What their scores are means of.
    folds : Folds
        The folds.
    judge : Judge
        The metric.
    """

    candidates: list[Candidate]
    oofs: list[Floats]
    pieces: list[Floats]
    folds: Folds
    judge: Judge

    @classmethod
    def of(cls, candidates: list[Candidate], folds: Folds, judge: Judge) -> Trials:
        """Cross-fit candidates."""
        oofs = [cross_fit(candidate.fit, candidate.table, folds) for candidate in candidates]
        return cls(candidates, oofs, [judge.pieces(oof) for oof in oofs], folds, judge)

    @property
    def is_scored(self) -> bool:
        """Whether any fold could be predicted by what others say, and scored."""
        return any(self.judge.estimate(pieces)[0] > -np.inf for pieces in self.pieces)

    def choose(self) -> Candidate:
        """Return the first candidate within one standard error of the best, two where there are few rows."""
        return self.candidates[self._first_of_the_good(self.pieces)]

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
        gaps = np.array(self._gaps(self.pieces))
        scores = [self.judge.estimate(pieces)[0] for pieces in self.pieces]
        return pd.DataFrame(
            {"score": scores, "gap": gaps[:, 0], "gap_sem": gaps[:, 1]},
            index=[candidate.name for candidate in self.candidates],
        )

    def _chosen_by(self, rows: Rows) -> int:
        inside = self.judge.inside(rows)
        return self._first_of_the_good([np.where(inside, pieces, np.nan) for pieces in self.pieces])

    def _first_of_the_good(self, pieces: list[Floats]) -> int:
        width = 2.0 if np.count_nonzero(self.judge.weights) < FEW_ROWS else 1.0
        return next(at for at, (gap, error) in enumerate(self._gaps(pieces)) if gap <= width * error)

    def _gaps(self, pieces: list[Floats]) -> list[tuple[float, float]]:
        """Return how far each candidate is behind the best, and the standard error of that."""
        scores = [self.judge.estimate(each)[0] for each in pieces]
        best = int(np.argmax(scores))
        gaps = [self.judge.compare(pieces[best], each) for each in pieces]
        gaps[best] = (0.0, 0.0)
        return gaps
