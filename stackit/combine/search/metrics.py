"""Metrics of many blends together: log loss, accuracy, area under the curve, absolute error, any scorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.combine.probabilities import normalize_rows
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import score_predictions, scorer_of
from stackit.target import Target

__all__ = ["FAST", "Metric", "ScorerMetric", "areas_under_curve"]

Metric = Callable[[Floats], Floats]
"""Returns the (n_candidates,) scores of (n_candidates, n, width) blends; higher is better."""

EPS = float(np.finfo(np.float64).eps)


def _as_probabilities(blends: Floats) -> Floats:
    """Return the predict_proba of (n_candidates, n, n_classes) blends."""
    return normalize_rows(blends.clip(min=0))


def _binary_log_loss(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    weights, positive = sample_weight / sample_weight.sum(), codes == 1

    def metric(blends: Floats) -> Floats:
        second = blends[:, :, 0]
        proba = np.where(positive, second, 1 - second)
        return np.asarray(np.log(proba.clip(EPS, 1)) @ weights)

    return metric


def _log_loss(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    weights, rows = sample_weight / sample_weight.sum(), np.arange(len(codes))

    def metric(blends: Floats) -> Floats:
        proba = _as_probabilities(blends)[:, rows, codes]
        return np.asarray(np.log(proba.clip(EPS, 1)) @ weights)

    return metric


def _binary_accuracy(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    weights = sample_weight / sample_weight.sum()
    return lambda blends: np.asarray(((blends[:, :, 0] > 0.5) == codes) @ weights)


def _accuracy(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    weights = sample_weight / sample_weight.sum()
    return lambda blends: np.asarray((_as_probabilities(blends).argmax(axis=2) == codes) @ weights)


def _binary_auc(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    return lambda blends: areas_under_curve(blends[:, :, 0].clip(0, 1), codes == 1, sample_weight)


def _mean_auc(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    def metric(blends: Floats) -> Floats:
        proba = _as_probabilities(blends)
        places = range(proba.shape[2])
        areas = [areas_under_curve(proba[:, :, at], codes == at, sample_weight) for at in places]
        return np.asarray(np.mean(areas, axis=0))

    return metric


def _binary_brier(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    weights = sample_weight / sample_weight.sum()
    return lambda blends: -np.asarray((blends[:, :, 0].clip(0, 1) - codes) ** 2 @ weights)


def _brier(codes: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    weights = sample_weight / sample_weight.sum()

    def metric(blends: Floats) -> Floats:
        truth = np.eye(blends.shape[2])[codes]
        return -np.asarray(((_as_probabilities(blends) - truth) ** 2).sum(axis=2) @ weights)

    return metric


def _absolute_error(y: npt.NDArray[Any], sample_weight: Floats) -> Metric:
    weights, truth = sample_weight / sample_weight.sum(), y.reshape(len(y), -1)
    return lambda blends: -np.asarray(np.abs(blends - truth).mean(axis=2) @ weights)


FAST: dict[tuple[str, str], Callable[[npt.NDArray[Any], Floats], Metric]] = {
    ("neg_log_loss", "binary"): _binary_log_loss,
    ("neg_log_loss", "multiclass"): _log_loss,
    ("neg_brier_score", "binary"): _binary_brier,
    ("neg_brier_score", "multiclass"): _brier,
    ("accuracy", "binary"): _binary_accuracy,
    ("accuracy", "multiclass"): _accuracy,
    ("roc_auc", "binary"): _binary_auc,
    ("roc_auc_ovr", "binary"): _binary_auc,
    ("roc_auc_ovr", "multiclass"): _mean_auc,
    ("neg_mean_absolute_error", "regression"): _absolute_error,
    ("neg_mean_absolute_error", "multioutput"): _absolute_error,
}


def areas_under_curve(scores: Floats, positive: npt.NDArray[np.bool_], sample_weight: Floats) -> Floats:
    """Return the area under the ROC curve of each row of (n_candidates, n) scores of at least 0.

    It is the weighted share of (negative, positive) pairs in the right order, ties counting half. With
    equal weights the label is stored in the last bit of the score, so that numbers are sorted and not
    positions: scores that differ by no more than that bit, the rounding of a sum, are ties.
    """
    if (sample_weight == sample_weight[0]).all():
        keys = (np.ascontiguousarray(scores) + 0.0).view(np.int64)  # adding 0 turns -0 into 0
        keys = (keys & ~1) | positive
        keys.sort(axis=1)
        return np.array([_area_of_sorted(row >> 1, row & 1, None) for row in keys])
    orders = scores.argsort(axis=1, kind="stable")
    return np.array(
        [
            _area_of_sorted(row[order], positive[order], sample_weight[order])
            for row, order in zip(scores, orders, strict=True)
        ]
    )


def _area_of_sorted(
    values: npt.NDArray[Any], labels: npt.NDArray[Any], sample_weight: Floats | None
) -> float:
    """Return the area, given samples in the order of their values; weights of None are equal."""
    above = labels.astype(np.float64) if sample_weight is None else labels * sample_weight
    below = 1.0 - above if sample_weight is None else sample_weight - above
    ends = values[1:] != values[:-1]
    if not ends.all():
        firsts = np.r_[0, np.flatnonzero(ends) + 1]
        above, below = np.add.reduceat(above, firsts), np.add.reduceat(below, firsts)
    passed = below.cumsum()
    pairs = passed[-1] * above.sum()
    return float(above @ (passed - below / 2) / pairs) if pairs > 0 else 0.5


class ScorerMetric:
    """The metric that calls a scikit-learn scorer for each blend.

    A blend that the scorer rejects scores minus infinity: negative weights, for example, may bring it below
    the domain of a logarithm. ``error`` says why the last one was rejected.
    """

    def __init__(self, scoring: Any, target: Target, sample_weight: Floats) -> None:
        scorer_of(scoring, target)
        self.spec = PredictionSpec.of("blend", target.type)
        self.target, self.scoring, self.rows = target, scoring, np.arange(len(target.y))
        self.sample_weight = None if (sample_weight == sample_weight[0]).all() else sample_weight
        self.error: ValueError | None = None

    def __call__(self, blends: Floats) -> Floats:
        """Return the scores of (n_candidates, n, width) blends."""
        predictions = _as_probabilities(blends) if self.target.is_classification else blends
        return np.array([self._score(prediction) for prediction in predictions])

    def _score(self, prediction: Floats) -> float:
        try:
            score = score_predictions(
                self.target, self.rows, prediction, self.spec, self.scoring, self.sample_weight
            )
        except ValueError as error:
            self.error = error
            return -np.inf
        if np.isnan(score):
            self.error = ValueError("the score is NaN")
            return -np.inf
        return score
