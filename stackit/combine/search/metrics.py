"""Metrics of many blends at once: log loss, accuracy, area under the curve, absolute error, any scorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import score_predictions, scorer_of
from stackit.target import Target

__all__ = ["FAST", "Metric", "ScorerMetric", "areas_under_curve"]

Metric = Callable[[Floats], Floats]
LEAST = float(np.finfo(np.float64).eps)


def _as_probabilities(blends: Floats) -> Floats:
    """Return what predict_proba makes of (n_candidates, n, n_classes) blends."""
    blends = blends.clip(min=0)
    total = blends.sum(axis=2, keepdims=True)
    even = np.full_like(blends, 1 / blends.shape[2])
    return np.asarray(np.divide(blends, total, out=even, where=total > 0))


def _binary_log_loss(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    share, positive = weights / weights.sum(), codes == 1

    def metric(blends: Floats) -> Floats:
        second = blends[:, :, 0]
        chances = np.where(positive, second, 1 - second)
        return np.asarray(np.log(chances.clip(LEAST, 1)) @ share)

    return metric


def _log_loss(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    share, rows = weights / weights.sum(), np.arange(len(codes))

    def metric(blends: Floats) -> Floats:
        chances = _as_probabilities(blends)[:, rows, codes]
        return np.asarray(np.log(chances.clip(LEAST, 1)) @ share)

    return metric


def _binary_accuracy(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    share = weights / weights.sum()
    return lambda blends: np.asarray(((blends[:, :, 0] > 0.5) == codes) @ share)


def _accuracy(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    share = weights / weights.sum()
    return lambda blends: np.asarray((_as_probabilities(blends).argmax(axis=2) == codes) @ share)


def _area(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    return lambda blends: areas_under_curve(blends[:, :, 0].clip(0, 1), codes == 1, weights)


def _area_of_each_class(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    def metric(blends: Floats) -> Floats:
        chances = _as_probabilities(blends)
        each = [areas_under_curve(chances[:, :, at], codes == at, weights) for at in range(chances.shape[2])]
        return np.asarray(np.mean(each, axis=0))

    return metric


def _binary_brier(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    share = weights / weights.sum()
    return lambda blends: -np.asarray((blends[:, :, 0].clip(0, 1) - codes) ** 2 @ share)


def _brier(codes: npt.NDArray[Any], weights: Floats) -> Metric:
    share = weights / weights.sum()

    def metric(blends: Floats) -> Floats:
        truth = np.eye(blends.shape[2])[codes]
        return -np.asarray(((_as_probabilities(blends) - truth) ** 2).sum(axis=2) @ share)

    return metric


def _absolute_error(y: npt.NDArray[Any], weights: Floats) -> Metric:
    share, truth = weights / weights.sum(), y.reshape(len(y), -1)
    return lambda blends: -np.asarray(np.abs(blends - truth).mean(axis=2) @ share)


FAST: dict[tuple[str, str], Callable[[npt.NDArray[Any], Floats], Metric]] = {
    ("neg_log_loss", "binary"): _binary_log_loss,
    ("neg_log_loss", "multiclass"): _log_loss,
    ("neg_brier_score", "binary"): _binary_brier,
    ("neg_brier_score", "multiclass"): _brier,
    ("accuracy", "binary"): _binary_accuracy,
    ("accuracy", "multiclass"): _accuracy,
    ("roc_auc", "binary"): _area,
    ("roc_auc_ovr", "binary"): _area,
    ("roc_auc_ovr", "multiclass"): _area_of_each_class,
    ("neg_mean_absolute_error", "regression"): _absolute_error,
    ("neg_mean_absolute_error", "multioutput"): _absolute_error,
}


def areas_under_curve(scores: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the area under the receiver operating characteristic of each row of scores.

    It is the weighted share of (negative, positive) pairs in the right order, ties counting half. With
    equal weights the label rides in the last bit of the score, so that numbers are sorted and not places:
    scores that differ by no more than that bit, the rounding of a sum, are ties.

    Parameters
    ----------
    scores : (n_candidates, n) array
        At least 0.
    positive : (n,) array of bool
        Which samples are positive.
    weights : (n,) array
        The weights of the samples.

    Returns
    -------
    (n_candidates,) array

    Examples
    --------
    >>> areas_under_curve(np.array([[0.1, 0.4, 0.4, 0.8]]), np.array([0, 0, 1, 1]) == 1, np.ones(4)).tolist()
    [0.875]
    """
    if (weights == weights[0]).all():
        keys = (np.ascontiguousarray(scores) + 0.0).view(np.int64)  # adding 0 makes -0 a 0
        keys = (keys & ~1) | positive
        keys.sort(axis=1)
        return np.array([_area_of_sorted(row >> 1, row & 1, None) for row in keys])
    orders = scores.argsort(axis=1, kind="stable")
    return np.array(
        [_area_of_sorted(row[o], positive[o], weights[o]) for row, o in zip(scores, orders, strict=True)]
    )


def _area_of_sorted(values: npt.NDArray[Any], labels: npt.NDArray[Any], weights: Floats | None) -> float:
    """Return the area, given samples in the order of their values; None is equal weights."""
    above = labels.astype(np.float64) if weights is None else labels * weights
    below = 1.0 - above if weights is None else weights - above
    ends = values[1:] != values[:-1]
    if not ends.all():
        firsts = np.r_[0, np.flatnonzero(ends) + 1]
        above, below = np.add.reduceat(above, firsts), np.add.reduceat(below, firsts)
    passed = below.cumsum()
    pairs = passed[-1] * above.sum()
    return float(above @ (passed - below / 2) / pairs) if pairs > 0 else 0.5


class ScorerMetric:
    """The metric that asks a scikit-learn scorer about one blend after the other; higher is better.

    A blend that the scorer refuses, as one with negative weights may be below what a logarithm takes, scores
    minus infinity.

    Parameters
    ----------
    scoring : str, callable or None
        A scikit-learn scorer or its name.
    target : Target
        What is predicted.
    weights : (n,) array
        The weights of the samples.

    Attributes
    ----------
    refusal : ValueError or None
        Why the last blend was refused, if any was.

    Raises
    ------
    ValueError
        When there is no such scorer.
    """

    def __init__(self, scoring: Any, target: Target, weights: Floats) -> None:
        scorer_of(scoring, target)
        self.response = PredictionSpec.of("blend", target.type)
        self.target, self.scoring, self.rows = target, scoring, np.arange(len(target.y))
        self.weights = None if (weights == weights[0]).all() else weights
        self.refusal: ValueError | None = None

    def __call__(self, blends: Floats) -> Floats:
        """Return the scores of (n_candidates, n, width) blends."""
        classify = self.target.is_classification
        return np.array(
            [self._score(answer) for answer in (_as_probabilities(blends) if classify else blends)]
        )

    def _score(self, answer: Floats) -> float:
        try:
            score = score_predictions(
                self.target, self.rows, answer, self.response, self.scoring, self.weights
            )
        except ValueError as error:
            self.refusal = error
            return -np.inf
        if np.isnan(score):
            self.refusal = ValueError("the score is NaN")
            return -np.inf
        return score
