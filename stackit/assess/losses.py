"""Losses per row, for metrics that are a mean of them: paired tests compare these."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.metrics import get_scorer

from stackit.arrays import Floats, Rows
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import PrecomputedEstimator, Scoring
from stackit.target import Target

__all__ = ["LOSSES", "loss_name", "metric_name", "row_losses"]

EPSILON = float(np.finfo(np.float64).eps)


def _wrong(target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec) -> Floats:
    return np.asarray(PrecomputedEstimator(spec).predict(prediction) != target.y[rows], dtype=np.float64)


def _log_loss(target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec) -> Floats:
    of_truth = prediction[np.arange(len(rows)), target.codes[rows]]
    return np.asarray(-np.log(of_truth.clip(EPSILON, 1 - EPSILON)))


def _brier(target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec) -> Floats:
    truth = np.eye(len(target.classes))[target.codes[rows]]
    scale = 2 if target.kind == "binary" else 1
    return np.asarray(((prediction - truth) ** 2).sum(axis=1) / scale)


def _squared(target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec) -> Floats:
    return np.asarray(((prediction - _numbers(target, rows)) ** 2).mean(axis=1))


def _unexplained(target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec) -> Floats:
    variance = target.y.reshape(len(target.y), -1).var(axis=0)
    scale = np.where(variance > 0, variance, 1.0)
    return np.asarray(((prediction - _numbers(target, rows)) ** 2 / scale).mean(axis=1))


def _absolute(target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec) -> Floats:
    return np.asarray(np.abs(prediction - _numbers(target, rows)).mean(axis=1))


def _squared_log(target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec) -> Floats:
    truth = _numbers(target, rows)
    # The metric rejects the whole column where a number has no logarithm.
    known = (prediction > -1) & (truth > -1)
    logs = [np.log1p(np.where(known, table, 0.0)) for table in (prediction, truth)]
    return np.asarray(np.where(known, (logs[0] - logs[1]) ** 2, np.inf).mean(axis=1))


def _numbers(target: Target, rows: Rows) -> Floats:
    return np.asarray(target.y[rows], dtype=np.float64).reshape(len(rows), -1)


# The name of the loss, the function of a row's loss, and whether it needs probabilities.
LOSSES: dict[str, tuple[str, Callable[[Target, Rows, Floats, PredictionSpec], Floats], bool]] = {
    "accuracy": ("error rate", _wrong, False),
    "neg_log_loss": ("log loss", _log_loss, True),
    "neg_brier_score": ("Brier score", _brier, True),
    "neg_mean_squared_error": ("squared error", _squared, False),
    "neg_root_mean_squared_error": ("squared error", _squared, False),
    "r2": ("share of variance not explained", _unexplained, False),
    "neg_mean_absolute_error": ("absolute error", _absolute, False),
    "neg_mean_squared_log_error": ("squared log error", _squared_log, False),
    "neg_root_mean_squared_log_error": ("squared log error", _squared_log, False),
}


def metric_name(scoring: Scoring, target: Target) -> str | None:
    """Return scikit-learn's name of a metric that is a mean of row losses (or its root), None for others."""
    if scoring is None:
        return "accuracy" if target.is_classification else "r2"
    if isinstance(scoring, str):
        return scoring if scoring in LOSSES else None
    same = [name for name in LOSSES if repr(get_scorer(name)) == repr(scoring)]
    return same[0] if same else None


def loss_name(scoring: Scoring, target: Target) -> str:
    """Return the name of the loss in a sentence, or of the score where there is no loss per row."""
    metric = metric_name(scoring, target)
    return LOSSES[metric][0] if metric else (scoring if isinstance(scoring, str) else "score")


def row_losses(
    target: Target, rows: Rows, prediction: Floats, spec: PredictionSpec, scoring: Scoring = None
) -> Floats | None:
    """Return the (n_rows,) losses of predictions, lower is better; None where the metric is no mean of them.

    They are NaN where the metric needs probabilities and these are none, and infinite where a prediction has
    no logarithm. R2 is the squared error in units of the variance of the whole y, for each output.
    """
    metric = metric_name(scoring, target)
    if metric is None:
        return None
    _, losses, needs_probabilities = LOSSES[metric]
    if needs_probabilities and spec.kind != "probability":
        return np.full(len(rows), np.nan)
    return losses(target, rows, prediction, spec)
