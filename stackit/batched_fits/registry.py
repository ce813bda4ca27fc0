"""Where the shared fits of a scikit-learn estimator are, so that no others are loaded."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["MODULES", "registered_fits"]

# Which rooms know the estimators of a part of scikit-learn.
MODULES = {
    "discriminant_analysis": ("gaussian.lda",),
    "kernel_ridge": ("kernels.kernel_ridge",),
    "linear_model": ("linear.estimators",),
    "naive_bayes": ("gaussian.naive_bayes",),
    "neighbors": ("gaussian.centroid", "neighbors"),
    "pipeline": ("scaled_pipeline",),
    "svm": ("kernels.svm",),
}


def registered_fits(kind: type, register: str) -> dict[type, Any]:
    """Return a register of the rooms that know the part of scikit-learn which a type is from.

    Parameters
    ----------
    kind : type
        Of an estimator.
    register : {"SHARED", "SCALED"}
        The shared fits as such, or those that can stand behind a scaler.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
    >>> sorted(known.__name__ for known in registered_fits(KNeighborsClassifier, "SCALED"))
    ['NearestCentroid']
    """
    library, part, *_ = [*kind.__module__.split("."), ""]
    return _of_part(part, register) if library == "sklearn" else {}


@cache
def _of_part(part: str, register: str) -> dict[type, Any]:
    found: dict[type, Any] = {}
    for room in MODULES.get(part, ()):
        found |= getattr(import_module(f"stackit.batched_fits.{room}"), register, {})
    return found
