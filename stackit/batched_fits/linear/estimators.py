"""Ridge, RidgeClassifier and LinearRegression on all folds: what is covered, and the fitted estimators."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, held_out_parts
from stackit.batched_fits.linear.class_targets import class_targets, class_weights
from stackit.batched_fits.linear.dual import solve_dual
from stackit.batched_fits.linear.least_squares import LeastSquares, LinearSolution, LinearSolutions
from stackit.batched_fits.linear.primal import n_cells, solve_primal
from stackit.batched_fits.linear_scores import batched_scores
from stackit.batched_fits.moments import EPS, origin_of, sample_rows
from stackit.batched_fits.scaling import ScaledFit, Scaling

__all__ = ["BATCHED", "SCALED"]

SMALLEST_SINGULAR = 1e-4  # in units of the largest: lstsq loses digits to smaller ones
SMALL_TABLE = 10_000_000  # numbers that the scatter matrices of all cells may always have
LARGEST_ROUNDING = 2.5e-10  # of a prediction, in units of the largest target
TIE = 1e-9  # scores of classes that are nearer than this may be ordered by rounding


def fit_ridge(
    estimator: Ridge, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit a Ridge on all folds."""
    if not _is_numeric(request.y):
        return None
    Y = _as_columns(request.y)
    alpha = _penalties(estimator, Y.shape[1])
    if alpha is None:
        return None
    problem = LeastSquares(
        request.X, Y, alpha, estimator.fit_intercept, weight=request.sample_weight, scaling=scaling
    )
    return _fit(estimator, request, problem, request.y[:2])


def fit_linear_regression(
    estimator: LinearRegression, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit a LinearRegression on all folds, where the solution is unique and well-conditioned."""
    n, d = request.X.shape
    largest = max(len(held_out) for _, held_out in request.folds.splits)
    if estimator.positive is not False or not _is_numeric(request.y) or n - largest <= d + 1:
        return None
    Y = _as_columns(request.y)
    alpha = np.zeros(Y.shape[1])
    problem = LeastSquares(
        request.X, Y, alpha, estimator.fit_intercept, weight=request.sample_weight, scaling=scaling
    )
    result = _fit(estimator, request, problem, request.y[:2])
    return result if result and _have_full_rank(result.estimators) else None


def fit_ridge_classifier(
    estimator: RidgeClassifier, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit a RidgeClassifier on all folds: ridge regression on targets of -1 and 1."""
    targets = class_targets(request)
    if targets is None:
        return None
    Y, codes, one_of_each = targets
    weight, balanced = class_weights(estimator, request, codes)
    alpha = _penalties(estimator, Y.shape[1])
    if alpha is None or (estimator.class_weight is not None and weight is None and balanced is None):
        return None
    problem = LeastSquares(request.X, Y, alpha, estimator.fit_intercept, weight, balanced, scaling)
    return _fit(estimator, request, problem, one_of_each)


SCALED: dict[type, ScaledFit] = {
    LinearRegression: fit_linear_regression,
    Ridge: fit_ridge,
    RidgeClassifier: fit_ridge_classifier,
}
BATCHED: dict[type, BatchedFit] = {
    LinearRegression: fit_linear_regression,
    Ridge: fit_ridge,
    RidgeClassifier: fit_ridge_classifier,
}


def _fit(
    estimator: Any, request: BatchedRequest, problem: LeastSquares, some_y: npt.NDArray[Any]
) -> BatchedResult | None:
    """Solve, and return fitted estimators with their predictions."""
    repeats = held_out_parts(request.folds)
    if repeats is None or not _is_covered(request, problem):
        return None
    template = _fitted_on_zeros(estimator, request, some_y)
    solved = _solve(problem, repeats) if template is not None else None
    if solved is None or not _is_accurate(problem, solved.of_splits):
        return None
    estimators = [_make_fitted(template, solution) for solution in solved.of_splits]
    test = None if request.X_test is None else _scores(solved, problem, request.X_test)
    if request.method == "predict" and hasattr(template, "classes_"):
        if not all(map(_is_decided, solved.held_out + (test or []))):
            return None
    return BatchedResult(
        estimators,
        _predictions(estimators, request, solved.held_out),
        None if test is None else _predictions(estimators, request, test),
    )


def _is_decided(scores: Floats) -> bool:
    """Whether the best class of each row leads by more than rounding errors."""
    best = np.sort(scores, axis=1)[:, -2:]
    lead = np.abs(best[:, 0]) if best.shape[1] == 1 else best[:, 1] - best[:, 0]
    return bool((lead > TIE).all())


def _is_covered(request: BatchedRequest, problem: LeastSquares) -> bool:
    X, weight = request.X, request.sample_weight
    tables = [X] if request.X_test is None else [X, request.X_test]
    are_dense = all(type(table) is np.ndarray and table.dtype in (np.float64, np.float32) for table in tables)
    is_weight = weight is None or bool((weight >= 0).all())
    return are_dense and isinstance(problem.has_intercept, bool) and is_weight


def _solve(problem: LeastSquares, repeats: list[list[Rows]]) -> LinearSolutions | None:
    """Solve by the kernel matrix or, if they fit in memory, the normal equations: whichever is cheaper."""
    (n, d), t = problem.X.shape, problem.Y.shape[1]
    n_splits = sum(map(len, repeats))
    is_small = n_cells(problem, repeats[0]) * (d + t) ** 2 <= max(4 * n * d, SMALL_TABLE)
    n_penalties = len(np.unique(problem.alpha))
    by_kernel = n**2 * d + 0.8 * n_penalties * n**3
    # A Cholesky factor is d^3 / 3; adding up and scaling the products takes about twice as long.
    by_products = len(repeats) * n * (d + t) ** 2 + n_splits * n_penalties * d**3
    if _has_one_kernel(problem) and (by_kernel < by_products or (not is_small and n <= 2 * d)):
        return solve_dual(problem, repeats)
    return solve_primal(problem, repeats) if is_small and d <= n else None


def _is_accurate(problem: LeastSquares, solutions: list[LinearSolution]) -> bool:
    """Whether the plain loop's predictions keep their digits where columns have large means and small spread.

    Coefficients and intercept cancel: rounding makes up to about three times the bound used here. Without
    an intercept, rounding errors of a scaler's means are not compensated.
    """
    middle, scaling = origin_of(problem.X), problem.scaling
    if scaling is None:
        middles = [middle] * len(solutions)
    else:
        middles = list((middle - scaling.shift) / scaling.scale)
        deviation = sample_rows(problem.X).std(axis=0, dtype=np.float64)
        rounding = EPS * np.abs(scaling.shift)
        if not problem.has_intercept and (rounding > LARGEST_ROUNDING / 10 * deviation).any():
            return False
    largest = max(
        (EPS * np.abs(at) @ np.abs(solution.coef)).max()
        for at, solution in zip(middles, solutions, strict=True)
    )
    return bool(largest <= LARGEST_ROUNDING * np.abs(problem.Y).max())


def _has_one_kernel(problem: LeastSquares) -> bool:
    """Whether all splits have the same kernel matrix, but for shifts that an intercept makes up for."""
    if not problem.alpha.min() > 0 or problem.balanced is not None:
        return False
    scaling = problem.scaling
    if scaling is None:
        return True
    return bool((scaling.scale == 1).all()) and (problem.has_intercept or not scaling.shift.any())


def _penalties(estimator: Any, t: int) -> Floats | None:
    """Return the penalty of each target; None for other solvers, and unless all are above 0."""
    if estimator.positive is not False or estimator.solver not in ("auto", "cholesky", "svd"):
        return None
    alpha = np.ravel(estimator.alpha)
    if alpha.dtype.kind not in "fiu" or len(alpha) not in (1, t):
        return None
    penalties = np.broadcast_to(alpha.astype(np.float64), (t,))
    return penalties if (penalties > 0).all() and np.isfinite(penalties).all() else None


def _is_numeric(y: npt.NDArray[Any]) -> bool:
    """Whether y holds numbers, of one or of several targets."""
    return y.dtype.kind in "fiub" and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] > 1))


