"""A Pipeline of a StandardScaler and an estimator on all folds."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, parts_of
from stackit.batched_fits.registry import registered_fits
from stackit.batched_fits.scaling import Scaling, fit_scalers
from stackit.validation import routing_enabled

__all__ = ["SHARED", "is_scaled"]


def share_scaled(estimator: Pipeline, request: BatchedRequest) -> BatchedResult | None:
    """Fit a Pipeline of a StandardScaler and an estimator that can be shared behind it.

    The scalers' means and squares add up over parts; the estimator gets shifts and scales of the columns
    in each split instead of K scaled tables. Weights are for the last step, as the plain loop has it.

    Parameters
    ----------
    estimator : Pipeline
        Not changed.
    request : Request
        What the plain loop would get.

    Returns
    -------
    Shared or None
        None where the plain loop must do it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from stackit import make_folds
    >>> X = np.arange(12.0).reshape(6, 2) ** 2
    >>> folds = make_folds(X[:, 0], scheme="kfold", n_splits=3, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), Ridge())
    >>> shared = share_scaled(pipeline, BatchedRequest(X, X[:, 0], folds, "predict"))
    >>> train, held_out = folds.splits[0]
    >>> np.allclose(shared.held_out[0], pipeline.fit(X[train], X[train, 0]).predict(X[held_out]))
    True
    """
    repeats = parts_of(request.folds)
    if repeats is None or not _is_covered(estimator, request):
        return None
    scaler, last = (step for _, step in estimator.steps)
    scalers = fit_scalers(scaler, request.X, repeats)
    shared = registered_fits(type(last), "SCALED")[type(last)](last, request, Scaling.of(scalers))
    if shared is None:
        return None
    fitted = [_joined(estimator, *steps) for steps in zip(scalers, shared.estimators, strict=True)]
    return BatchedResult(fitted, shared.held_out, shared.test)


SHARED: dict[type, BatchedFit] = {Pipeline: share_scaled}


def is_scaled(estimator: Pipeline) -> bool:
    """Whether a pipeline is a scaler and an estimator that can be shared behind it, handing arrays on.

    Examples
    --------
    >>> from sklearn.linear_model import Lasso, Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> [is_scaled(make_pipeline(StandardScaler(), last)) for last in (Ridge(), Lasso())]
    [True, False]
    """
    steps = [step for _, step in estimator.steps]
    if len(steps) != 2 or type(steps[0]) is not StandardScaler:
        return False
    if type(steps[1]) not in registered_fits(type(steps[1]), "SCALED"):
        return False
    return not any(hasattr(step, "_sklearn_output_config") for step in steps)


def _is_covered(estimator: Pipeline, request: BatchedRequest) -> bool:
    if not is_scaled(estimator):
        return False
    steps = [step for _, step in estimator.steps]
    unusual = (estimator.memory, getattr(estimator, "transform_input", None), estimator.verbose or None)
    weighted = request.sample_weight is not None
    return (
        all(setting is None for setting in unusual)
        and all(type(value) is bool for value in steps[0].get_params().values())
        and steps[0].copy
        and not (weighted and routing_enabled())
    )


def _joined(estimator: Pipeline, scaler: StandardScaler, last: Any) -> Pipeline:
    """Return the pipeline with its steps fitted."""
    fitted = clone(estimator)
    names = [name for name, _ in estimator.steps]
    fitted.steps = list(zip(names, (scaler, last), strict=True))
    return fitted
