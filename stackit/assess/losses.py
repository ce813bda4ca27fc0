"""Losses row by row, for metrics that are their mean: what paired tests compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import get_scorer

from stackit.arrays import Floats
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import PrecomputedEstimator, Scoring
from stackit.target import Target

__all__ = ["LOSSES", "Losses", "loss_name", "metric_name", "row_losses"]

Losses = npt.NDArray[np.float64]
LEAST = float(np.finfo(np.float64).eps)


def _wrong(target: Target, rows: Any, prediction: Floats, spec: PredictionSpec) -> Losses:
    return np.asarray(PrecomputedEstimator(spec).predict(prediction) != target.y[rows], dtype=np.float64)


def _log_loss(target: Target, rows: Any, prediction: Floats, spec: PredictionSpec) -> Losses:
    chances = prediction[np.arange(len(rows)), target.codes[rows]]
    return np.asarray(-np.log(chances.clip(LEAST, 1 - LEAST)))


def _brier(target: Target, rows: Any, prediction: Floats, spec: PredictionSpec) -> Losses:
    truth = np.eye(len(target.classes))[target.codes[rows]]
    scale = 2 if target.kind == "binary" else 1
    return np.asarray(((prediction - truth) ** 2).sum(axis=1) / scale)


def _squared(target: Target, rows: Any, prediction: Floats, spec: PredictionSpec) -> Losses:
    return np.asarray(((prediction - _numbers(target, rows)) ** 2).mean(axis=1))


def _unexplained(target: Target, rows: Any, prediction: Floats, spec: PredictionSpec) -> Losses:
    spread = target.y.reshape(len(target.y), -1).var(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    return np.asarray(((prediction - _numbers(target, rows)) ** 2 / scale).mean(axis=1))


def _absolute(target: Target, rows: Any, prediction: Floats, spec: PredictionSpec) -> Losses:
    return np.asarray(np.abs(prediction - _numbers(target, rows)).mean(axis=1))


def _squared_log(target: Target, rows: Any, prediction: Floats, spec: PredictionSpec) -> Losses:
    truth = _numbers(target, rows)
    known = (prediction > -1) & (
        truth > -1
    )  # where there is no logarithm, the metric refuses the whole column
    logs = [np.log1p(np.where(known, table, 0.0)) for table in (prediction, truth)]
    return np.asarray(np.where(known, (logs[0] - logs[1]) ** 2, np.inf).mean(axis=1))


def _numbers(target: Target, rows: Any) -> Floats:
    return np.asarray(target.y[rows], dtype=np.float64).reshape(len(rows), -1)


# How the loss is called, how a row's is computed, and whether it needs probabilities.
LOSSES: dict[str, tuple[str, Callable[[Target, Any, Floats, PredictionSpec], Losses], bool]] = {
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
    """Return scikit-learn's name of a metric that is a mean of row losses (or its root), None for others.

    Parameters
    ----------
    scoring : str, callable or None
        A scorer or its name; None is accuracy for classes and R2 for numbers.
    target : Target
        What is predicted.

    Examples
    --------
    >>> from stackit.target import classification_target
    >>> target = classification_target([0, 1])
    >>> metric_name(None, target), metric_name(get_scorer("neg_log_loss"), target)
    ('accuracy', 'neg_log_loss')
    >>> metric_name("roc_auc", target) is None
    True
    """
    if scoring is None:
        return "accuracy" if target.is_classification else "r2"
    if isinstance(scoring, str):
        return scoring if scoring in LOSSES else None
    same = [name for name in LOSSES if repr(get_scorer(name)) == repr(scoring)]
    return same[0] if same else None


def loss_name(scoring: Scoring, target: Target) -> str:
    """Return what the loss, or the score where there is no loss a row, is called in a sentence."""
    metric = metric_name(scoring, target)
    return LOSSES[metric][0] if metric else (scoring if isinstance(scoring, str) else "score")


def row_losses(
    target: Target, rows: Any, prediction: Floats, spec: PredictionSpec, scoring: Scoring = None
) -> Losses | None:
    """Return the loss of each row, where the metric is a mean of such losses or the root of one.

    Log loss, Brier score, absolute and squared (log) error are themselves, accuracy counts a wrong label as
    1; R2 is the squared error in units of the variance of the whole y, for each output.

    Parameters
    ----------
    target : Target
        The true values of all rows.
    rows : (n_rows,) array of int
        Which rows are predicted.
    prediction : (n_rows, width) array
        Their predictions.
    spec : PredictionSpec
        How they were made.
    scoring : str, callable or None
        The metric.

    Returns
    -------
    (n_rows,) array or None
        Lower is better; NaN where the metric needs probabilities and the predictions are none; infinite where
        there is no logarithm of what was predicted; None for metrics that are no mean over rows, such as the
        area under the curve.
    """
    metric = metric_name(scoring, target)
    if metric is None:
        return None
    _, losses, needs_probabilities = LOSSES[metric]
    if needs_probabilities and spec.kind != "probability":
        return np.full(len(rows), np.nan)
    return losses(target, rows, prediction, spec)
