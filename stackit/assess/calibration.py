"""Answers calibrated by one small regression on y, and the loss that they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from stackit.arrays import Floats
from stackit.estimators.prediction import PredictionSpec
from stackit.results.oof import OutOfFold

__all__ = ["CalibratedPredictions", "calibrated_for"]

LEAST = 1e-6


class CalibratedPredictions:
    """The loss that an estimator's answers promise once they are calibrated, row by row.

    Parameters
    ----------
    oof : OutOfFold
        The run.
    response : Response
        How the estimator was asked.
    answers : (n_rows, width) array
        Its answers that the calibration learns from.
    rows : (n_rows,) array of int
        Which rows these are of.
    """

    def __init__(
        self, oof: OutOfFold, response: PredictionSpec, answers: Floats, rows: npt.NDArray[np.intp]
    ) -> None:
        self.response, self.classify = response, oof.target.is_classification
        weights = None if oof.sample_weight is None else np.asarray(oof.sample_weight)[rows]
        codes = oof.target.codes[rows]
        if self.classify:
            table = self._features(answers)
            self.center, self.scale = table.mean(axis=0), np.maximum(table.std(axis=0), LEAST)
            self.n_classes = len(oof.target.classes)
            few = self.n_classes * table.shape[1] < 100
            solver = "newton-cholesky" if few else "lbfgs"
            self.regression = LogisticRegression(C=100.0, max_iter=1000, solver=solver)
            if len(np.unique(codes)) > 1:
                self.regression.fit(self._scaled(table), codes, weights)
            else:
                self.regression = DummyClassifier(strategy="prior").fit(table, codes)
        else:
            self.truth = codes.reshape(len(codes), -1).astype(np.float64)
            self.mean, self.spread = self.truth.mean(axis=0), self.truth.var(axis=0).sum()
            self.regression = LinearRegression().fit(answers, self.truth, weights)

    def __call__(self, answer: Floats, truth: npt.NDArray[Any] | None) -> Floats:
        """Return the loss that each answer promises, or, with the truth, has."""
        if not self.classify:
            predicted = self.regression.predict(answer)
            if truth is not None:
                return np.asarray(((truth - predicted) ** 2).sum(axis=1))
            return np.asarray(self.spread - ((predicted - self.mean) ** 2).sum(axis=1))
        chances = np.full((len(answer), self.n_classes), LEAST)
        known = self.regression.predict_proba(self._scaled(self._features(answer)))
        chances[:, self.regression.classes_] = known.clip(LEAST, 1)
        if truth is not None:
            return np.asarray(-np.log(chances[np.arange(len(chances)), truth.reshape(-1)]))
        return np.asarray(-(chances * np.log(chances)).sum(axis=1))

    def _features(self, answer: Floats) -> Floats:
        if self.response.kind != "probability":
            return answer
        logs: Floats = np.log(answer.clip(LEAST, 1))
        return logs[:, 1:] - logs[:, :1] if answer.shape[1] == 2 else logs

    def _scaled(self, table: Floats) -> Floats:
        return np.asarray((table - self.center) / self.scale)


def calibrated_for(oof: OutOfFold, name: str, at: int) -> CalibratedPredictions:
    """Calibrate by the other folds of the repeat: neither rows held out nor new ones have a part in it.

    Parameters
    ----------
    oof : OutOfFold
        The run.
    name : str
        One of its estimators.
    at : int
        The position of the split whose rows will be looked at.

    Returns
    -------
    Calibrated
    """
    repeat = oof.folds.labels[at][0]
    own = [split for split, label in enumerate(oof.folds.labels) if label[0] == repeat]
    others = [split for split in own if split != at] or [at]
    rows = np.concatenate([oof.folds.splits[split][1] for split in others])
    return CalibratedPredictions(
        oof, oof[name].spec, np.concatenate([oof[name].held_out[split] for split in others]), rows
    )
