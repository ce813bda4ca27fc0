"""Ridge, RidgeClassifier and LinearRegression on all folds: who is covered, and real fitted estimators."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, parts_of
from stackit.batched_fits.linear.class_targets import class_targets, class_weights
from stackit.batched_fits.linear.dual import solve_dual
from stackit.batched_fits.linear.least_squares import LinearSolution, LinearSolutions, Problem
from stackit.batched_fits.linear.primal import n_cells, solve_primal
from stackit.batched_fits.moments import EPS, origin_of, some_of
from stackit.batched_fits.scaling import ScaledFit, Scaling

__all__ = ["SCALED", "SHARED"]

SMALLEST_SINGULAR = 1e-4
SMALL_TABLE = 10_000_000
MOST_ROUNDING = 2.5e-10
TIE = 1e-9


def share_ridge(
    estimator: Ridge, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit a Ridge on all folds.

    Parameters
    ----------
    estimator : Ridge
        Not changed.
    request : Request
        What the plain loop would get.
    scaling : Scaling, optional
        What a scaler in front does to the columns.

    Returns
    -------
    Shared or None
        None where the plain loop must do it.

    Examples
    --------
    >>> from stackit import make_folds
    >>> X = np.arange(12.0).reshape(6, 2) ** 2
    >>> folds = make_folds(X[:, 0], scheme="kfold", n_splits=3, random_state=0)
    >>> shared = share_ridge(Ridge(), BatchedRequest(X, X[:, 0], folds, "predict"))
    >>> train, held_out = folds.splits[0]
    >>> np.allclose(shared.held_out[0], Ridge().fit(X[train], X[train, 0]).predict(X[held_out]))
    True
    """
    if not _is_numeric(request.y):
        return None
    Y = _columns(request.y)
    alpha = _penalties(estimator, Y.shape[1])
    if alpha is None:
        return None
    problem = Problem(
        request.X, Y, alpha, estimator.fit_intercept, weight=request.sample_weight, scaling=scaling
    )
    return _share(estimator, request, problem, request.y[:2])


