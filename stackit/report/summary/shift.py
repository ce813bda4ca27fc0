"""The shift between training and test rows: columns and predictions that differ most."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from stackit.arrays import Floats, Rows
from stackit.report.binned_columns import MOST_ROWS
from stackit.report.evidence import Evidence
from stackit.report.text import clean

__all__ = ["column_shifts", "shift"]

MOST_SHOWN = 15
LEVEL = 0.05
NOTABLE = 0.1  # shifts of less than a tenth of the rows are not shown as such


def shift(evidence: Evidence) -> dict[str, Any] | None:
    """Return how much each column differs between training and test rows, and the predictions."""
    if evidence.X is None or evidence.X_test is None:
        return None
    found = column_shifts(evidence)
    limit = LEVEL / max(1, len(found))
    columns = [{**one, "is_shifted": one["p_value"] < limit and one["distance"] > NOTABLE} for one in found]
    return {
        "columns": columns[:MOST_SHOWN],
        "n_columns": len(found),
        "n_shifted": sum(one["is_shifted"] for one in columns),
        "predictions": _of_predictions(evidence),
        "n_rows": min(MOST_ROWS, len(evidence.X)),
        "n_test_rows": min(MOST_ROWS, len(evidence.X_test)),
        "is_sample": max(len(evidence.X), len(evidence.X_test)) > MOST_ROWS,
    }


def column_shifts(evidence: Evidence) -> list[dict[str, Any]]:
    """Return for each column in both tables the distance of its shares in bins, the largest first.

    The distance is the total variation: the share of rows that would have to move to another bin. The p-value
    is that of the chi-squared test of equal shares.
    """
    binned = evidence.binned_columns
    if binned is None or evidence.X_test is None or not len(binned.rows) or not len(evidence.X_test):
        return []
    tests = binned.codes_of(evidence.X_test)
    found = [
        {"column": clean(one.name), **_distance(one.codes, tests[one.name], one.bins.labels)}
        for one in binned.columns
        if one.name in tests
    ]
    return sorted(found, key=lambda one: -one["distance"])


def _distance(train: Rows, test: Rows, labels: list[str]) -> dict[str, Any]:
    counts = [np.bincount(codes, minlength=len(labels)).astype(np.float64) for codes in (train, test)]
    shares = [each / each.sum() for each in counts]
    difference = shares[1] - shares[0]
    at = int(np.abs(difference).argmax())
    return {
        "distance": float(np.abs(difference).sum() / 2),
        "p_value": _p_value(counts),
        "largest": labels[at],
        "train_share": shares[0][at],
        "test_share": shares[1][at],
    }


def _p_value(counts: list[Floats]) -> float:
    """Return the p-value of the chi-squared test that two tables of counts have the same shares."""
    table = np.array(counts)[:, np.sum(counts, axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(stats.chi2.sf(((table - expected) ** 2 / expected).sum(), table.shape[1] - 1))


def _of_predictions(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the mean prediction of the stack out of fold and on the test rows, per class."""
    test = evidence.test_stack
    if test is None or not len(test):
        return []
    own = evidence.stack[evidence.rows]
    if not evidence.is_classification:
        return [{"name": "mean prediction", "train": own.mean(), "test": test.mean()}]
    if test.ndim != 2:
        return []
    classes = evidence.target.classes
    order = np.argsort(-own.mean(axis=0), kind="stable")[:MOST_SHOWN]
    return [
        {"name": clean(classes[at]), "train": own[:, at].mean(), "test": test[:, at].mean()} for at in order
    ]
