"""Calibration: how often what is predicted with some probability happens, or what numbers turn out to be."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["calibration"]

N_BINS = 10


def calibration(scores: Scores) -> dict[str, Any] | None:
    """Return what was predicted and what happened in ten bins of as many rows, and the mean gap.

    For two classes the prediction is the probability of the second one, for more that of the most probable
    class, and for numbers the number.
    """
    rows = scores.evidence.rows
    if len(rows) < 2 * N_BINS:
        return None
    shown = [name for name in (scores.stack, scores.best, scores.average) if name in scores.predictions]
    curves = {name: _curve(*_predicted_and_true(scores, name)) for name in [*shown, *scores.names]}
    return {
        "what": _what(scores),
        "curves": [
            {"name": clean(name), "points": curves[name]} for name in dict.fromkeys(shown) if name is not None
        ],
        "gaps": [{"name": clean(name), "gap": _gap(points)} for name, points in curves.items()],
    }


def _what(scores: Scores) -> str:
    evidence = scores.evidence
    if evidence.task == "binary":
        return f"the probability of {clean(evidence.target.classes[1])!r}"
    return "the probability of the most probable class" if evidence.is_classification else "the number"


def _predicted_and_true(scores: Scores, name: str) -> tuple[Floats, Floats, Floats]:
    evidence, rows = scores.evidence, scores.evidence.rows
    prediction, weights = scores.predictions[name][rows], scores.weights[rows]
    if not evidence.is_classification:
        return prediction[:, 0], np.asarray(evidence.y, dtype=np.float64)[rows], weights
    codes = evidence.target.codes[rows]
    if evidence.task == "binary":
        return prediction[:, 1], (codes == 1).astype(np.float64), weights
    top = prediction.argmax(axis=1)
    return prediction.max(axis=1), (top == codes).astype(np.float64), weights


def _curve(predicted: Floats, true: Floats, weights: Floats) -> list[dict[str, float]]:
    """Return the bins, each with its mean prediction, mean outcome, standard error and number of rows."""
    order = np.argsort(predicted, kind="stable")
    points = []
    for part in np.array_split(order, N_BINS):
        weight = weights[part]
        if not weight.sum() > 0:
            continue
        mean = float(np.average(true[part], weights=weight))
        spread = float(np.average((true[part] - mean) ** 2, weights=weight))
        points.append(
            {
                "predicted": float(np.average(predicted[part], weights=weight)),
                "observed": mean,
                "standard_error": float(np.sqrt(spread * (weight**2).sum()) / weight.sum()),
                "rows": len(part),
            }
        )
    return points


def _gap(points: list[dict[str, float]]) -> float:
    """Return the mean distance of outcome and prediction over the bins, weighted by their rows."""
    distances = [abs(point["observed"] - point["predicted"]) for point in points]
    return float(np.average(distances, weights=[point["rows"] for point in points]))