def share_linear_regression(
    estimator: LinearRegression, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit a LinearRegression on all folds, where least squares have a unique and well-conditioned solution.

    Parameters, result and example are those of `share_ridge`, with ``alpha=0``.

    Examples
    --------
    >>> from stackit import make_folds
    >>> X = np.arange(12.0).reshape(6, 2) ** 2
    >>> folds = make_folds(X[:, 0], scheme="kfold", n_splits=3, random_state=0)
    >>> shared = share_linear_regression(LinearRegression(), BatchedRequest(X, X[:, 0], folds, "predict"))
    >>> np.allclose([one.coef_ for one in shared.estimators], [1.0, 0.0])
    True
    """
    n, d = request.X.shape
    largest = max(len(held_out) for _, held_out in request.folds.splits)
    if estimator.positive is not False or not _is_numeric(request.y) or n - largest <= d + 1:
        return None
    Y = _columns(request.y)
    problem = Problem(
        request.X,
        Y,
        np.zeros(Y.shape[1]),
        estimator.fit_intercept,
        weight=request.sample_weight,
        scaling=scaling,
    )
    shared = _share(estimator, request, problem, request.y[:2])
    return shared if shared and _of_full_rank(shared.estimators) else None


def share_ridge_classifier(
    estimator: RidgeClassifier, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit a RidgeClassifier on all folds: ridge regression on targets of -1 and 1.

    Parameters and result are those of `share_ridge`.

    Examples
    --------
    >>> from stackit import make_folds
    >>> X, y = np.arange(12.0).reshape(6, 2) ** 2, np.array(["no", "no", "no", "yes", "yes", "yes"])
    >>> folds = make_folds(y, n_splits=3, random_state=0)
    >>> shared = share_ridge_classifier(RidgeClassifier(), BatchedRequest(X, y, folds, "predict"))
    >>> train, held_out = folds.splits[0]
    >>> (shared.held_out[0] == RidgeClassifier().fit(X[train], y[train]).predict(X[held_out])).all()
    np.True_
    """
    targets = class_targets(request)
    if targets is None:
        return None
    Y, codes, some = targets
    weight, balanced = class_weights(estimator, request, codes)
    alpha = _penalties(estimator, Y.shape[1])
    if alpha is None or (estimator.class_weight is not None and weight is None and balanced is None):
        return None
    problem = Problem(
        request.X, Y, alpha, estimator.fit_intercept, weight=weight, balanced=balanced, scaling=scaling
    )
    return _share(estimator, request, problem, some)


SCALED: dict[type, ScaledFit] = {
    LinearRegression: share_linear_regression,
    Ridge: share_ridge,
    RidgeClassifier: share_ridge_classifier,
}
SHARED: dict[type, BatchedFit] = {
    LinearRegression: share_linear_regression,
    Ridge: share_ridge,
    RidgeClassifier: share_ridge_classifier,
}


def _share(
    estimator: Any, request: BatchedRequest, problem: Problem, some_y: npt.NDArray[Any]
) -> BatchedResult | None:
    """Solve, and dress the solutions as fitted estimators with their answers."""
    repeats = parts_of(request.folds)
    if repeats is None or not _is_covered(request, problem):
        return None
    fitted = _fitted_on_nothing(estimator, request, some_y)
    solved = _solve(problem, repeats) if fitted is not None else None
    if solved is None or not _is_sharp(problem, solved.lines):
        return None
    estimators = [_make_fitted(fitted, line) for line in solved.lines]
    test = None if request.X_test is None else _values(solved.lines, problem, request.X_test)
    if request.method == "predict" and hasattr(fitted, "classes_"):
        if not all(map(_is_decided, solved.held_out + (test or []))):
            return None
    return BatchedResult(
        estimators,
        _answers(estimators, request, solved.held_out),
        None if test is None else _answers(estimators, request, test),
    )


def _is_decided(values: Floats) -> bool:
    """Whether the best class of each row is ahead by more than rounding, so that all see the same label."""
    best = np.sort(values, axis=1)[:, -2:]
    ahead = np.abs(best[:, 0]) if best.shape[1] == 1 else best[:, 1] - best[:, 0]
    return bool((ahead > TIE).all())


def _is_covered(request: BatchedRequest, problem: Problem) -> bool:
    X, weight = request.X, request.sample_weight
    tables = [X] if request.X_test is None else [X, request.X_test]
    dense = all(type(table) is np.ndarray and table.dtype in (np.float64, np.float32) for table in tables)
    return dense and isinstance(problem.intercept, bool) and (weight is None or bool((weight >= 0).all()))


def _solve(problem: Problem, repeats: list[list[Rows]]) -> LinearSolutions | None:
    """Take the cheaper way that is open: the kernel matrix, or the normal equations if they fit in memory."""
    (n, d), t = problem.X.shape, problem.Y.shape[1]
    n_splits = sum(map(len, repeats))
    small = n_cells(problem, repeats[0]) * (d + t) ** 2 <= max(4 * n * d, SMALL_TABLE)
    n_penalties = len(np.unique(problem.alpha))
    by_kernel = n**2 * d + 0.8 * n_penalties * n**3
    # A Cholesky factor is d^3 / 3; adding up and scaling the products takes about twice as long.
    by_products = len(repeats) * n * (d + t) ** 2 + n_splits * n_penalties * d**3
    if _has_one_kernel(problem) and (by_kernel < by_products or (not small and n <= 2 * d)):
        return solve_dual(problem, repeats)
    return solve_primal(problem, repeats) if small and d <= n else None


def _is_sharp(problem: Problem, lines: list[LinearSolution]) -> bool:
    """Whether the plain loop's answers keep their digits where columns are far from 0 beside their spread.

    Coefficients and intercept cancel: rounding makes up to about three times the bound used here. Without
    an intercept, rounding of a scaler's means is not made up for.
    """
    middle, scaling = origin_of(problem.X), problem.scaling
    if scaling is None:
        middles = [middle] * len(lines)
    else:
        middles = list((middle - scaling.shift) / scaling.scale)
        spread = some_of(problem.X).std(axis=0, dtype=np.float64)
        if not problem.intercept and (EPS * np.abs(scaling.shift) > MOST_ROUNDING / 10 * spread).any():
            return False
    rounding = max(
        (EPS * np.abs(at) @ np.abs(line.coef)).max() for at, line in zip(middles, lines, strict=True)
    )
    return bool(rounding <= MOST_ROUNDING * np.abs(problem.Y).max())


def _has_one_kernel(problem: Problem) -> bool:
    """Whether all splits have the same kernel matrix, but for what an intercept takes care of."""
    return problem.alpha.min() > 0 and problem.balanced is None and _only_shifts(problem)


def _only_shifts(problem: Problem) -> bool:
    """Whether columns are at most shifted, and only where an intercept makes up for it."""
    scaling = problem.scaling
    if scaling is None:
        return True
    return bool((scaling.scale == 1).all()) and (problem.intercept or not scaling.shift.any())


def _penalties(estimator: Any, t: int) -> Floats | None:
    """Return the penalty of each target; None when the solver is another, or one is not above 0."""
    if estimator.positive is not False or estimator.solver not in ("auto", "cholesky", "svd"):
        return None
    alpha = np.ravel(estimator.alpha)
    if alpha.dtype.kind not in "fiu" or len(alpha) not in (1, t):
        return None
    penalties = np.broadcast_to(alpha.astype(np.float64), (t,))
    return penalties if (penalties > 0).all() and np.isfinite(penalties).all() else None


def _is_numeric(y: npt.NDArray[Any]) -> bool:
    """Whether y holds numbers, in the shape of one or of several targets."""
    return y.dtype.kind in "fiub" and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] > 1))


