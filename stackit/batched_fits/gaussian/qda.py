"""Quadratic discriminant analysis on all folds, from the scatter of each class."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, make_fitted
from stackit.batched_fits.gaussian.class_moments import ClassMoments, ClassTable, by_class
from stackit.batched_fits.gaussian.covariance import is_accurate_variance, shrink
from stackit.batched_fits.gaussian.parameters import are_priors, is_shrinkage
from stackit.batched_fits.gaussian.whitening import SMALLEST_CONDITION
from stackit.batched_fits.scaling import ScaledColumns, ScaledFit, Scaling

__all__ = ["BATCHED", "SCALED"]

ClassSolution = tuple[Floats, Floats, Floats]  # scalings, rotation and covariance of a class


def fit_qda(estimator: Any, request: BatchedRequest, scaling: Scaling | None = None) -> BatchedResult | None:
    """Fit QuadraticDiscriminantAnalysis on all folds; a `BatchedFit`.

    The scalings and rotations of a class are the eigenvalues and eigenvectors of its covariance. Declined
    (None): sample weights, a covariance estimator, parameters that scikit-learn refuses, a class missing or
    with too few rows in a training part, a covariance that is not clearly of full rank. The columns of
    ``rotations_`` are those of the plain fit up to their signs.
    """
    table = ClassTable.of(request, scaling)
    if table is None or request.sample_weight is not None:
        return None
    if not _is_known(estimator, table.n_classes) or not table.fits_in_memory(by_class):
        return None
    fitted = []
    for moments, X, (rows, _) in zip(
        table.training_moments(by_class), table.of_splits(), table.splits, strict=True
    ):
        solved = list(_solved(estimator, X, table.codes, rows, moments))
        if len(solved) < table.n_classes:
            return None
        fitted.append(_fitted(estimator, table, solved, moments))
    return BatchedResult(fitted)


def _is_known(estimator: Any, n_classes: int) -> bool:
    """Whether scikit-learn accepts the parameters."""
    numbers, priors = (estimator.reg_param, estimator.tol), estimator.priors
    return (
        n_classes > 1
        and estimator.solver in ("svd", "eigen")
        and (estimator.solver != "svd" or estimator.shrinkage is None)
        and is_shrinkage(estimator.shrinkage)
        and estimator.covariance_estimator is None
        and all(isinstance(number, Real) and 0 <= float(number) < np.inf for number in numbers)
        and estimator.reg_param <= 1
        and isinstance(estimator.store_covariance, bool)
        and (priors is None or are_priors(priors, n_classes, sum_to_one=False))
    )


def _solved(
    estimator: Any, X: Floats | ScaledColumns, codes: Rows, rows: Rows, moments: ClassMoments
) -> Iterator[ClassSolution]:
    """Yield the solution of each class, until one is uncertain."""
    for number, (count, mean, scatter) in enumerate(
        zip(moments.count, moments.mean, moments.scatter, strict=True)
    ):
        if count < 2 or (estimator.solver == "svd" and count < X.shape[1]):
            return
        unshrunk = scatter / count
        if not is_accurate_variance(mean, np.diag(unshrunk), X):
            return
        covariance = shrink(unshrunk, estimator.shrinkage, X, rows[codes[rows] == number], mean)
        if covariance is None:
            return
        values, rotation = eigh(covariance, check_finite=False)
        values, rotation = values[::-1].copy(), rotation[:, ::-1].copy()
        if estimator.solver == "svd":
            values = (1 - estimator.reg_param) * values + estimator.reg_param
            covariance = values * rotation @ rotation.T
        if values[-1] <= max(2 * estimator.tol, 10 * SMALLEST_CONDITION * values[0]):
            return
        yield values, rotation, covariance


def _fitted(estimator: Any, table: ClassTable, solved: list[ClassSolution], moments: ClassMoments) -> Any:
    priors, count = estimator.priors, moments.count
    scalings, rotations, covariances = map(list, zip(*solved, strict=True))
    return make_fitted(
        estimator,
        priors_=count / count.sum() if priors is None else np.array(priors),
        means_=moments.mean,
        scalings_=scalings,
        rotations_=rotations,
        n_features_in_=table.X.shape[1],
        classes_=table.classes.copy(),
        **({"covariance_": covariances} if estimator.store_covariance else {}),
    )


SCALED: dict[type, ScaledFit] = {QuadraticDiscriminantAnalysis: fit_qda}
BATCHED: dict[type, BatchedFit] = {QuadraticDiscriminantAnalysis: fit_qda}
