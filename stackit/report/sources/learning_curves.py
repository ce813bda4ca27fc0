"""The learning curves of nets, from the fold estimators of a run that are fitted already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from stackit.results.estimator_result import EstimatorResult
from stackit.results.lazy_estimators import LazyFoldEstimators

__all__ = ["first_estimators", "learning_curves"]


def learning_curves(results: Mapping[str, EstimatorResult]) -> dict[str, pd.DataFrame]:
    """Return the losses per epoch of members that record them; nothing is fitted for it."""
    curves = {}
    for name, result in results.items():
        found = [
            {"split": split, **record}
            for split, estimator in enumerate(_fitted(result))
            for record in _history_of(estimator)
        ]
        if found:
            curves[name] = _with_epochs(pd.DataFrame(found))
    return curves


def first_estimators(results: Mapping[str, EstimatorResult]) -> dict[str, Any]:
    """Return the estimator of the first fold of each member that has one without another fit."""
    fitted = {name: _fitted(result) for name, result in results.items()}
    return {name: estimators[0] for name, estimators in fitted.items() if estimators}


def _fitted(result: EstimatorResult) -> list[Any]:
    estimators = result.fold_estimators
    if isinstance(estimators, LazyFoldEstimators) and estimators.n_missing:
        return []
    return list(estimators)


def _history_of(estimator: Any) -> list[dict[str, float]]:
    """Return the records of a net, also at the end of a pipeline."""
    steps = getattr(estimator, "steps", None)
    inner = steps[-1][1] if steps else estimator
    history = getattr(inner, "history_", None)
    return history if isinstance(history, list) else []


def _with_epochs(records: pd.DataFrame) -> pd.DataFrame:
    keys = [key for key in ("split", "network") if key in records]
    if "epoch" not in records:
        records.insert(len(keys), "epoch", records.groupby(keys).cumcount() + 1)
    return records
