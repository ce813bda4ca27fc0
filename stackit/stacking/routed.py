"""What each estimator of an ensemble gets when it is fitted, besides X and y."""

from __future__ import annotations

from typing import Any

from sklearn.utils.metadata_routing import process_routing

from stackit.check import NamedEstimators, listed, routing_enabled
from stackit.routing import FitParams, fit_params_of

__all__ = ["routed"]


def routed(
    ensemble: Any, named: NamedEstimators, sample_weight: Any, groups: Any, fit_params: dict[str, Any]
) -> dict[str, FitParams]:
    """Return what each fit gets, by scikit-learn's metadata routing where it is on.

    Parameters
    ----------
    ensemble : estimator
        Whose `get_metadata_routing` knows all of these names.
    named : list of (str, estimator)
        Those that are fitted.
    sample_weight, groups : (n,) array, optional
        Checked.
    fit_params : dict
        What else was passed to the ensemble's fit.

    Returns
    -------
    dict of dict

    Raises
    ------
    TypeError
        When there is more to pass, and metadata routing is off; when it is on, and nobody asked for it.
    """
    if not routing_enabled():
        if fit_params:
            raise TypeError(
                f"fit of {type(ensemble).__name__} takes X, y, sample_weight and groups; got "
                f"{listed(fit_params)}. Switch scikit-learn's metadata routing on to pass them."
            )
        return dict(fit_params_of(named, sample_weight, groups))
    given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
    given = {name: values for name, values in given.items() if values is not None}
    of_each = process_routing(ensemble, "fit", **given)
    return {name: of_each[name]["fit"] for name, _ in named}
