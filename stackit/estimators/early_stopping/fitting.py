"""Who stops early, and how each is shown the rows to watch."""

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
from stackit.validation import routing_enabled

__all__ = [
    "LARGE",
    "ValidationSet",
    "fit",
    "has_eval_set",
    "has_internal_split",
    "last_step",
    "needs_encoded_labels",
    "parts_of",
    "uses_validation_set",
]

# Under which names gradient boosting libraries are told after how many rounds without progress to stop.
ROUNDS = ("early_stopping_rounds", "early_stopping_round", "early_stopping", "n_iter_no_change")
LARGE = 10_000  # rows from which early_stopping="auto" means yes, as in scikit-learn


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """Rows that an estimator is not fitted on, and that tell it when to stop.

    Parameters
    ----------
    X : array-like with n_watched rows
        The rows.
    y : (n_watched,) or (n_watched, n_outputs) array
        Their target, as the estimator gets it.
    params : dict
        What fit is passed besides, cut to these rows: their weights are taken from there.
    """

    X: Any
    y: npt.NDArray[Any]
    params: dict[str, Any]


def fit(estimator: Any, X: Any, y: Any, params: dict[str, Any], watched: ValidationSet | None = None) -> Any:
    """Fit an estimator in place, and show it the rows to watch.

    In a pipeline the steps before the last are fitted without these rows, which they then transform.

    Parameters
    ----------
    estimator : estimator
        Not fitted; with `watched`, one of which `watches` is true.
    X, y : n rows
        What it is fitted on.
    params : dict
        Passed to fit.
    watched : Watched, optional
        What it watches.

    Returns
    -------
    estimator
        Fitted.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> boosting = HistGradientBoostingRegressor(early_stopping=True, max_iter=50, n_iter_no_change=2)
    >>> X = np.arange(90.0).reshape(-1, 1)
    >>> fit(boosting, X, X[:, 0], {}, ValidationSet(X[80:], -X[80:, 0], {})).n_iter_
    2
    """
    if watched is None:
        estimator.fit(X, y, **params)  # what fit returns is not always the estimator
        return estimator
    if isinstance(estimator, Pipeline):
        return _fit_pipeline(estimator, X, y, params, watched)
    shown = _shown(estimator, watched, params)
    if getattr(estimator, "early_stopping", None) != "auto":
        estimator.fit(X, y, **shown, **params)
        return estimator
    # Without the watched rows, a training part may fall below the size at which "auto" means yes.
    estimator.set_params(early_stopping=True)
    estimator.fit(X, y, **shown, **params)
    estimator.set_params(early_stopping="auto")
    return estimator


def uses_validation_set(estimator: Any, n_train: int) -> bool:
    """Whether an estimator is set to stop early, and its fit takes the rows to watch from outside.

    Those are the estimators whose fit has ``eval_set`` (xgboost, lightgbm) or ``X_val`` and ``y_val``
    (scikit-learn's histogram gradient boosting, and any other that follows it).

    Parameters
    ----------
    estimator : estimator
        A single one: of a pipeline, the last step.
    n_train : int
        The number of training rows, which decides where ``early_stopping="auto"``.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> boosting = HistGradientBoostingRegressor(early_stopping="auto")
    >>> uses_validation_set(boosting, 10_001), uses_validation_set(boosting, 10_000)
    (True, False)
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
    """Whether a fit method, looked at once, could take rows to watch."""
    return not isfunction(fit) or not {"eval_set", "X_val"}.isdisjoint(signature(fit).parameters)


def has_internal_split(estimator: Any, n_train: int) -> bool:
    """Whether an estimator stops early on a random split of its own making.

    Examples
    --------
    >>> from sklearn.linear_model import SGDRegressor
    >>> has_internal_split(SGDRegressor(early_stopping=True), 100), has_internal_split(SGDRegressor(), 100)
    (True, False)
    """
    if isinstance(estimator, FrozenEstimator) or _on_training_loss(estimator):
        return False
    if not hasattr(estimator, "validation_fraction"):
        return False
    if hasattr(estimator, "early_stopping"):
        return _is_on(estimator.early_stopping, n_train)
    return getattr(estimator, "n_iter_no_change", None) is not None


def needs_encoded_labels(estimator: Any) -> bool:
    """Whether an estimator reads the labels of watched rows as 0, 1, 2, ..., whatever those to fit on are."""
    return bool(has_fit_parameter(last_step(estimator), "eval_set"))


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, and of a pipeline there; any other estimator as it is."""
    while isinstance(estimator, Pipeline) and not resamples(estimator):
        estimator = estimator.steps[-1][1]
    return estimator


