"""What a batched fit gets and returns: all folds of one estimator as one piece of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.multiclass import type_of_target

from stackit.arrays import Floats, Rows
from stackit.folds import Folds

__all__ = ["BatchedFit", "BatchedRequest", "BatchedResult", "class_labels", "held_out_parts", "make_fitted"]


@dataclass(frozen=True, eq=False)
class BatchedRequest:
    """Everything that the plain loop gets for K fits and their predictions.

    Parameters
    ----------
    X : (n, n_features) array
        The training table: a finite, dense, two-dimensional array of floats.
    y : (n,) or (n, n_outputs) array
        Labels for a classifier, numbers for a regressor.
    folds : Folds
        The splits.
    method : {"predict_proba", "decision_function", "predict"}
        The method that predictions come from.
    sample_weight : (n,) array, optional
        The weights of the rows.
    X_test : (m, n_features) array, optional
        The test table.
    validation : list of arrays of row numbers, optional
        The validation rows for early stopping in each split, outside its training part.
    seeds : list of int or None, optional
        The ``random_state`` of each split.
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    folds: Folds
    method: str
    sample_weight: Floats | None = None
    X_test: npt.NDArray[Any] | None = None
    validation: list[Rows] | None = None
    seeds: list[int | None] | None = None


@dataclass(frozen=True, eq=False)
class BatchedResult:
    """The fitted estimators of all folds, and their predictions where the batched fit makes them.

    Parameters
    ----------
    estimators : list
        One fitted estimator per split, in order; equal to what the plain loop fits.
    held_out : list of arrays, optional
        What ``estimator.<method>(X[held_out])`` returns in each split. None: the engine calls the method.
    test : list of arrays, optional
        What ``estimator.<method>(X_test)`` returns in each split. None: the engine calls the method.
    """

    estimators: list[Any]
    held_out: list[npt.NDArray[Any]] | None = None
    test: list[npt.NDArray[Any]] | None = None


BatchedFit = Callable[[Any, BatchedRequest], BatchedResult | None]
"""Fits an estimator (which is not changed) on all folds; None when the plain loop must do it."""


def held_out_parts(folds: Folds) -> list[list[Rows]] | None:
    """Return the held-out parts of each repeat, or None unless each split trains on all other parts.

    Statistics of a training part can then be added up over the other parts of its repeat.
    """
    repeats: list[list[Rows]] = [[] for _ in range(folds.n_repeats)]
    for (repeat, _), (train, held_out) in zip(folds.labels, folds.splits, strict=True):
        if len(train) + len(held_out) != folds.n_samples:
            return None
        is_seen = np.zeros(folds.n_samples, dtype=bool)
        is_seen[train] = is_seen[held_out] = True
        if not is_seen.all():
            return None
        repeats[repeat].append(held_out)
    is_whole = all(sum(map(len, parts)) == folds.n_samples for parts in repeats)
    return repeats if is_whole else None


def class_labels(y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Rows] | None:
    """Return the (C,) classes of y and the (n,) class numbers; None unless y holds class labels."""
    if y.ndim != 1 or type_of_target(y) not in ("binary", "multiclass"):
        return None
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes


def make_fitted(estimator: Any, **attributes: Any) -> Any:
    """Return a clone of an estimator that has the attributes which its fit sets."""
    fitted = clone(estimator)
    vars(fitted).update(attributes)
    return fitted
