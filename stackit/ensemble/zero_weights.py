"""Which columns of its table a fitted estimator does not read: those that it multiplies by zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.combine.weighted import Weighted
from stackit.results.oof import OutOfFold

__all__ = ["unused_columns", "unused_estimators"]


def unused_columns(fitted: Any) -> npt.NDArray[np.bool_] | None:
    """Return which columns have the weight zero: of combiners, and of scikit-learn's linear estimators.

    Parameters
    ----------
    fitted : estimator
        Any.

    Returns
    -------
    (n_columns,) array of bool, or None
        None for an estimator that is neither, and may read all.

    Examples
    --------
    >>> from stackit.combine import MeanRegressor
    >>> mean = MeanRegressor(weights=[1, 0, 1]).fit([[1, 2, 3], [4, 5, 6]], [1, 2])
    >>> unused_columns(mean).tolist()
    [False, True, False]
    """
    while hasattr(fitted, "combiner_"):  # a calibration reads what its combiner reads
        fitted = fitted.combiner_
    if isinstance(fitted, Weighted):
        width = fitted.n_features_in_ // len(fitted.weights_)
        return np.repeat(fitted.weights_ == 0, getattr(fitted, "_widths", width))
    if type(fitted).__module__.startswith("sklearn.linear_model.") and hasattr(fitted, "coef_"):
        coef: Any = fitted.coef_
        weights = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)  # it may be sparsified
        return np.asarray((np.atleast_2d(weights) == 0).all(axis=0))
    return None


def unused_estimators(fitted: Any, oof: OutOfFold) -> set[str]:
    """Return the estimators of which a fitted estimator does not read any column.

    Parameters
    ----------
    fitted : estimator
        Whose table begins with the meta-features.
    oof : OutOfFold
        Whose meta-features these are.
    """
    unread = unused_columns(fitted)
    if unread is None:
        return set()
    return {name for name, columns in oof.columns.items() if unread[columns].all()}
