"""The solvers of linear discriminant analysis, from class moments instead of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, eigh, svd

from stackit.arrays import Floats, Rows
from stackit.batched_fits.cholesky import cholesky
from stackit.batched_fits.gaussian.class_moments import ClassMoments, ScatterFn, by_class, diagonal, pooled
from stackit.batched_fits.gaussian.covariance import is_accurate_variance, shrink, shrunk
from stackit.batched_fits.gaussian.whitening import (
    SMALLEST_CONDITION,
    ScatterWhitening,
    whitening_of_rows,
    whitening_of_scatter,
)
from stackit.batched_fits.scaling import ScaledColumns

__all__ = ["LdaFold", "Solver", "scatter_fn_of", "solve", "solver_of"]

Attributes = dict[str, Any]


@dataclass(frozen=True, eq=False)
class LdaFold:
    """The training rows of one split, out of the whole table X with the class number of each of its rows."""

    estimator: Any
    X: Floats | ScaledColumns
    codes: Rows
    rows: Rows
    moments: ClassMoments

    @property
    def priors(self) -> Floats:
        """The (C,) probabilities of the classes: those of the parameter, or their shares of the rows."""
        priors = self.estimator.priors
        return self.moments.count / len(self.rows) if priors is None else np.array(priors, dtype=np.float64)

    @property
    def within(self) -> Floats:
        """The (d, d) scatter within the classes; its (d,) diagonal where no more was measured."""
        scatter = self.moments.scatter
        return scatter.sum(axis=0) if scatter.ndim == 3 else scatter

    @property
    def variance(self) -> Floats:
        """The (d,) variances within the classes."""
        within = self.within
        return (np.diag(within) if within.ndim == 2 else within) / len(self.rows)

    @property
    def n_components(self) -> int:
        """The number of discriminant directions."""
        given = self.estimator.n_components
        return int(min(len(self.moments.count) - 1, self.X.shape[1]) if given is None else given)


Solver = Callable[[LdaFold], Attributes | None]
"""Returns the attributes that a fit sets, or None where they are uncertain."""


def solver_of(estimator: Any, d: int, n_classes: int, n_train: int) -> Solver:
    """Return the solver for folds of at most `n_train` rows: in row space if columns outnumber them."""
    if estimator.solver != "svd":
        return _lsqr if estimator.solver == "lsqr" else _eigen
    is_wide = d > n_train - n_classes
    return _svd_of_rows if is_wide and not estimator.store_covariance else _svd_of_columns


def scatter_fn_of(estimator: Any, solver: Solver) -> ScatterFn:
    """Return which scatter a solver needs: by class only where each class has a weight of its own."""
    if solver is _svd_of_rows:
        return diagonal
    needs_covariance = solver is not _svd_of_columns or estimator.store_covariance
    is_weighted = estimator.priors is not None or estimator.shrinkage == "auto"
    return by_class if needs_covariance and is_weighted else pooled


def solve(solver: Solver, fold: LdaFold) -> Attributes | None:
    """Return the attributes of one fold's fit; None where a class is missing or rounding could matter."""
    moments = fold.moments
    if (moments.count == 0).any() or not is_accurate_variance(moments.mean, fold.variance, fold.X):
        return None
    return solver(fold)


def _svd_of_columns(fold: LdaFold) -> Attributes | None:
    """Solve by the (d, d) within-class correlations."""
    scale = _scale(fold)
    correlations = fold.within / scale / scale[:, None] / len(fold.rows)
    found = _svd(fold, scale, whitening_of_scatter(correlations, fold.estimator.tol**2))
    if found is not None and fold.estimator.store_covariance:
        found["covariance_"] = _covariance_within(fold)
    return found


def _svd_of_rows(fold: LdaFold) -> Attributes | None:
    """Solve by the (n, n) products of the rows, scaled: their null space is spanned by the classes."""
    scale, codes = _scale(fold), fold.codes[fold.rows]
    rows = fold.X[fold.rows]
    rows -= fold.moments.mean[codes]
    rows /= scale * np.sqrt(len(rows))
    null = np.eye(len(fold.moments.count))[codes] / np.sqrt(fold.moments.count)
    return _svd(fold, scale, whitening_of_rows(rows, null, fold.estimator.tol**2))


def _scale(fold: LdaFold) -> Floats:
    """Return the within-class deviations of the columns; 1 for constant ones, as in scikit-learn."""
    deviation = np.sqrt(fold.variance)
    return np.where(deviation == 0, 1.0, deviation)


