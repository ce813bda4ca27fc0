"""Fit parameters of each estimator of an ensemble: weights, groups and scikit-learn's routed metadata."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, signature
from typing import Any

from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    get_routing_for_object,
)

from stackit.ensemble.final import FINAL
from stackit.estimators.metadata_routing import FitParams, fit_params_of, route_to
from stackit.estimators.named_estimators import NamedEstimators
from stackit.folds import Folds
from stackit.validation import format_list, routing_enabled

__all__ = ["route_fit_params", "router_of"]


def route_fit_params(
    ensemble: Any,
    named: NamedEstimators,
    sample_weight: Any,
    groups: Any,
    fit_params: dict[str, Any],
    known_groups: Any = None,
) -> dict[str, FitParams]:
    """Return the fit parameters of each estimator, by scikit-learn's metadata routing where it is enabled.

    The final estimator is the last of `named` and need not request anything: as in scikit-learn's stacks it
    gets all metadata that its fit accepts, unless it has set requests. `known_groups` are those of the folds,
    used where no groups are passed. Missing requests raise before anything is fitted, also those of
    estimators inside pipelines and searches.
    """
    if not routing_enabled():
        if fit_params:
            raise TypeError(
                f"fit of {type(ensemble).__name__} accepts X, y, sample_weight and groups, but not "
                f"{format_list(fit_params)}. Enable scikit-learn's metadata routing to pass them."
            )
        return dict(fit_params_of(named, sample_weight, groups, known_groups))
    given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
    given = {name: values for name, values in given.items() if values is not None}
    *members, (last, final) = named
    others = {name: values for name, values in given.items() if not _accepts(final, name)}
    get_routing_for_object(ensemble).validate_metadata(method="fit", params=others)
    params: dict[str, FitParams] = {
        name: route_to(estimator, given, known_groups, ensemble) for name, estimator in members
    }
    return params | {last: _params_of_final(final, given, known_groups)}


def router_of(ensemble: Any, members: NamedEstimators, final: Any) -> MetadataRouter:
    """Return the router of an ensemble: its own requests, and those of its estimators and splitter.

    Unset requests of `score` and of the final estimator do not count, so that a search or cross-validation
    around the ensemble need not pass them: in scikit-learn a stack in a search is scored without weights.
    """
    router = MetadataRouter(owner=ensemble).add_self_request(ensemble)
    for _, pair in router:
        _drop_unset(pair.router.score)
    for name, estimator in members:
        router.add(**{name: estimator}, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
    routing = get_routing_for_object(final)
    mapping = MethodMapping().add(caller="predict", callee="predict")
    if not isinstance(routing, MetadataRouter):
        _drop_unset(routing.fit)
        mapping.add(caller="fit", callee="fit")
    elif _has_requests(routing):
        mapping.add(caller="fit", callee="fit")
    router.add(**{FINAL: routing}, method_mapping=mapping)
    if not isinstance(ensemble.cv, Folds | str):
        split = MethodMapping().add(caller="fit", callee="split")
        router.add(splitter=check_cv(ensemble.cv), method_mapping=split)
    return router


def _drop_unset(method: Any) -> None:
    """Remove the requests of a method that were not set."""
    for param, request in [*method.requests.items()]:
        if request is None:
            method.add_request(param=param, alias=UNUSED)


def _params_of_final(final: Any, given: Mapping[str, Any], known_groups: Any) -> dict[str, Any]:
    """Return the fit parameters of the final estimator."""
    routing = get_routing_for_object(final)
    if isinstance(routing, MetadataRouter):
        return route_to(final, given, known_groups)
    requests = routing.fit.requests
    renamed = {
        param: given[alias] for param, alias in requests.items() if isinstance(alias, str) and alias in given
    }
    plain = {
        name: values
        for name, values in given.items()
        if requests.get(name) in (None, True) and (_accepts(final, name) or _accepts_any(final))
    }
    return plain | renamed


def _accepts(final: Any, name: str) -> bool:
    """Whether the fit of a final estimator that is not itself a router has a parameter of this name."""
    if isinstance(get_routing_for_object(final), MetadataRouter):
        return False
    return name in signature(final.fit).parameters


def _accepts_any(final: Any) -> bool:
    kinds = {parameter.kind for parameter in signature(final.fit).parameters.values()}
    return Parameter.VAR_KEYWORD in kinds


def _has_requests(routing: Any) -> bool:
    """Whether some estimator of a router has a request that was set, or a splitter needs groups."""
    if isinstance(routing, MetadataRouter):
        return any(_has_requests(pair.router) for _, pair in routing)
    methods = (getattr(routing, name) for name in ("fit", "partial_fit", "transform", "split", "score"))
    return any(
        request is True or (isinstance(request, str) and request != "$WARN$")
        for method in methods
        for request in method.requests.values()
    )
