"""Ranking: the ROC curve of two classes, and the precision-recall curve where the positive class is rare."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from stackit.arrays import Floats
from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["ranking"]

MOST_POINTS = 41
RARE = 0.25


def ranking(scores: Scores) -> dict[str, Any] | None:
    """Return the curves of the stack and its best member; None unless rows of two classes are scored."""
    evidence, rows = scores.evidence, scores.evidence.rows
    if evidence.task != "binary" or len(np.unique(evidence.target.codes[rows])) < 2:
        return None
    truth, weights = evidence.target.codes[rows] == 1, scores.weights[rows]
    share = float(np.average(truth, weights=weights))
    shown = {
        name: scores.predictions[name][rows, 1]
        for name in (scores.stack, scores.best)
        if name is not None and name in scores.predictions
    }
    return {
        "positive": clean(evidence.target.classes[1]),
        "share": share,
        "roc": [_roc(clean(name), truth, proba, weights) for name, proba in shown.items()],
        "precision_recall": [
            _precision_recall(clean(name), truth, proba, weights) for name, proba in shown.items()
        ]
        if share < RARE
        else None,
    }


def _roc(name: str, truth: Any, proba: Floats, weights: Floats) -> dict[str, Any]:
    """Return the area and the curve, at equal steps along it."""
    false, true, thresholds = roc_curve(truth, proba, sample_weight=weights)
    kept = _spread(false + true)
    columns = {"false_positive_rate": false, "true_positive_rate": true, "threshold": thresholds}
    area = float(roc_auc_score(truth, proba, sample_weight=weights))
    return {"name": name, "area": area, "points": _points(columns, kept)}


def _precision_recall(name: str, truth: Any, proba: Floats, weights: Floats) -> dict[str, Any]:
    """Return the average precision and the curve, at equal steps of recall."""
    precision, recall, thresholds = precision_recall_curve(truth, proba, sample_weight=weights)
    precision, recall, thresholds = precision[-2::-1], recall[-2::-1], thresholds[::-1]
    kept = _spread(recall)
    columns = {"recall": recall, "precision": precision, "threshold": thresholds}
    average = float(average_precision_score(truth, proba, sample_weight=weights))
    return {"name": name, "average_precision": average, "points": _points(columns, kept)}


def _spread(ascending: Floats) -> Any:
    """Return the first place at or above each of equal steps, with both ends."""
    steps = np.linspace(ascending[0], ascending[-1], MOST_POINTS)
    return np.unique(np.searchsorted(ascending, steps).clip(max=len(ascending) - 1))


def _points(columns: dict[str, Floats], kept: Any) -> list[dict[str, float]]:
    rows = zip(*(values[kept].tolist() for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
