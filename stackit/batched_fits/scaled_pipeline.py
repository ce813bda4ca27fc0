"""A Pipeline of a StandardScaler and an estimator on all folds."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, held_out_parts
from stackit.batched_fits.registry import registered_fits
from stackit.batched_fits.scaling import Scaling, fit_scalers
from stackit.validation import routing_enabled

__all__ = ["BATCHED", "is_scaled"]


def fit_scaled(estimator: Pipeline, request: BatchedRequest) -> BatchedResult | None:
    """Fit a Pipeline of a StandardScaler and an estimator that can be batched behind it.

    The estimator gets the shifts and scales of the columns in each split instead of K scaled tables. Weights
    are for the last step, as in the plain loop.
    """
    repeats = held_out_parts(request.folds)
    if repeats is None or not _is_covered(estimator, request):
        return None
    scaler, last = (step for _, step in estimator.steps)
    scalers = fit_scalers(scaler, request.X, repeats)
    result = registered_fits(type(last), "SCALED")[type(last)](last, request, Scaling.of(scalers))
    if result is None:
        return None
    fitted = [_with_steps(estimator, *steps) for steps in zip(scalers, result.estimators, strict=True)]
    return BatchedResult(fitted, result.held_out, result.test)


BATCHED: dict[type, BatchedFit] = {Pipeline: fit_scaled}


def is_scaled(estimator: Pipeline) -> bool:
    """Whether a pipeline is a scaler with array output and an estimator that can be batched behind it."""
    steps = [step for _, step in estimator.steps]
    if len(steps) != 2 or type(steps[0]) is not StandardScaler:
        return False
    if type(steps[1]) not in registered_fits(type(steps[1]), "SCALED"):
        return False
    return not any(hasattr(step, "_sklearn_output_config") for step in steps)


def _is_covered(estimator: Pipeline, request: BatchedRequest) -> bool:
    if not is_scaled(estimator):
        return False
    scaler = estimator.steps[0][1]
    unusual = (estimator.memory, getattr(estimator, "transform_input", None), estimator.verbose or None)
    is_weighted = request.sample_weight is not None
    return (
        all(setting is None for setting in unusual)
        and all(type(value) is bool for value in scaler.get_params().values())
        and scaler.copy
        and not (is_weighted and routing_enabled())
    )


def _with_steps(estimator: Pipeline, *steps: Any) -> Pipeline:
    """Return the pipeline with fitted steps."""
    fitted = clone(estimator)
    fitted.steps = [(name, step) for (name, _), step in zip(estimator.steps, steps, strict=True)]
    return fitted