def _svd(fold: LdaFold, scale: Floats, whitening: ScatterWhitening | None) -> Attributes | None:
    """Return scikit-learn's solution of the solver "svd" from a whitening of the scaled columns.

    With W the whitening and B the class means about their mean, weighted by ``sqrt(n * prior / (C - 1))``,
    the scalings are ``W @ V`` for the right singular vectors V of ``B @ W`` with a singular value above
    ``tol`` times the largest (Hastie, Tibshirani and Friedman, 2009, section 4.3.3). Another whitening
    of the same scatter is turned against W, and V against it: the scalings stay.
    """
    if whitening is None:
        return None
    priors, means = fold.priors, fold.moments.mean
    mean = priors @ means
    centers = means - mean
    weight = np.sqrt(len(fold.rows) * priors / (len(priors) - 1))
    directions, size, _ = svd(
        whitening.down((weight[:, None] * centers / scale).T), full_matrices=False, check_finite=False
    )
    ratio = size / max(size[0], 1e-3) / fold.estimator.tol
    # Means that coincide differ by rounding errors only.
    if size[0] < 1e-3 or ((ratio > 0.5) & (ratio < 2)).any():
        return None
    scalings = whitening.up(directions[:, ratio > 1]) / scale[:, None]
    projected = centers @ scalings
    coef = projected @ scalings.T
    intercept = np.log(priors) - 0.5 * (projected**2).sum(axis=1) - coef @ mean
    explained = (size**2 / (size**2).sum())[: fold.n_components]
    return _attributes(
        fold, coef, intercept, xbar_=mean, scalings_=scalings, explained_variance_ratio_=explained
    )


def _lsqr(fold: LdaFold) -> Attributes | None:
    """Solve ``covariance @ coef.T = means.T``, least norm: 0 for columns that are constant."""
    covariance = _covariance_within(fold)
    if covariance is None:
        return None
    used = np.flatnonzero(np.diag(covariance))
    kept = covariance if len(used) == len(covariance) else covariance[np.ix_(used, used)]
    lower = cholesky(kept, SMALLEST_CONDITION)
    if lower is None:
        return None
    means = fold.moments.mean
    coef = np.zeros_like(means)
    coef[:, used] = cho_solve((lower, True), means[:, used].T, check_finite=False).T
    return _attributes(fold, coef, _intercept(fold, coef), covariance_=covariance)


def _eigen(fold: LdaFold) -> Attributes | None:
    """Solve ``between @ v = value * within @ v`` (Duda, Hart and Stork, 2001, section 3.8.3)."""
    within, total = _covariance_within(fold), _covariance_total(fold)
    if within is None or total is None or cholesky(within, SMALLEST_CONDITION) is None:
        return None
    try:
        values, vectors = eigh(total - within, within, check_finite=False)
    except LinAlgError:
        return None
    vectors, means = vectors[:, ::-1].copy(), fold.moments.mean
    coef = means @ vectors @ vectors.T
    explained = (values / values.sum())[::-1][: fold.n_components]
    intercept = _intercept(fold, coef)
    return _attributes(
        fold, coef, intercept, covariance_=within, scalings_=vectors, explained_variance_ratio_=explained
    )


def _intercept(fold: LdaFold, coef: Floats) -> Floats:
    intercept: Floats = np.log(fold.priors) - 0.5 * np.einsum("ij,ij->i", fold.moments.mean, coef)
    return intercept


def _covariance_within(fold: LdaFold) -> Floats | None:
    """Return the covariance within classes, each shrunk on its own and weighted by its prior."""
    scatter, shrinkage = fold.moments.scatter, fold.estimator.shrinkage
    if scatter.ndim == 2:
        covariance = scatter / len(fold.rows)
        return covariance if shrinkage is None else shrunk(covariance, shrinkage)
    total: Floats = np.zeros_like(scatter[0])
    for number, prior in enumerate(fold.priors):
        rows = fold.rows[fold.codes[fold.rows] == number]
        of_class = shrink(scatter[number] / len(rows), shrinkage, fold.X, rows, fold.moments.mean[number])
        if of_class is None:
            return None
        total = total + prior * of_class
    return total


def _covariance_total(fold: LdaFold) -> Floats | None:
    """Return the covariance of all rows, shrunk."""
    count = fold.moments.count
    mean = count @ fold.moments.mean / len(fold.rows)
    between = np.sqrt(count)[:, None] * (fold.moments.mean - mean)
    covariance = (fold.within + between.T @ between) / len(fold.rows)
    return shrink(covariance, fold.estimator.shrinkage, fold.X, fold.rows, mean)


def _attributes(fold: LdaFold, coef: Floats, intercept: Floats, **more: Any) -> Attributes:
    """Return all attributes that a fit sets; two classes have one row of coefficients."""
    if len(coef) == 2:
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    n_components = fold.n_components
    common = {"priors_": fold.priors, "means_": fold.moments.mean, "n_features_in_": fold.X.shape[1]}
    # What transform and get_feature_names_out read; scikit-learn has no public names for them.
    private = {"_max_components": n_components, "_n_features_out": n_components}
    return {"coef_": coef, "intercept_": intercept, **common, **more, **private}
