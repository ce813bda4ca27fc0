"""What was predicted from what: the target, the rows, the folds."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackit.report.evidence import Evidence
from stackit.report.metric import Metric
from stackit.report.text import clean

__all__ = ["data"]

MOST_CLASSES = 50


def data(evidence: Evidence) -> dict[str, Any]:
    """Return the task, the metric, the numbers of rows and columns, the target and the folds."""
    n_columns = None if evidence.X is None else evidence.X.shape[1]
    return {
        "task": evidence.task,
        "metric": Metric(evidence.scoring).to_dict(),
        "n_rows": len(evidence.y),
        "n_scored_rows": len(evidence.rows),
        "n_test_rows": None if evidence.X_test is None else len(evidence.X_test),
        "n_columns": n_columns,
        "n_members": len(evidence.members),
        "n_groups": None if evidence.groups is None else len(np.unique(evidence.groups)),
        "is_weighted": evidence.sample_weight is not None,
        "combiner": clean(evidence.combiner),
        "target": _target(evidence),
        "folds": _folds(evidence),
    }


def _target(evidence: Evidence) -> dict[str, Any]:
    target = evidence.target
    if evidence.is_classification:
        counts = np.bincount(target.codes, minlength=len(target.classes))
        order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        return {
            "n_classes": len(target.classes),
            "classes": [
                {"name": clean(target.classes[at]), "rows": counts[at], "share": counts[at] / len(evidence.y)}
                for at in order
            ],
        }
    y = np.asarray(evidence.y, dtype=np.float64)
    low, median, high = np.quantile(y, [0, 0.5, 1])
    return {"mean": y.mean(), "std": y.std(), "min": low, "median": median, "max": high}


def _folds(evidence: Evidence) -> dict[str, Any] | None:
    folds = evidence.folds
    if folds is None:
        return None
    sizes = [len(held_out) for _, held_out in folds.splits]
    return {
        "scheme": clean(folds.metadata.get("scheme", "given")),
        "n_splits": len(folds.splits) // folds.n_repeats,
        "n_repeats": folds.n_repeats,
        "smallest": min(sizes),
        "largest": max(sizes),
        "digest": folds.digest,
    }
