"""Pipelines of which the steps before the last can be fitted apart from the last."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from stackit.estimators.metadata_routing import resamples
from stackit.validation import routing_enabled

__all__ = ["has_batched_learner", "is_separable", "learner_of"]


def is_separable(estimator: Any) -> bool:
    """Whether an estimator is a pipeline of which the steps before the last only transform a table.

    Pipelines that keep their steps in a memory, print the time of each, pass metadata on to steps or resample
    rows do more, and are left as they are.

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.preprocessing import StandardScaler
    >>> is_separable(Pipeline([("scale", StandardScaler()), ("ridge", Ridge())])), is_separable(Ridge())
    (True, False)
    """
    if type(estimator) is not Pipeline or len(estimator.steps) < 2:
        return False
    does_more = estimator.memory is not None or estimator.verbose or resamples(estimator)
    routes = routing_enabled() or getattr(estimator, "transform_input", None) is not None
    return not does_more and not routes and hasattr(estimator.steps[-1][1], "fit")


def learner_of(estimator: Any) -> Any:
    """Return the last step of a separable pipeline, also of nested ones; None for all other estimators."""
    learner = None
    while is_separable(estimator):
        learner = estimator = estimator.steps[-1][1]
    return None if type(learner) is Pipeline else learner


def has_batched_learner(estimator: Any) -> bool:
    """Whether the last step of a separable pipeline has ``fit_folds``."""
    return hasattr(learner_of(estimator), "fit_folds")
