"""What a shared fit gets and gives: all folds of one estimator as one piece of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Rows
from stackit.folds import Folds

__all__ = ["BatchedFit", "BatchedRequest", "BatchedResult", "parts_of"]


@dataclass(frozen=True, eq=False)
class BatchedRequest:
    """All that the plain loop would get: K fits, and K answers for the held-out and for the test rows.

    Parameters
    ----------
    X : (n, n_features) array
        The training table; a finite, dense, two-dimensional array of floats (an estimator is not asked
        about anything else).
    y : (n,) or (n, n_outputs) array
        Labels for a classifier, numbers for a regressor.
    folds : Folds
        The splits.
    method : {"predict_proba", "decision_function", "predict"}
        What the fitted estimators will be asked.
    sample_weight : (n,) array, optional
        The weights of the rows.
    X_test : (m, n_features) array, optional
        The test table.
    watch : list of arrays of row numbers, optional
        The rows by which an estimator stops early in each split, outside the training part.
    seeds : list of int or None, optional
        The ``random_state`` of each split.
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    folds: Folds
    method: str
    sample_weight: npt.NDArray[np.float64] | None = None
    X_test: npt.NDArray[Any] | None = None
    watch: list[Rows] | None = None
    seeds: list[int | None] | None = None


@dataclass(frozen=True, eq=False)
class BatchedResult:
    """What came of a shared fit.

    Parameters
    ----------
    estimators : list
        A fitted estimator for each split, in their order; equal to what the plain loop fits.
    held_out : list of arrays, optional
        What ``estimator.<method>(X[held_out])`` would return for each; left out, they are asked.
    test : list of arrays, optional
        What ``estimator.<method>(X_test)`` would return for each; left out, they are asked.
    """

    estimators: list[Any]
    held_out: list[npt.NDArray[Any]] | None = None
    test: list[npt.NDArray[Any]] | None = None


BatchedFit = Callable[[Any, BatchedRequest], BatchedResult | None]
"""Fits an estimator (which is not changed) on all folds; None when the plain loop must do it."""


def parts_of(folds: Folds) -> list[list[Rows]] | None:
    """Return the held-out parts of each repeat, or None unless each split trains on all other parts.

    Statistics of a training part can then be added up over the other parts of its repeat.

    Examples
    --------
    >>> from stackit import make_folds
    >>> folds = make_folds([0, 0, 1, 1], n_splits=2, random_state=0)
    >>> [[part.tolist() for part in parts] for parts in parts_of(folds)]
    [[[1, 2], [0, 3]]]
    >>> parts_of(make_folds(range(9), scheme="forward", n_splits=2)) is None
    True
    """
    repeats: list[list[Rows]] = [[] for _ in range(folds.n_repeats)]
    for (repeat, _), (train, held_out) in zip(folds.labels, folds.splits, strict=True):
        if not _make_up(folds.n_samples, train, held_out):
            return None
        repeats[repeat].append(held_out)
    whole = all(sum(map(len, parts)) == folds.n_samples for parts in repeats)
    return repeats if whole else None


def _make_up(n: int, *parts: Rows) -> bool:
    """Whether each of n rows is in exactly one of the parts."""
    seen = np.zeros(n, dtype=bool)
    for part in parts:
        seen[part] = True
    return sum(map(len, parts)) == n and bool(seen.all())
