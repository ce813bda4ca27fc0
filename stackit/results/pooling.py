"""Whether predictions of several folds may be scored as one column."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import Scoring, score_predictions
from stackit.folds import Folds
from stackit.target import Target, classification_target, regression_target

__all__ = ["can_be_pooled", "is_rank_metric"]

# How far the pooled score of the prior, which knows nothing, may be from its mean over folds.
TOLERANCE = 0.005
N_PROBED = 60


def can_be_pooled(
    folds: Folds, target: Target, scoring: Scoring = None, sample_weight: npt.NDArray[Any] | None = None
) -> bool:
    """Whether a metric of the whole out-of-fold column agrees with its mean over folds.

    A metric of ranks, such as the area under the ROC curve, compares each row with all others. The column has
    predictions of different fold models, and their levels differ if their training parts differ in the shares
    of classes (or in the mean of y): a fold with more positive rows was predicted by a model that has seen
    fewer. A model that knows nothing then scores below chance: 0.465 for 105 rows in 10 stratified folds, and
    0 in leave-one-out. So the prior of each training part is scored. The column must not be pooled if the
    metric is one of ranks and the pooled score of the prior differs from its mean over folds by more than
    0.005. Metrics that judge each row by itself (log loss, accuracy, squared error) can always be pooled.

    Examples
    --------
    >>> from stackit import make_folds
    >>> y = [0, 1] * 50
    >>> loo = make_folds(y, scheme="kfold", n_splits=100)
    >>> five = make_folds(y, scheme="stratified", n_splits=5)
    >>> target = classification_target(y)
    >>> can_be_pooled(loo, target, "roc_auc"), can_be_pooled(five, target, "roc_auc")
    (False, True)
    """
    if not is_rank_metric(scoring, target):
        return True
    priors = _priors(folds, target, sample_weight)
    covered = np.flatnonzero(folds.coverage)
    total = np.zeros((folds.n_samples, priors.shape[1]))
    by_fold = []
    for (_, rows), prior in zip(folds.splits, priors, strict=True):
        prediction = np.tile(prior, (len(rows), 1))
        total[rows] += prediction
        by_fold.append(_score(target, rows, prediction, scoring, sample_weight))
    average = total[covered] / folds.coverage[covered, np.newaxis]
    pooled = _score(target, covered, average, scoring, sample_weight)
    return bool(abs(pooled - np.mean(by_fold)) <= TOLERANCE)


def is_rank_metric(scoring: Scoring, target: Target) -> bool:
    """Whether a metric depends only on the order of predictions, or on their correlation with y.

    It is computed for a small table: such a score stays the same when all predictions are shrunk towards one
    value, which changes every loss and every label.
    """
    if scoring is None or target.kind == "multilabel":
        return False
    n_classes = len(target.classes) if target.is_classification else 0
    labels = tuple(target.classes.tolist()) if n_classes else ()
    try:
        return _ranks(scoring, labels, target.y.shape[1:])
    except TypeError:  # a scorer or a label that is not hashable
        return _ranks.__wrapped__(scoring, labels, target.y.shape[1:])


@lru_cache(maxsize=64)
def _ranks(scoring: Scoring, labels: tuple[Any, ...], outputs: tuple[int, ...]) -> bool:
    random = np.random.default_rng(0)
    if labels:
        codes = np.arange(N_PROBED) % len(labels)
        target = classification_target(np.asarray(labels)[codes])
        prediction = random.dirichlet(np.ones(len(labels)), size=N_PROBED)
        prediction = (prediction + 0.5 * np.eye(len(labels))[codes]) / 1.5
        level = np.arange(1.0, len(labels) + 1) ** 2
        level = level[::-1] / level.sum()
    else:
        y = random.exponential(size=(N_PROBED, *outputs))
        target = regression_target(y)
        prediction = (y + random.exponential(size=y.shape)).reshape(N_PROBED, -1)
        level = np.ones(prediction.shape[1])
    rows, shrunk = np.arange(N_PROBED), 0.3 * prediction + 0.7 * level
    return bool(abs(_score(target, rows, prediction, scoring) - _score(target, rows, shrunk, scoring)) < 1e-9)


def _priors(folds: Folds, target: Target, sample_weight: npt.NDArray[Any] | None) -> Floats:
    """Return the (n_splits, width) shares of classes, or means of y, of the training parts."""
    weights = np.ones(len(target.y)) if sample_weight is None else sample_weight
    parts = [train for train, _ in folds.splits]
    if target.is_classification:
        sums = [np.bincount(target.codes[rows], weights[rows], len(target.classes)) for rows in parts]
        return np.array([each / each.sum() for each in sums])
    y = target.y.reshape(len(target.y), -1)
    return np.array([np.average(y[rows], axis=0, weights=weights[rows]) for rows in parts])


def _score(target: Target, rows: Any, prediction: Floats, scoring: Scoring, weights: Any = None) -> float:
    """Return a score; NaN where there is none, as for a single class."""
    spec = PredictionSpec.of("prior", target.type)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return score_predictions(target, rows, prediction, spec, scoring, weights)
        except (AttributeError, TypeError, ValueError):
            return float("nan")
