"""The errors of the stack: a confusion matrix for classes, residuals for numbers, and the worst rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["errors"]

MOST_CLASSES = 12
N_BINS = 12
N_WORST = 10
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def errors(scores: Scores) -> dict[str, Any]:
    """Return the confusion matrix or the residuals of the stack, and the rows of the largest losses."""
    found = _confusion(scores) if scores.evidence.is_classification else _residuals(scores)
    return found | {"worst_rows": _worst_rows(scores)}


def _confusion(scores: Scores) -> dict[str, Any]:
    """Return the counts of predicted labels per true class, of the most frequent classes."""
    evidence, rows = scores.evidence, scores.evidence.rows
    classes = evidence.target.classes
    codes, labels = evidence.target.codes[rows], scores.predictions[scores.stack][rows].argmax(axis=1)
    k = len(classes)
    counts = np.bincount(codes * k + labels, minlength=k * k).reshape(k, k)
    truth, predicted, right = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts)
    order = np.sort(np.argsort(-truth, kind="stable")[:MOST_CLASSES])
    return {
        "kind": "confusion",
        "classes": [clean(classes[at]) for at in order],
        "counts": counts[np.ix_(order, order)],
        "n_classes_left_out": k - len(order),
        "by_class": [
            {
                "name": clean(classes[at]),
                "rows": truth[at],
                "recall": right[at] / truth[at] if truth[at] else None,
                "precision": right[at] / predicted[at] if predicted[at] else None,
            }
            for at in order
        ],
        "accuracy": float(right.sum() / max(1, len(rows))),
    }


def _residuals(scores: Scores) -> dict[str, Any]:
    """Return quantiles of the residuals in bins of predictions, and their histogram."""
    evidence, rows = scores.evidence, scores.evidence.rows
    predicted = scores.predictions[scores.stack][rows, 0]
    residuals = np.asarray(evidence.y, dtype=np.float64)[rows] - predicted
    bins = np.array_split(np.argsort(predicted, kind="stable"), min(N_BINS, max(1, len(rows) // 5)))
    low, high = np.quantile(residuals, [0.005, 0.995])
    heights, edges = np.histogram(residuals.clip(low, high), 24, (low, high) if high > low else None)
    return {
        "kind": "residuals",
        "bands": [
            {"predicted": float(predicted[part].mean()), "rows": len(part), **_quantiles(residuals[part])}
            for part in bins
        ],
        "histogram": {"edges": edges, "rows": heights},
        "mean": residuals.mean(),
        "std": residuals.std(),
        "quantiles": _quantiles(residuals),
    }


def _quantiles(values: Floats) -> dict[str, float]:
    found = np.quantile(values, QUANTILES)
    return {f"q{100 * at:02.0f}": float(value) for at, value in zip(QUANTILES, found, strict=True)}


def _worst_rows(scores: Scores) -> dict[str, Any]:
    """Return the rows with the largest losses of the stack, with truth and prediction."""
    evidence = scores.evidence
    loss, losses = scores.losses(scores.stack)
    known = np.flatnonzero(np.isfinite(losses))
    worst = known[np.argsort(-losses[known], kind="stable")[:N_WORST]]
    prediction = scores.predictions[scores.stack]
    index = None if evidence.X is None else evidence.X.index
    rows = []
    for at in worst:
        row = {"row": clean(at if index is None else index[at]), "loss": losses[at]}
        if evidence.is_classification:
            label = evidence.target.classes[prediction[at].argmax()]
            own = prediction[at, evidence.target.codes[at]]
            row |= {"truth": clean(evidence.y[at]), "predicted": clean(label), "probability_of_truth": own}
        else:
            row |= {"truth": float(evidence.y[at]), "predicted": prediction[at, 0]}
        rows.append(row)
    return {"loss": loss, "rows": rows}
