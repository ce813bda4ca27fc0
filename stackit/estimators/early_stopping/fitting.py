"""Which estimators stop early, and how validation rows are passed to their fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from inspect import isfunction, signature
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import has_fit_parameter

from stackit.estimators.metadata_routing import resamples
from stackit.estimators.named_estimators import inner_estimators
from stackit.validation import routing_enabled

__all__ = [
    "LARGE",
    "ValidationSet",
    "fit_with_validation",
    "has_eval_set",
    "has_internal_split",
    "last_step",
    "needs_encoded_labels",
    "parts_of",
    "uses_validation_set",
]

# Parameters of gradient boosting libraries: the number of rounds without progress after which they stop.
ROUNDS = ("early_stopping_rounds", "early_stopping_round", "early_stopping", "n_iter_no_change")
LARGE = 10_000  # with more rows, early_stopping="auto" is on, as in scikit-learn


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """Rows that an estimator is not fitted on, but that decide when it stops.

    `y` is their target as the estimator gets it; `params` are the fit parameters of these rows, such as
    weights.
    """

    X: Any
    y: npt.NDArray[Any]
    params: dict[str, Any]


def fit_with_validation(
    estimator: Any, X: Any, y: Any, params: dict[str, Any], validation: ValidationSet | None = None
) -> Any:
    """Fit an estimator in place, with a validation set where it has one, and return it.

    In a pipeline, the steps before the last are fitted without the validation rows and then transform them.
    """
    if validation is None:
        estimator.fit(X, y, **params)  # not every fit returns the estimator
        return estimator
    if isinstance(estimator, Pipeline):
        return _fit_pipeline(estimator, X, y, params, validation)
    extra = _validation_params(estimator, validation, params)
    if getattr(estimator, "early_stopping", None) != "auto":
        estimator.fit(X, y, **extra, **params)
        return estimator
    # Without its validation rows, a training part may be too small for "auto" to be on.
    estimator.set_params(early_stopping=True)
    estimator.fit(X, y, **extra, **params)
    estimator.set_params(early_stopping="auto")
    return estimator


def uses_validation_set(estimator: Any, n_train: int) -> bool:
    """Whether an estimator (of a pipeline, its last step) is set to stop early on rows passed to its fit.

    Its fit has ``eval_set`` (xgboost, lightgbm), or ``X_val`` and ``y_val`` (scikit-learn's histogram
    gradient boosting). The number of training rows decides where ``early_stopping="auto"``.
    """
    own = getattr(type(estimator), "fit", None)
    if own is not None and "fit" not in getattr(estimator, "__dict__", {}) and not _takes_rows(own):
        return False
    if has_fit_parameter(estimator, "eval_set"):
        return _stops_by_rounds(estimator)
    if not (has_fit_parameter(estimator, "X_val") and has_fit_parameter(estimator, "y_val")):
        return False
    return _is_on(getattr(estimator, "early_stopping", False), n_train) and not _on_training_loss(estimator)


@lru_cache(256)
def _takes_rows(fit: Any) -> bool:
    """Whether a fit method could take validation rows; cached per method."""
    return not isfunction(fit) or not {"eval_set", "X_val"}.isdisjoint(signature(fit).parameters)


def has_internal_split(estimator: Any, n_train: int) -> bool:
    """Whether an estimator stops early on a random split that it makes itself."""
    if isinstance(estimator, FrozenEstimator) or _on_training_loss(estimator):
        return False
    if not hasattr(estimator, "validation_fraction"):
        return False
    if hasattr(estimator, "early_stopping"):
        return _is_on(estimator.early_stopping, n_train)
    return getattr(estimator, "n_iter_no_change", None) is not None


def needs_encoded_labels(estimator: Any) -> bool:
    """Whether an estimator needs the labels of validation rows as 0, 1, 2, ..."""
    return bool(has_fit_parameter(last_step(estimator), "eval_set"))


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, also of nested ones; any other estimator itself."""
    while isinstance(estimator, Pipeline) and not resamples(estimator):
        estimator = estimator.steps[-1][1]
    return estimator


