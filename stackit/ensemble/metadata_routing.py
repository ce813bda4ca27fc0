"""What each estimator of an ensemble gets when it is fitted, besides X and y."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, signature
from typing import Any

from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    get_routing_for_object,
)

from stackit.estimators.metadata_routing import FitParams, fit_params_of, route_to
from stackit.estimators.named_estimators import NamedEstimators
from stackit.validation import format_list, routing_enabled

__all__ = ["add_final", "route_fit_params", "router_of"]


def route_fit_params(
    ensemble: Any,
    named: NamedEstimators,
    sample_weight: Any,
    groups: Any,
    fit_params: dict[str, Any],
    known_groups: Any = None,
) -> dict[str, FitParams]:
    """Return what each fit gets, by scikit-learn's metadata routing where it is on.

    The final estimator, which comes last, need not request anything. As in scikit-learn's stacks it gets all
    metadata that its fit takes, unless it has set a request of its own, which is respected.

    Parameters
    ----------
    ensemble : estimator
        Whose `get_metadata_routing` knows the names of all but the last.
    named : list of (str, estimator)
        Those that are fitted, the final estimator last.
    sample_weight, groups : (n,) array, optional
        Checked.
    fit_params : dict
        What else was passed to the ensemble's fit.
    known_groups : (n,) array, optional
        Groups that the folds know, where none are given.

    Returns
    -------
    dict of dict

    Raises
    ------
    TypeError
        When there is more to pass, and metadata routing is off; when it is on, and no estimator takes it.
    sklearn.exceptions.UnsetMetadataPassedError
        When routing is on and an estimator has not said whether it wants what was passed. It is raised
        before anything is fitted, also for estimators inside pipelines and searches.
    """
    if not routing_enabled():
        if fit_params:
            raise TypeError(
                f"fit of {type(ensemble).__name__} takes X, y, sample_weight and groups; got "
                f"{format_list(fit_params)}. Switch scikit-learn's metadata routing on to pass them."
            )
        return dict(fit_params_of(named, sample_weight, groups, known_groups))
    given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
    given = {name: values for name, values in given.items() if values is not None}
    *members, (last, final) = named
    others = {name: values for name, values in given.items() if not _takes(final, name)}
    get_routing_for_object(ensemble).validate_metadata(method="fit", params=others)
    params: dict[str, FitParams] = {
        name: route_to(estimator, given, known_groups, ensemble) for name, estimator in members
    }
    return params | {last: _for_final(final, given, known_groups)}


def router_of(ensemble: Any) -> MetadataRouter:
    """Return a router for an ensemble that has requests of its own.

    Of these, only what was set counts. `score` takes weights, but need not get any: in scikit-learn a stack
    in a search is scored without them, and no request is missing.

    Parameters
    ----------
    ensemble : estimator
        Its owner.

    Returns
    -------
    MetadataRouter
        Without any estimators yet.
    """
    router = MetadataRouter(owner=ensemble).add_self_request(ensemble)
    for _, pair in router:
        _forget_unset(pair.router.score)
    return router


def add_final(router: MetadataRouter, name: str, final: Any) -> MetadataRouter:
    """Add to a router what its final estimator has requested of its own accord.

    What it has not spoken of does not count: whoever calls the ensemble, a search or a cross-validation,
    then need not pass it, and must not be told that a request is missing.

    Parameters
    ----------
    router : MetadataRouter
        Of the ensemble.
    name : str
        The final estimator's name in it.
    final : estimator
        Not fitted.

    Returns
    -------
    MetadataRouter
        The same.
    """
    routing = get_routing_for_object(final)
    mapping = MethodMapping().add(caller="predict", callee="predict")
    if not isinstance(routing, MetadataRouter):
        _forget_unset(routing.fit)
        mapping.add(caller="fit", callee="fit")
    elif _requests_something(routing):
        mapping.add(caller="fit", callee="fit")
    return router.add(**{name: routing}, method_mapping=mapping)


def _forget_unset(method: Any) -> None:
    """Take out of a method's requests those that were not set."""
    for param, request in [*method.requests.items()]:
        if request is None:
            method.add_request(param=param, alias=UNUSED)


def _for_final(final: Any, given: Mapping[str, Any], known_groups: Any) -> dict[str, Any]:
    """Return what the final estimator gets of all that was given."""
    routing = get_routing_for_object(final)
    if isinstance(routing, MetadataRouter):
        return route_to(final, given, known_groups)
    requests = routing.fit.requests
    renamed = {param: given[alias] for param, alias in requests.items() if _is_among(alias, given)}
    plain = {
        name: values
        for name, values in given.items()
        if requests.get(name) in (None, True) and (_takes(final, name) or _takes_any(final))
    }
    return plain | renamed


def _takes(final: Any, name: str) -> bool:
    """Whether metadata of this name is for a final estimator that is fitted on it directly."""
    if isinstance(get_routing_for_object(final), MetadataRouter):
        return False
    return name in signature(final.fit).parameters


def _takes_any(final: Any) -> bool:
    kinds = {parameter.kind for parameter in signature(final.fit).parameters.values()}
    return Parameter.VAR_KEYWORD in kinds


def _is_among(alias: Any, given: Mapping[str, Any]) -> bool:
    return isinstance(alias, str) and alias in given


def _requests_something(routing: Any) -> bool:
    """Whether some estimator of a router has a request that was set, or a splitter wants groups."""
    if isinstance(routing, MetadataRouter):
        return any(_requests_something(pair.router) for _, pair in routing)
    methods = (getattr(routing, name) for name in ("fit", "partial_fit", "transform", "split", "score"))
    return any(
        request is True or (isinstance(request, str) and request != "$WARN$")
        for method in methods
        for request in method.requests.values()
    )
