"""The usual metrics of the stack, of its best member and of the plain average."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn import metrics

from stackit.arrays import Floats
from stackit.report.metric import Metric
from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["usual_metrics"]

MOST_CLASSES_FOR_AREAS = 20


def usual_metrics(scores: Scores) -> dict[str, Any]:
    """Return a table of metrics, whatever the stack was trained for; higher is better in all of them."""
    names = [name for name in (scores.stack, scores.best, scores.average) if name in scores.predictions]
    names = [*dict.fromkeys(name for name in names if name is not None)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        columns = {name: _metrics(scores, name) for name in names}
    return {
        "names": [clean(name) for name in names],
        "metrics": [
            {**Metric(key).to_dict(), "scores": [columns[name][key] for name in names]}
            for key in columns[names[0]]
        ],
    }


def _metrics(scores: Scores, name: str) -> dict[str, float]:
    evidence, rows = scores.evidence, scores.evidence.rows
    prediction, weights = scores.predictions[name][rows], scores.weights[rows]
    if not len(rows):
        return {}
    if evidence.is_classification:
        return _of_classes(evidence.target.codes[rows], prediction, weights)
    y, number = np.asarray(evidence.y, dtype=np.float64)[rows], prediction[:, 0]
    squared = metrics.mean_squared_error(y, number, sample_weight=weights)
    return {
        "neg_root_mean_squared_error": -float(np.sqrt(squared)),
        "neg_mean_absolute_error": -float(metrics.mean_absolute_error(y, number, sample_weight=weights)),
        "neg_median_absolute_error": -float(
            metrics.median_absolute_error(y, number, sample_weight=weights if np.ptp(weights) else None)
        ),
        "r2": float(metrics.r2_score(y, number, sample_weight=weights)) if len(rows) > 1 else float("nan"),
    }


def _of_classes(codes: Any, proba: Floats, weights: Floats) -> dict[str, float]:
    k = proba.shape[1]
    labels, truth = proba.argmax(axis=1), np.eye(k)[codes]
    own = proba[np.arange(len(codes)), codes].clip(np.finfo(np.float64).eps, 1)
    counts = np.bincount(codes * k + labels, weights, minlength=k * k).reshape(k, k)
    right, of_truth, of_labels = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    seen, known = of_truth > 0, of_truth + of_labels > 0
    found = {
        "accuracy": float(right.sum() / counts.sum()),
        "balanced_accuracy": float(np.mean(right[seen] / of_truth[seen])),
        "f1_macro": float(np.mean(2 * right[known] / (of_truth + of_labels)[known])),
        "neg_log_loss": float(np.average(np.log(own), weights=weights)),
        "neg_brier_score": -float(
            np.average(((proba - truth) ** 2).sum(axis=1) / (2 if k == 2 else 1), weights=weights)
        ),
    }
    has_all = len(np.unique(codes)) == k
    if has_all and k == 2:
        area = metrics.roc_auc_score(codes, proba[:, 1], sample_weight=weights)
        precision = metrics.average_precision_score(codes, proba[:, 1], sample_weight=weights)
        found = {"roc_auc": float(area), "average_precision": float(precision), **found}
    elif has_all and k <= MOST_CLASSES_FOR_AREAS:
        areas = [metrics.roc_auc_score(codes == at, proba[:, at], sample_weight=weights) for at in range(k)]
        found = {"roc_auc_ovr": float(np.mean(areas)), **found}
    return found
