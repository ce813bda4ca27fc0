"""Columns and estimators that a fitted estimator multiplies by zero: they need not predict."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.combine.weighted import Weighted
from stackit.results.oof import OutOfFold

__all__ = ["uncalibrated", "unused_columns", "unused_estimators"]


def uncalibrated(fitted: Any) -> Any:
    """Return the combiner inside calibrations; other estimators are returned as they are."""
    while hasattr(fitted, "combiner_"):
        fitted = fitted.combiner_
    return fitted


def unused_columns(fitted: Any) -> npt.NDArray[np.bool_] | None:
    """Return which columns have zero weight; None for estimators other than combiners and linear models."""
    fitted = uncalibrated(fitted)  # a calibration uses what its combiner uses
    if isinstance(fitted, Weighted):
        return fitted.unused_columns
    if type(fitted).__module__.startswith("sklearn.linear_model.") and hasattr(fitted, "coef_"):
        coef: Any = fitted.coef_
        weights = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)  # it may be sparsified
        return np.asarray((np.atleast_2d(weights) == 0).all(axis=0))
    return None


def unused_estimators(fitted: Any, oof: OutOfFold) -> set[str]:
    """Return the estimators of `oof` of which all meta-features (the first columns) have zero weight."""
    unused = unused_columns(fitted)
    if unused is None:
        return set()
    return {name for name, columns in oof.columns.items() if unused[columns].all()}
