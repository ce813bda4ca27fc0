"""How good the networks are alone, and what the stack makes of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import log_loss

from competitions.mnist.lineup import final_estimator
from stackit import OutOfFold, out_of_fold
from stackit.combine import MeanClassifier

__all__ = ["Scores", "alone", "score", "stacked"]

Scores = dict[str, dict[str, float]]


def score(y: Any, probabilities: Any) -> dict[str, float]:
    """Return accuracy and log loss of (n, 10) probabilities."""
    table = np.asarray(probabilities)
    accuracy = np.mean(table.argmax(axis=1) == y)
    return {"accuracy": float(accuracy), "loss": float(log_loss(y, table, labels=range(10)))}


def alone(net: Any, tables: list[Any], path: Path) -> dict[str, Any]:
    """Train a network on all training images, and return its scores, history and seconds.

    The test images are watched, and decide nothing. What is found is written to `path`; where it is there
    already, for a network of the same parameters and as many
    images, it is read.
    """
    params = json.loads(json.dumps({**net.get_params(), "n_images": len(tables[1])}))
    if path.is_file() and (known := json.loads(path.read_text(encoding="utf-8")))["params"] == params:
        return dict(known)
    X, y, X_test, y_test = tables
    started = time.perf_counter(), time.process_time()
    net.fit(X, y, X_val=X_test, y_val=y_test)
    found = score(y_test, net.predict_proba(X_test)) | {
        "parameters": net.network_.n_parameters,
        "seconds": round(time.perf_counter() - started[0], 1),
        "seconds of a core": round(time.process_time() - started[1], 1),
        "history": net.history_,
        "params": params,
    }
    path.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return found


def stacked(oof: OutOfFold, y: Any, y_test: Any) -> dict[str, Scores]:
    """Return the scores of base estimators, their average and the stack: out of fold, and on the test.

    The final estimator is cross-fitted over the folds of the base estimators, and the average of those of the
    folds predicts the test.
    """
    finals = [("average", MeanClassifier()), ("stack", final_estimator())]
    second = out_of_fold(finals, oof.meta_train, y, oof.meta_test, cv=oof.folds, n_jobs=1)
    return {
        "out of fold": _by_name(y, [oof.meta_train, second.meta_train]),
        "test": _by_name(y_test, [oof.meta_test, second.meta_test]),
    }


def _by_name(y: Any, tables: list[Any]) -> Scores:
    """Return the scores of each estimator that has columns in the tables."""
    found = {}
    for table in tables:
        for name in dict.fromkeys(column.rpartition("__")[0] for column in table):
            found[name] = score(y, table[[f"{name}__{digit}" for digit in range(10)]])
    return found
