"""Predictions of new rows by fold estimators that share preparations: each is applied once."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import joblib
import numpy as np
from sklearn.pipeline import Pipeline

from stackit.arrays import Floats
from stackit.estimators.label_encoding.wrappers import LabelEncodedClassifier
from stackit.results.oof import OutOfFold
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings

__all__ = ["predict_members"]


def predict_members(oof: OutOfFold, names: Collection[str], X: Any) -> dict[str, Floats]:
    """Return the (m, width) predictions of some members, averaged over folds.

    In a fold, preparations are equal where a hash of their content is.
    """
    found: dict[str, list[Floats]] = {name: [] for name in names}
    repeats = RepeatedWarnings("predictions")
    for split, place in enumerate(oof.folds.labels):
        prepared: dict[str, Any] = {}  # of one fold only: tables of new rows may be large
        for name in names:
            estimator, table = _behind_preparation(oof[name].fold_estimators[split], X, prepared)
            with record_warnings() as caught:
                found[name].append(oof[name].spec.predict_readonly(estimator, table, place))
            repeats.add(caught, name)
    repeats.warn()
    return {name: np.asarray(np.mean(predictions, axis=0)) for name, predictions in found.items()}


def _behind_preparation(estimator: Any, X: Any, prepared: dict[str, Any]) -> tuple[Any, Any]:
    """Return an estimator without its first step, and the table that this step makes of X."""
    if isinstance(estimator, LabelEncodedClassifier):
        inner, table = _behind_preparation(estimator.estimator, X, prepared)
        if inner is estimator.estimator:
            return estimator, X
        bare = copy.copy(estimator)
        bare.estimator = inner
        return bare, table
    if not isinstance(estimator, Pipeline) or len(estimator.steps) < 2:
        return estimator, X
    (name, preparation), *rest = estimator.steps
    key = joblib.hash(preparation)
    if key not in prepared:
        prepared[key] = preparation.transform(X)
    bare = copy.copy(estimator)
    bare.steps = [(name, "passthrough"), *rest]
    return bare, prepared[key]