def parts_of(estimator: Any) -> Iterator[Any]:
    """Yield the estimators that one of scikit-learn's is made of, at any depth.

    What is within those of others, a nested stack for one, is for them to see to; only pipelines with a
    resampler, which scikit-learn has none of, are looked into.
    """
    known = type(estimator).__module__.startswith("sklearn.") or resamples(estimator)
    if isinstance(estimator, FrozenEstimator) or not known:
        return
    for value in estimator.get_params(deep=False).values():
        members = [pair[1] for pair in value if _is_pair(pair)] if isinstance(value, list) else [value]
        for member in members:
            if hasattr(member, "fit") and not isinstance(member, type):
                yield member
                yield from parts_of(member)


def has_eval_set(params: Any) -> bool:
    """Whether fit is passed rows to watch by the caller."""
    return any(name.split("__")[-1] in ("eval_set", "eval_X", "X_val") for name in params)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, tuple | list) and len(pair) > 1


def _stops_by_rounds(estimator: Any) -> bool:
    params = estimator.get_params() if hasattr(estimator, "get_params") else vars(estimator)
    rounds = [params.get(name) for name in ROUNDS]
    callbacks = [type(callback).__name__ for callback in params.get("callbacks") or ()]
    return "EarlyStopping" in callbacks or any(isinstance(n, int | np.integer) and n > 0 for n in rounds)


def _is_on(early_stopping: Any, n_train: int) -> bool:
    return n_train > LARGE if isinstance(early_stopping, str) else bool(early_stopping)


def _on_training_loss(estimator: Any) -> bool:
    return getattr(estimator, "validation_fraction", 0.1) is None


def _shown(estimator: Any, watched: ValidationSet, params: dict[str, Any]) -> dict[str, Any]:
    """Return the watched rows and their weights under the names that an estimator's fit has for them."""
    takes = partial(has_fit_parameter, estimator)
    if takes("eval_X"):  # lightgbm since 4.7, where eval_set warns
        shown: dict[str, Any] = {"eval_X": watched.X, "eval_y": watched.y}
    elif takes("eval_set"):
        shown = {"eval_set": [(watched.X, watched.y)]}
    else:
        shown = {"X_val": watched.X, "y_val": watched.y}
    weight = watched.params.get("sample_weight")
    if weight is not None:
        given = {
            "sample_weight_val": weight,
            "eval_sample_weight": [weight],
            "sample_weight_eval_set": [weight],
        }
        shown |= {name: values for name, values in given.items() if takes(name)}
    return shown | _quiet(estimator, params)


def _quiet(estimator: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Return what keeps an estimator from printing each round, unless it is asked to."""
    if not has_fit_parameter(estimator, "eval_set"):
        return {}
    if has_fit_parameter(estimator, "verbose"):  # xgboost
        return {} if "verbose" in params else {"verbose": (estimator.get_params().get("verbosity") or 0) > 1}
    if not {"verbose", "verbosity"} & estimator.get_params().keys():  # lightgbm, which has no other way
        estimator.set_params(verbosity=-1)
    return {}


def _fit_pipeline(
    pipeline: Pipeline, X: Any, y: Any, params: dict[str, Any], watched: ValidationSet
) -> Pipeline:
    """Fit the steps before the last, and the last on what they make of the rows."""
    front, (name, last) = pipeline[:-1], pipeline.steps[-1]
    if front.steps:
        X = front.fit_transform(X, y, **_for_front(front, name, params))
        watched = ValidationSet(front.transform(watched.X), watched.y, watched.params)
        pipeline.steps[:-1] = front.steps  # a pipeline with a memory fits clones
    own = ValidationSet(watched.X, watched.y, _for_last(pipeline, name, watched.params))
    fit(last, X, y, _for_last(pipeline, name, params), own)
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
