"""Weights and groups, to those who take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import has_fit_parameter

from stackit.check import NamedEstimators, n_rows, routing_enabled, take, warn
from stackit.folds.table import Rows, wants_groups

__all__ = ["FitParams", "cut_to_rows", "fit_params_of", "parameter_for"]

FitParams = Mapping[str, Any]


def fit_params_of(
    estimators: NamedEstimators, sample_weight: Any = None, groups: Any = None
) -> dict[str, dict[str, Any]]:
    """Return what is passed to each estimator's fit: the weights and groups that it can take.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Pipelines, searches and other wrappers are looked into.
    sample_weight, groups : (n,) array-like, optional
        What there is to pass.

    Returns
    -------
    dict of dict
        For each name, fit parameters, such as ``{"step__sample_weight": sample_weight}``.

    Warns
    -----
    UserWarning
        Once, naming the estimators that cannot take the weights.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> fit_params_of([("ridge", make_pipeline(StandardScaler(), Ridge()))], sample_weight=[1, 2])
    {'ridge': {'ridge__sample_weight': [1, 2]}}
    """
    if routing_enabled():
        return _routed(estimators, {"sample_weight": sample_weight, "groups": groups})
    params: dict[str, dict[str, Any]] = {name: {} for name, _ in estimators}
    given = {"sample_weight": sample_weight, "groups": groups}
    for meaning, values in ((meaning, values) for meaning, values in given.items() if values is not None):
        for name, estimator in estimators:
            accepted = parameter_for(estimator, meaning)
            if accepted is not None:
                params[name][accepted] = values
    if sample_weight is not None:
        deaf = [name for name, estimator in estimators if not parameter_for(estimator, "sample_weight")]
        if deaf:
            warn(
                f"sample_weight is not passed to {', '.join(deaf)}: they cannot take it. Their training "
                "ignores the weights; scores and the other estimators do not."
            )
    return params


def cut_to_rows(fit_params: FitParams, rows: Rows, n: int) -> dict[str, Any]:
    """Return fit parameters with those of n rows cut to some of them.

    Examples
    --------
    >>> import numpy as np
    >>> cut_to_rows({"sample_weight": np.array([1, 2, 3]), "eval_metric": "auc"}, np.array([0, 2]), 3)
    {'sample_weight': array([1, 3]), 'eval_metric': 'auc'}
    """
    return {
        name: take(values, rows) if _is_column(values, n) else values for name, values in fit_params.items()
    }


def _is_column(values: Any, n: int) -> bool:
    """Whether a fit parameter has one value a row."""
    has_rows = bool(getattr(values, "shape", ())) or isinstance(values, list | tuple)
    return has_rows and n_rows(values) == n


def parameter_for(estimator: Any, meaning: str) -> str | None:
    """Return the name under which an estimator's fit takes weights or groups, or None if it does not.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> parameter_for(KNeighborsClassifier(), "sample_weight") is None
    True
    """
    if getattr(estimator, "steps", None):
        step, last = estimator.steps[-1]
        inner = parameter_for(last, meaning)
        return f"{step}__{inner}" if inner else None
    if _is_search(estimator):
        return _parameter_of_search(estimator, meaning)
    if meaning == "groups":
        return "groups" if has_fit_parameter(estimator, "groups") else None
    if hasattr(estimator, "regressor"):
        return "sample_weight" if estimator.regressor is None else parameter_for(estimator.regressor, meaning)
    return _own_weights(estimator)


def _own_weights(estimator: Any) -> str | None:
    """Return "sample_weight" if fit takes it and so does what is wrapped, under that very name."""
    pairs = getattr(estimator, "estimators", None)
    if has_fit_parameter(estimator, "sample_weight"):
        members = [getattr(estimator, "estimator", None)]
    elif isinstance(pairs, list) and pairs:
        members = [member for _, member in pairs]
    else:
        return None
    inner = {parameter_for(member, "sample_weight") for member in members if hasattr(member, "fit")}
    return "sample_weight" if inner <= {"sample_weight"} else None


def _is_search(estimator: Any) -> bool:
    """Whether it is a search over parameters, which passes on to its estimator whatever its fit gets."""
    return all(hasattr(estimator, name) for name in ("estimator", "cv", "refit"))


def _parameter_of_search(search: Any, meaning: str) -> str | None:
    """A search hands weights to its estimator, and groups to a splitter that wants them."""
    if meaning == "sample_weight":
        return parameter_for(search.estimator, meaning)
    return "groups" if wants_groups(check_cv(search.cv)) else None


def _routed(estimators: NamedEstimators, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what each estimator has asked for, by scikit-learn's metadata routing."""
    router = MetadataRouter(owner="out_of_fold")
    for name, estimator in estimators:
        router.add(**{name: estimator}, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
    there = {name: values for name, values in given.items() if values is not None}
    routed = router.route_params(caller="fit", params=there)
    return {name: dict(routed[name]["fit"]) for name, _ in estimators}
