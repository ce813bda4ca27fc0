"""Predictions calibrated by a small regression on y, and the loss that they lead to expect."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from stackit.arrays import Floats, Rows
from stackit.estimators.prediction import PredictionSpec
from stackit.results.oof import OutOfFold

__all__ = ["CalibratedPredictions", "calibrate_on_other_folds"]

MIN_PROBABILITY = MIN_SCALE = 1e-6


class CalibratedPredictions:
    """The row losses of calibrated predictions: those expected without labels, or those measured with them.

    The calibration learns from (n_rows, width) held-out predictions of some rows of a run.
    """

    def __init__(self, oof: OutOfFold, spec: PredictionSpec, predictions: Floats, rows: Rows) -> None:
        self.spec, self.classify = spec, oof.target.is_classification
        weights = None if oof.sample_weight is None else np.asarray(oof.sample_weight)[rows]
        codes = oof.target.codes[rows]
        if self.classify:
            table = self._features(predictions)
            self.center, self.scale = table.mean(axis=0), np.maximum(table.std(axis=0), MIN_SCALE)
            self.n_classes = len(oof.target.classes)
            is_small = self.n_classes * table.shape[1] < 100
            solver = "newton-cholesky" if is_small else "lbfgs"
            self.regression = LogisticRegression(C=100.0, max_iter=1000, solver=solver)
            if len(np.unique(codes)) > 1:
                self.regression.fit(self._scaled(table), codes, weights)
            else:
                self.regression = DummyClassifier(strategy="prior").fit(table, codes)
        else:
            truth = codes.reshape(len(codes), -1).astype(np.float64)
            self.mean, self.variance = truth.mean(axis=0), truth.var(axis=0).sum()
            self.regression = LinearRegression().fit(predictions, truth, weights)

    def losses(self, predictions: Floats, truth: npt.NDArray[Any] | None) -> Floats:
        """Return the loss per row: measured, given the truth as codes or numbers, or expected without."""
        if not self.classify:
            predicted = self.regression.predict(predictions)
            if truth is not None:
                return np.asarray(((truth - predicted) ** 2).sum(axis=1))
            return np.asarray(self.variance - ((predicted - self.mean) ** 2).sum(axis=1))
        probabilities = np.full((len(predictions), self.n_classes), MIN_PROBABILITY)
        known = self.regression.predict_proba(self._scaled(self._features(predictions)))
        probabilities[:, self.regression.classes_] = known.clip(MIN_PROBABILITY, 1)
        if truth is not None:
            return np.asarray(-np.log(probabilities[np.arange(len(probabilities)), truth.reshape(-1)]))
        return np.asarray(-(probabilities * np.log(probabilities)).sum(axis=1))

    def _features(self, predictions: Floats) -> Floats:
        if self.spec.kind != "probability":
            return predictions
        logs: Floats = np.log(predictions.clip(MIN_PROBABILITY, 1))
        return logs[:, 1:] - logs[:, :1] if predictions.shape[1] == 2 else logs

    def _scaled(self, table: Floats) -> Floats:
        return np.asarray((table - self.center) / self.scale)


def calibrate_on_other_folds(oof: OutOfFold, name: str, at: int) -> CalibratedPredictions:
    """Calibrate the fold estimator of a split by the held-out predictions of the repeat's other folds."""
    repeat = oof.folds.labels[at][0]
    own = [split for split, label in enumerate(oof.folds.labels) if label[0] == repeat]
    others = [split for split in own if split != at] or [at]
    rows = np.concatenate([oof.folds.splits[split][1] for split in others])
    predictions = np.concatenate([oof[name].held_out[split] for split in others])
    return CalibratedPredictions(oof, oof[name].spec, predictions, rows)
