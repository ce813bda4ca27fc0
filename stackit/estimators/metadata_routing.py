"""Which weights, groups and other metadata the fit of each estimator gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import TunedThresholdClassifierCV, check_cv
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    get_routing_for_object,
    process_routing,
)
from sklearn.utils.validation import has_fit_parameter

from stackit.arrays import Rows, num_samples, safe_index
from stackit.estimators.inner_groups import group_splitters
from stackit.estimators.named_estimators import NamedEstimators
from stackit.folds.cv import wants_groups
from stackit.validation import routing_enabled, warn

__all__ = [
    "INNER_GROUPS",
    "FitParams",
    "fit_params_of",
    "index_fit_params",
    "resamples",
    "route_to",
    "weights_parameter",
]

FitParams = Mapping[str, Any]

# The key of the groups for splitters inside an estimator; no fit can have a parameter with this name.
INNER_GROUPS = "groups of inner splitters"
PASS_ALL = (RFE,)  # their fit passes all its parameters to the wrapped estimator, as searches do


def fit_params_of(
    estimators: NamedEstimators, sample_weight: Any = None, groups: Any = None, known_groups: Any = None
) -> dict[str, dict[str, Any]]:
    """Return, per name, the parameters of each estimator's fit: the weights and groups that it accepts.

    `known_groups` are the groups of the folds, used where none are given. Pipelines, searches and other
    wrappers are searched for parts that accept them. Groups for splitters inside an estimator that takes none
    are under the key `INNER_GROUPS`. A warning names the estimators that do not accept weights.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> fit_params_of([("ridge", make_pipeline(StandardScaler(), Ridge()))], sample_weight=[1, 2])
    {'ridge': {'ridge__sample_weight': [1, 2]}}
    """
    if routing_enabled():
        return {
            name: route_to(estimator, {"sample_weight": sample_weight, "groups": groups}, known_groups)
            for name, estimator in estimators
        }
    groups = known_groups if groups is None else groups
    params = {name: _groups_for(estimator, groups) for name, estimator in estimators}
    if sample_weight is None:
        return params
    unsupported = []
    for name, estimator in estimators:
        accepted = weights_parameter(estimator)
        if accepted is not None:
            params[name][accepted] = sample_weight
        elif not isinstance(estimator, FrozenEstimator):
            unsupported.append(name)
    if unsupported:
        warn(
            f"sample_weight is not passed to {', '.join(unsupported)}: they cannot take it. Their training "
            "ignores the weights; scores and the other estimators do not."
        )
    return params


def route_to(
    estimator: Any, given: Mapping[str, Any], known_groups: Any = None, owner: Any = "out_of_fold"
) -> dict[str, Any]:
    """Return the metadata that an estimator has requested, by scikit-learn's metadata routing.

    `known_groups` are groups that only estimators with a request get; `owner` is the router in errors.
    scikit-learn's UnsetMetadataPassedError is raised, before anything is fitted, where an estimator inside
    has no request for metadata that are given.
    """
    given = {name: values for name, values in given.items() if values is not None}
    routing = get_routing_for_object(estimator)
    if known_groups is not None and "groups" not in given and routing.consumes("fit", ["groups"]):
        given["groups"] = known_groups
    router = MetadataRouter(owner=owner)
    router.add(estimator=estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
    params = dict(router.route_params(caller="fit", params=given)["estimator"]["fit"])
    if params and isinstance(routing, MetadataRouter):
        process_routing(estimator, "fit", **params)  # raises here what each fit would raise
    return params


def index_fit_params(fit_params: FitParams, rows: Rows, n: int) -> dict[str, Any]:
    """Return fit parameters with those that have n rows indexed by `rows`."""
    return {
        name: safe_index(values, rows) if _is_column(values, n) else values
        for name, values in fit_params.items()
    }


def _is_column(values: Any, n: int) -> bool:
    """Whether a fit parameter has one value per row."""
    has_rows = bool(getattr(values, "shape", ())) or isinstance(values, list | tuple)
    return has_rows and num_samples(values) == n


def weights_parameter(estimator: Any) -> str | None:
    """Return the name of the weights among an estimator's fit parameters; None where it takes none.

    Steps after a resampler get none, since it makes other rows.
    """
    if getattr(estimator, "steps", None):
        step, last = estimator.steps[-1]
        inner = None if resamples(estimator) else weights_parameter(last)
        return f"{step}__{inner}" if inner else None
    if _is_search(estimator) or type(estimator) in PASS_ALL:
        return weights_parameter(getattr(estimator, "estimator", None))
    if hasattr(estimator, "regressor"):
        return "sample_weight" if estimator.regressor is None else weights_parameter(estimator.regressor)
    return _own_weights(estimator)


def resamples(estimator: Any) -> bool:
    """Whether a step of a pipeline resamples, so that later steps get other rows."""
    return any(hasattr(pair[1], "fit_resample") for pair in getattr(estimator, "steps", None) or ())


def _groups_for(estimator: Any, groups: Any) -> dict[str, Any]:
    """Return the fit parameters that pass groups to an estimator and to the splitters inside it."""
    if groups is None:
        return {}
    params = dict.fromkeys(_groups_parameters(estimator), groups)
    return params | ({INNER_GROUPS: groups} if group_splitters(estimator, params) else {})


def _groups_parameters(estimator: Any) -> list[str]:
    """Return the names of the groups among an estimator's fit parameters, also those of steps."""
    if getattr(estimator, "steps", None):
        found = []
        for name, step in estimator.steps:
            found += [f"{name}__{inner}" for inner in _groups_parameters(step)]
            if hasattr(step, "fit_resample"):
                break
        return found
    if _is_search(estimator):
        return ["groups"] if wants_groups(check_cv(estimator.cv)) else []
    return ["groups"] if hasattr(estimator, "fit") and has_fit_parameter(estimator, "groups") else []


def _own_weights(estimator: Any) -> str | None:
    """Return "sample_weight" if fit and the wrapped estimators take it under this name, else None."""
    pairs = getattr(estimator, "estimators", None)
    if has_fit_parameter(estimator, "sample_weight"):
        members = [getattr(estimator, "estimator", None)]
    elif isinstance(pairs, list) and pairs:
        members = [member for _, member in pairs]
    else:
        return None
    inner = {weights_parameter(member) for member in members if hasattr(member, "fit")}
    return "sample_weight" if inner <= {"sample_weight"} else None


def _is_search(estimator: Any) -> bool:
    """Whether an estimator is a parameter search; its fit passes its parameters on."""
    if isinstance(estimator, TunedThresholdClassifierCV):
        return False  # its fit passes nothing on without metadata routing
    return all(hasattr(estimator, name) for name in ("estimator", "cv", "refit"))