def _as_columns(y: npt.NDArray[Any]) -> Floats:
    return y.reshape(len(y), -1).astype(np.float64)


def _fitted_on_zeros(estimator: Any, request: BatchedRequest, y: npt.NDArray[Any]) -> Any:
    """Fit a clone on zeros, for all attributes that do not depend on X; None if it refuses its parameters."""
    try:
        return clone(estimator).fit(np.zeros((len(y), request.X.shape[1])), y)
    except (TypeError, ValueError):
        return None


def _make_fitted(template: Any, solution: LinearSolution) -> Any:
    """Return a copy of a fitted estimator with the coefficients of a solution."""
    fitted = copy.deepcopy(template)
    fitted.coef_ = solution.coef.T.reshape(template.coef_.shape).copy()
    if fitted.fit_intercept:
        fitted.intercept_ = solution.intercept.reshape(np.shape(template.intercept_))[()]
    if solution.singular is not None and hasattr(template, "singular_"):
        fitted.rank_, fitted.singular_ = len(solution.singular), solution.singular
    return fitted


def _have_full_rank(estimators: list[LinearRegression]) -> bool:
    """Whether no singular value is so small that lstsq may drop it, or lose digits to it."""
    smallest = max(SMALLEST_SINGULAR, 10 * getattr(estimators[0], "tol", 0.0))
    return all(one.singular_[-1] > smallest * one.singular_[0] for one in estimators)


def _scores(solved: LinearSolutions, problem: LeastSquares, X: npt.NDArray[Any]) -> list[Floats]:
    coefs = [solution.coef for solution in solved.of_splits]
    return batched_scores(X, coefs, [solution.intercept for solution in solved.of_splits], problem.scaling)


def _predictions(estimators: list[Any], request: BatchedRequest, scores: list[Floats]) -> list[Floats] | None:
    """Return scores as the method of the request returns them; None where the estimators must be called."""
    flat = [table.ravel() if table.shape[1] == 1 else table for table in scores]
    if request.method == "decision_function" or not hasattr(estimators[0], "classes_"):
        return flat
    if request.method != "predict" or request.y.ndim == 2:
        return None
    labels = [(table > 0).astype(np.intp) if table.ndim == 1 else table.argmax(axis=1) for table in flat]
    return [one.classes_[label] for one, label in zip(estimators, labels, strict=True)]
