"""Which module batches the fits of a scikit-learn estimator, so that no other is loaded."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["MODULES", "registered_fits"]

# The modules with batched fits for the estimators of each subpackage of scikit-learn.
MODULES = {
    "discriminant_analysis": ("gaussian.lda", "gaussian.qda"),
    "kernel_ridge": ("kernels.kernel_ridge",),
    "linear_model": ("linear.estimators",),
    "naive_bayes": ("gaussian.naive_bayes",),
    "neighbors": ("gaussian.centroid", "neighbors"),
    "pipeline": ("scaled_pipeline",),
    "svm": ("kernels.svm",),
}


def registered_fits(kind: type, register: str) -> dict[type, Any]:
    """Return the batched fits registered for the subpackage of scikit-learn that a type is from.

    The register "BATCHED" holds those for the estimator alone, "SCALED" those that also work behind a scaler.
    """
    library, subpackage, *_ = [*kind.__module__.split("."), ""]
    return _of_subpackage(subpackage, register) if library == "sklearn" else {}


@cache
def _of_subpackage(subpackage: str, register: str) -> dict[type, Any]:
    found: dict[type, Any] = {}
    for module in MODULES.get(subpackage, ()):
        found |= getattr(import_module(f"stackit.batched_fits.{module}"), register, {})
    return found
