"""The correlation of the members' errors: members that err alike add little to each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.report.sample import sample_rows
from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["diversity"]

MOST_MEMBERS = 30
MOST_CELLS = 400_000


def diversity(scores: Scores) -> dict[str, Any] | None:
    """Return the (k, k) correlation of errors, and of each member the one that errs most like it."""
    names = scores.names[:MOST_MEMBERS]
    if len(names) < 2:
        return None
    width = scores.predictions[names[0]].shape[1]
    rows = sample_rows(scores.evidence.rows, max(1000, MOST_CELLS // width))
    table = _correlation(np.stack([_errors(scores, name)[rows].ravel() for name in names]))
    others = np.where(np.eye(len(names), dtype=bool), -np.inf, np.nan_to_num(table, nan=-1.0))
    nearest = others.argmax(axis=1)
    between = table[np.triu_indices(len(names), 1)]
    shown = [clean(name) for name in names]
    return {
        "names": shown,
        "correlation": table,
        "mean_correlation": float(np.nanmean(between)) if np.isfinite(between).any() else None,
        "nearest": [
            {"name": name, "nearest": shown[at], "correlation": table[i, at]}
            for i, (name, at) in enumerate(zip(shown, nearest, strict=True))
        ],
        "n_rows": len(rows),
        "is_sample": len(rows) < len(scores.evidence.rows),
        "n_members_left_out": len(scores.names) - len(names),
    }


def _errors(scores: Scores, name: str) -> Floats:
    """Return the (n, width) errors: truth less prediction, for classes 1 or 0 less the probability."""
    evidence, prediction = scores.evidence, scores.predictions[name]
    if not evidence.is_classification:
        return np.asarray(evidence.y, dtype=np.float64)[:, np.newaxis] - prediction
    own = evidence.target.codes[:, np.newaxis] == np.arange(prediction.shape[1])
    return np.asarray(own - prediction)


def _correlation(errors: Floats) -> Floats:
    centered = errors - errors.mean(axis=1, keepdims=True)
    scale = np.sqrt((centered**2).sum(axis=1))
    scale = np.where(scale > 0, scale, np.nan)
    return np.asarray(centered @ centered.T / np.outer(scale, scale))