def parts_of(estimator: Any) -> Iterator[Any]:
    """Yield the estimators inside one of scikit-learn's, at any depth.

    Estimators of other libraries, such as a nested stack, handle their parts themselves; only pipelines with
    a resampler, which are from another library, are searched.
    """
    known = type(estimator).__module__.startswith("sklearn.") or resamples(estimator)
    if isinstance(estimator, FrozenEstimator) or not known:
        return
    for member in inner_estimators(estimator):
        yield member
        yield from parts_of(member)


def has_eval_set(params: Any) -> bool:
    """Whether the caller passes validation rows among the fit parameters."""
    return any(name.split("__")[-1] in ("eval_set", "eval_X", "X_val") for name in params)


def _stops_by_rounds(estimator: Any) -> bool:
    params = estimator.get_params() if hasattr(estimator, "get_params") else vars(estimator)
    rounds = [params.get(name) for name in ROUNDS]
    callbacks = [type(callback).__name__ for callback in params.get("callbacks") or ()]
    return "EarlyStopping" in callbacks or any(isinstance(n, int | np.integer) and n > 0 for n in rounds)


def _is_on(early_stopping: Any, n_train: int) -> bool:
    return n_train > LARGE if isinstance(early_stopping, str) else bool(early_stopping)


def _on_training_loss(estimator: Any) -> bool:
    return getattr(estimator, "validation_fraction", 0.1) is None


def _validation_params(estimator: Any, validation: ValidationSet, params: dict[str, Any]) -> dict[str, Any]:
    """Return the validation rows and their weights under the names that the estimator's fit has for them."""
    takes = partial(has_fit_parameter, estimator)
    if takes("eval_X"):  # lightgbm since 4.7, where eval_set warns
        extra: dict[str, Any] = {"eval_X": validation.X, "eval_y": validation.y}
    elif takes("eval_set"):
        extra = {"eval_set": [(validation.X, validation.y)]}
    else:
        extra = {"X_val": validation.X, "y_val": validation.y}
    weight = validation.params.get("sample_weight")
    if weight is not None:
        given = {
            "sample_weight_val": weight,
            "eval_sample_weight": [weight],
            "sample_weight_eval_set": [weight],
        }
        extra |= {name: values for name, values in given.items() if takes(name)}
    return extra | _quiet(estimator, params)


def _quiet(estimator: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Return fit parameters that keep an estimator from printing each round, unless it is set to."""
    if not has_fit_parameter(estimator, "eval_set"):
        return {}
    if has_fit_parameter(estimator, "verbose"):  # xgboost
        return {} if "verbose" in params else {"verbose": (estimator.get_params().get("verbosity") or 0) > 1}
    if not {"verbose", "verbosity"} & estimator.get_params().keys():  # lightgbm, which has no other way
        estimator.set_params(verbosity=-1)
    return {}


def _fit_pipeline(
    pipeline: Pipeline, X: Any, y: Any, params: dict[str, Any], validation: ValidationSet
) -> Pipeline:
    """Fit the steps before the last, then the last step on the rows that they transform."""
    front, (name, last) = pipeline[:-1], pipeline.steps[-1]
    if front.steps:
        X = front.fit_transform(X, y, **_for_front(front, name, params))
        validation = ValidationSet(front.transform(validation.X), validation.y, validation.params)
        pipeline.steps[:-1] = front.steps  # a pipeline with a memory fits clones
    own = ValidationSet(validation.X, validation.y, _for_last(pipeline, name, validation.params))
    fit_with_validation(last, X, y, _for_last(pipeline, name, params), own)
    return pipeline


def _for_front(front: Pipeline, last: str, params: dict[str, Any]) -> dict[str, Any]:
    if routing_enabled():
        wanted = front.get_metadata_routing().consumes("fit_transform", params.keys())
        return {key: params[key] for key in wanted}
    return {key: values for key, values in params.items() if not key.startswith(f"{last}__")}


def _for_last(pipeline: Pipeline, last: str, params: dict[str, Any]) -> dict[str, Any]:
    if routing_enabled():
        return dict(process_routing(pipeline, "fit", **params)[last]["fit"]) if params else {}
    return {
        key.removeprefix(f"{last}__"): values for key, values in params.items() if key.startswith(f"{last}__")
    }