def _columns(y: npt.NDArray[Any]) -> Floats:
    return y.reshape(len(y), -1).astype(np.float64)


def _fitted_on_nothing(estimator: Any, request: BatchedRequest, y: npt.NDArray[Any]) -> Any:
    """Fit a clone on zeros, for all attributes that do not depend on X; None if it refuses its parameters."""
    nothing = np.zeros((len(y), request.X.shape[1]))
    try:
        return clone(estimator).fit(nothing, y)
    except (TypeError, ValueError):
        return None


def _make_fitted(fitted: Any, line: LinearSolution) -> Any:
    """Return a copy of a fitted estimator with the coefficients of a line."""
    one = copy.deepcopy(fitted)
    one.coef_ = line.coef.T.reshape(fitted.coef_.shape).copy()
    if one.fit_intercept:
        one.intercept_ = line.intercept.reshape(np.shape(fitted.intercept_))[()]
    if line.singular is not None and hasattr(fitted, "singular_"):
        one.rank_, one.singular_ = len(line.singular), line.singular
    return one


def _of_full_rank(estimators: list[LinearRegression]) -> bool:
    """Whether no singular value is so small that lstsq may drop it, or lose digits to it."""
    smallest = max(SMALLEST_SINGULAR, 10 * getattr(estimators[0], "tol", 0.0))
    return all(one.singular_[-1] > smallest * one.singular_[0] for one in estimators)


def _values(lines: list[LinearSolution], problem: Problem, X: npt.NDArray[np.floating]) -> list[Floats]:
    """Return the (m, t) values of each line at all rows of a table, with one product for all."""
    scaling, t = problem.scaling, problem.Y.shape[1]
    coefs, constants = [line.coef for line in lines], [line.intercept for line in lines]
    if scaling is not None:
        middle = scaling.shift.mean(axis=0)
        coefs = [coef / scale[:, np.newaxis] for coef, scale in zip(coefs, scaling.scale, strict=True)]
        constants = [
            constant + (middle - shift) @ coef
            for constant, shift, coef in zip(constants, scaling.shift, coefs, strict=True)
        ]
        X = X - middle
    products = X.astype(np.float64, copy=False) @ np.hstack(coefs)
    return [products[:, t * i : t * (i + 1)] + constant for i, constant in enumerate(constants)]


def _answers(estimators: list[Any], request: BatchedRequest, values: list[Floats]) -> list[Floats] | None:
    """Return the values as the estimators give them for the method; None where they should be asked."""
    flat = [table.ravel() if table.shape[1] == 1 else table for table in values]
    if request.method == "decision_function" or not hasattr(estimators[0], "classes_"):
        return flat
    if request.method != "predict" or request.y.ndim == 2:
        return None
    labels = [(table > 0).astype(np.intp) if table.ndim == 1 else table.argmax(axis=1) for table in flat]
    return [one.classes_[label] for one, label in zip(estimators, labels, strict=True)]
