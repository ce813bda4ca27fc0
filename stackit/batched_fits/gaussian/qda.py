"""Quadratic discriminant analysis on all folds: each class's scatter is measured once a held-out part."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.base import clone

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedRequest, BatchedResult, parts_of
from stackit.batched_fits.gaussian.class_moments import (
    ClassMoments,
    by_class,
    fits_in_memory,
    labels_of,
    training,
)
from stackit.batched_fits.gaussian.covariance import is_shrinkage, is_well_conditioned, ledoit_wolf, shrunk
from stackit.batched_fits.gaussian.whitening import CONDITION
from stackit.batched_fits.scaling import ScaledColumns, Scaling, tables_of, with_shift

__all__ = ["fit_quadratic"]


def fit_quadratic(
    estimator: Any, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit QuadraticDiscriminantAnalysis on all folds; a `BatchedFit`.

    The scalings and rotations of a class are the eigenvalues and eigenvectors of its covariance. Declined
    (None): sample weights, a covariance estimator, parameters that scikit-learn refuses, a class missing or
    with too few rows in a training part, a covariance that is not clearly of full rank. The columns of
    ``rotations_`` are those of the plain fit up to their signs.

    Parameters
    ----------
    estimator : QuadraticDiscriminantAnalysis
        Not changed.
    request : Request
        What the plain loop would get.
    scaling : Scaling, optional
        What a scaler in front does to the columns.

    Returns
    -------
    Shared or None

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from stackit import make_folds
    >>> from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    >>> X, y = load_iris(return_X_y=True)
    >>> folds = make_folds(y, n_splits=3, random_state=0)
    >>> shared = fit_quadratic(QuadraticDiscriminantAnalysis(), BatchedRequest(X, y, folds, "predict_proba"))
    >>> [e.score(X[held_out], y[held_out]) for e, (_, held_out) in zip(shared.estimators, folds.splits)]
    [1.0, 0.94, 0.98]
    """
    labels, repeats = labels_of(request.y), parts_of(request.folds)
    if labels is None or repeats is None or request.sample_weight is not None:
        return None
    (classes, codes), X = labels, np.asarray(request.X, dtype=np.float64)
    n_classes, splits = len(classes), request.folds.splits
    if not _is_known(estimator, n_classes) or not fits_in_memory(by_class, X, n_classes, repeats):
        return None
    fitted = []
    found = training(X, codes, n_classes, repeats, by_class, scaling=scaling)
    tables = tables_of(X, scaling, len(splits))
    for moments, table, (rows, _) in zip(found, tables, splits, strict=True):
        solved = list(_solved(estimator, table, codes, rows, moments))
        if len(solved) < n_classes:
            return None
        fitted.append(clone(estimator))
        _set(fitted[-1], solved, moments, n_features_in_=X.shape[1], classes_=classes.copy())
    return BatchedResult(fitted)


def _is_known(estimator: Any, n_classes: int) -> bool:
    """Whether the parameters are ones that scikit-learn takes."""
    numbers = (estimator.reg_param, estimator.tol)
    return (
        n_classes > 1
        and estimator.solver in ("svd", "eigen")
        and (estimator.solver != "svd" or estimator.shrinkage is None)
        and is_shrinkage(estimator.shrinkage)
        and estimator.covariance_estimator is None
        and all(isinstance(number, Real) and 0 <= float(number) < np.inf for number in numbers)
        and estimator.reg_param <= 1
        and isinstance(estimator.store_covariance, bool)
        and (estimator.priors is None or _are_priors(estimator.priors, n_classes))
    )


def _are_priors(given: Any, n_classes: int) -> bool:
    priors = np.asarray(given)
    return bool(priors.dtype.kind in "fiu" and priors.shape == (n_classes,) and (priors > 0).all())


def _solved(
    estimator: Any, X: Floats | ScaledColumns, codes: Rows, rows: Rows, moments: ClassMoments
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield the scalings, rotation and covariance of each class, until one is uncertain."""
    for number, (count, mean, scatter) in enumerate(
        zip(moments.count, moments.mean, moments.scatter, strict=True)
    ):
        if count < 2 or (estimator.solver == "svd" and count < X.shape[1]):
            return
        covariance = _shrunk(estimator, X, rows[codes[rows] == number], mean, scatter / count)
        if covariance is None or not is_well_conditioned(with_shift(mean, X), np.diag(scatter) / count):
            return
        values, rotation = eigh(covariance, check_finite=False)
        values, rotation = values[::-1].copy(), rotation[:, ::-1].copy()
        if estimator.solver == "svd":
            values = (1 - estimator.reg_param) * values + estimator.reg_param
            covariance = values * rotation @ rotation.T
        if values[-1] <= max(2 * estimator.tol, 10 * CONDITION * values[0]):
            return
        yield values, rotation, covariance


def _shrunk(
    estimator: Any, X: Floats | ScaledColumns, rows: Rows, mean: Floats, covariance: Floats
) -> Floats | None:
    shrinkage = estimator.shrinkage
    if shrinkage == "auto":
        return ledoit_wolf(X[rows], mean, covariance)
    return covariance if shrinkage is None else shrunk(covariance, shrinkage)


def _set(
    fitted: Any, solved: list[tuple[Floats, Floats, Floats]], moments: ClassMoments, **more: Any
) -> None:
    """Give an estimator all that its fit sets."""
    given = fitted.priors
    fitted.priors_ = moments.count / moments.count.sum() if given is None else np.array(given)
    fitted.means_ = moments.mean
    fitted.scalings_, fitted.rotations_, covariances = map(list, zip(*solved, strict=True))
    if fitted.store_covariance:
        fitted.covariance_ = covariances
    for name, value in more.items():
        setattr(fitted, name, value)
