"""The solvers of linear discriminant analysis, from class moments instead of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, eigh, svd

from stackit.arrays import Floats, Rows
from stackit.batched_fits.gaussian.class_moments import ClassMoments, Spread, by_class, diagonal, pooled
from stackit.batched_fits.gaussian.covariance import is_well_conditioned, ledoit_wolf, shrunk
from stackit.batched_fits.gaussian.whitening import (
    ScatterWhitening,
    factor,
    whitening_of_rows,
    whitening_of_scatter,
)
from stackit.batched_fits.scaling import ScaledColumns, with_shift

__all__ = ["LdaTraining", "Solver", "solve", "solver_of", "spread_of"]

Attributes = dict[str, Any]


@dataclass(frozen=True, eq=False)
class LdaTraining:
    """One split's training rows, as a solver sees them.

    Parameters
    ----------
    estimator : LinearDiscriminantAnalysis
        Gives the parameters.
    X : (n, d) array or Columns
        The whole table, behind a scaler if there is one.
    codes : (n,) array
        The class number of each row of X.
    rows : (n_train,) array
        Which rows are trained on.
    moments : Moments
        Of these rows.
    """

    estimator: Any
    X: Floats | ScaledColumns
    codes: Rows
    rows: Rows
    moments: ClassMoments

    @property
    def priors(self) -> Floats:
        """The (C,) probabilities of the classes: those given, or their shares."""
        given = self.estimator.priors
        return self.moments.count / len(self.rows) if given is None else np.array(given, dtype=np.float64)

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
    def centers(self) -> tuple[Floats, Floats]:
        """The (d,) mean of all classes by their priors, and the (C, d) class means about it."""
        mean: Floats = self.priors @ self.moments.mean
        return mean, self.moments.mean - mean


Solver = Callable[[LdaTraining], Attributes | None]
"""Returns what a fit sets, or None where that is uncertain."""


def solver_of(estimator: Any, d: int, n_classes: int, n_train: int) -> Solver:
    """Return what solves folds of at most `n_train` rows: in their space if they are fewer than columns.

    Examples
    --------
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> [solver_of(LinearDiscriminantAnalysis(), d, 3, 50).__name__ for d in (10, 100)]
    ['_svd_of_columns', '_svd_of_rows']
    """
    if estimator.solver != "svd":
        return _lsqr if estimator.solver == "lsqr" else _eigen
    wide = d > n_train - n_classes
    return _svd_of_rows if wide and not estimator.store_covariance else _svd_of_columns


def spread_of(estimator: Any, solver: Solver) -> Spread:
    """Return what a solver must know of the scatter: by class only where each class has a weight of its own.

    Examples
    --------
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    >>> spread_of(lda, solver_of(lda, 10, 3, 50)).__name__
    'by_class'
    """
    if solver is _svd_of_rows:
        return diagonal
    needs_covariance = solver is not _svd_of_columns or estimator.store_covariance
    weighted = estimator.priors is not None or estimator.shrinkage == "auto"
    return by_class if needs_covariance and weighted else pooled


def solve(solver: Solver, fold: LdaTraining) -> Attributes | None:
    """Return the attributes of one fold's fit; None where a class is missing, or rounding errors could count.

    Examples
    --------
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> X, codes = np.array([[0.0], [2.0], [8.0], [10.0]]), np.array([0, 0, 1, 1])
    >>> lda, rows = LinearDiscriminantAnalysis(), np.arange(4)
    >>> moments = ClassMoments(np.array([2.0, 2.0]), np.array([[1.0], [9.0]]), np.array([[4.0]]))
    >>> solve(solver_of(lda, 1, 2, 4), LdaTraining(lda, X, codes, rows, moments))["coef_"].tolist()
    [[8.0]]
    """
    if (fold.moments.count == 0).any() or not is_well_conditioned(
        with_shift(fold.moments.mean, fold.X), fold.variance
    ):
        return None
    return solver(fold)


def _svd_of_columns(fold: LdaTraining) -> Attributes | None:
    """Solve by the (d, d) within-class correlations."""
    scale = _scale(fold)
    correlations = fold.within / scale / scale[:, None] / len(fold.rows)
    found = _svd(fold, scale, whitening_of_scatter(correlations, fold.estimator.tol**2))
    if found is not None and fold.estimator.store_covariance:
        found["covariance_"] = _covariance_within(fold)
    return found


def _svd_of_rows(fold: LdaTraining) -> Attributes | None:
    """Solve by the (n, n) products of the rows, scaled: their null space is spanned by the classes."""
    scale, codes = _scale(fold), fold.codes[fold.rows]
    rows = fold.X[fold.rows]
    rows -= fold.moments.mean[codes]
    rows /= scale * np.sqrt(len(rows))
    null = np.eye(len(fold.moments.count))[codes] / np.sqrt(fold.moments.count)
    return _svd(fold, scale, whitening_of_rows(rows, null, fold.estimator.tol**2))


def _scale(fold: LdaTraining) -> Floats:
    """Return the within-class deviations of the columns; 1 for constant ones, as scikit-learn has it."""
    deviation = np.sqrt(fold.variance)
    return np.where(deviation == 0, 1.0, deviation)


def _svd(fold: LdaTraining, scale: Floats, whitening: ScatterWhitening | None) -> Attributes | None:
    """Return scikit-learn's solution of the solver "svd" from a whitening of the scaled columns.

    With W the whitening and B the class means about their mean, weighted by ``sqrt(n * prior / (C - 1))``,
    the scalings are ``W @ V`` for the right singular vectors V of ``B @ W`` whose singular value is above
    ``tol`` times the largest (Hastie, Tibshirani and Friedman, 2009, section 4.3.3). Another whitening
    of the same scatter is turned against W, and V against it: the scalings stay.
    """
    if whitening is None:
        return None
    priors, (mean, centers) = fold.priors, fold.centers
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
    explained = (size**2 / (size**2).sum())[: _n_components(fold)]
    return _attributes(
        fold, coef, intercept, xbar_=mean, scalings_=scalings, explained_variance_ratio_=explained
    )


def _lsqr(fold: LdaTraining) -> Attributes | None:
    """Solve ``covariance @ coef.T = means.T``, least norm: 0 for columns that are constant."""
    covariance = _covariance_within(fold)
    if covariance is None:
        return None
    used = np.flatnonzero(np.diag(covariance))
    lower = factor(covariance if len(used) == len(covariance) else covariance[np.ix_(used, used)])
    if lower is None:
        return None
    means = fold.moments.mean
    coef = np.zeros_like(means)
    coef[:, used] = cho_solve((lower, True), means[:, used].T, check_finite=False).T
    return _attributes(fold, coef, _intercept(fold, coef), covariance_=covariance)


def _eigen(fold: LdaTraining) -> Attributes | None:
    """Solve ``between @ v = value * within @ v`` (Duda, Hart and Stork, 2001, section 3.8.3)."""
    within, total = _covariance_within(fold), _covariance_total(fold)
    if within is None or total is None or factor(within) is None:
        return None
    try:
        values, vectors = eigh(total - within, within, check_finite=False)
    except LinAlgError:
        return None
    vectors, means = vectors[:, ::-1].copy(), fold.moments.mean
    coef = means @ vectors @ vectors.T
    explained = (values / values.sum())[::-1][: _n_components(fold)]
    intercept = _intercept(fold, coef)
    return _attributes(
        fold, coef, intercept, covariance_=within, scalings_=vectors, explained_variance_ratio_=explained
    )


def _intercept(fold: LdaTraining, coef: Floats) -> Floats:
    intercept: Floats = np.log(fold.priors) - 0.5 * np.einsum("ij,ij->i", fold.moments.mean, coef)
    return intercept


def _covariance_within(fold: LdaTraining) -> Floats | None:
    """Return the covariance within classes, each shrunk on its own and weighted by its prior."""
    scatter, shrinkage = fold.moments.scatter, fold.estimator.shrinkage
    if scatter.ndim == 2:
        covariance = scatter / len(fold.rows)
        return covariance if shrinkage is None else shrunk(covariance, shrinkage)
    total: Floats = np.zeros_like(scatter[0])
    for number, prior in enumerate(fold.priors):
        rows = fold.rows[fold.codes[fold.rows] == number]
        of_class = _shrunk(fold, rows, fold.moments.mean[number], scatter[number] / len(rows))
        if of_class is None:
            return None
        total = total + prior * of_class
    return total


def _covariance_total(fold: LdaTraining) -> Floats | None:
    """Return the covariance of all rows, shrunk."""
    count = fold.moments.count
    mean = count @ fold.moments.mean / len(fold.rows)
    between = np.sqrt(count)[:, None] * (fold.moments.mean - mean)
    return _shrunk(fold, fold.rows, mean, (fold.within + between.T @ between) / len(fold.rows))


def _shrunk(fold: LdaTraining, rows: Rows, mean: Floats, covariance: Floats) -> Floats | None:
    """Return a covariance shrunk as the estimator says; None where that is uncertain."""
    shrinkage: Any = fold.estimator.shrinkage
    if shrinkage is None:
        return covariance
    if shrinkage != "auto":
        return shrunk(covariance, shrinkage)
    if not is_well_conditioned(with_shift(mean, fold.X), np.diag(covariance)):
        return None
    return ledoit_wolf(fold.X[rows], mean, covariance)


def _n_components(fold: LdaTraining) -> int:
    given = fold.estimator.n_components
    return int(min(len(fold.moments.count) - 1, fold.X.shape[1])) if given is None else int(given)


def _attributes(fold: LdaTraining, coef: Floats, intercept: Floats, **more: Any) -> Attributes:
    """Return all that a fit sets; two classes are told apart by one row of coefficients."""
    if len(coef) == 2:
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    n_components = _n_components(fold)
    common = {"priors_": fold.priors, "means_": fold.moments.mean, "n_features_in_": fold.X.shape[1]}
    # What transform and get_feature_names_out read; scikit-learn has no public names for them.
    private = {"_max_components": n_components, "_n_features_out": n_components}
    return {"coef_": coef, "intercept_": intercept, **common, **more, **private}
