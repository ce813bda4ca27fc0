"""Kernel ridge regression on all folds: one kernel matrix and one inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve
from scipy.linalg.lapack import dpotrf, dpotri
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import pairwise_kernels

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, held_out_parts, make_fitted

__all__ = ["BATCHED"]

MAX_ROWS = 10_000
"""Above it the kernel matrix and its inverse (16 bytes times n squared) take too much memory."""
MAX_CONDITION = 1e6
"""The largest ratio of the matrix' eigenvalues with which rounding stays below 1e-9."""
MIN_GAIN = 1.5
"""How many cubes of n the training parts' cubes must add up to, for one inverse to be worth it."""
TEST_BLOCK = 1024
"""How many test rows are predicted at a time: their kernel rows take memory."""
DEFINITE = {"chi2", "cosine", "laplacian", "linear", "rbf"}
"""Kernels without negative eigenvalues: their matrices can be inverted with any `alpha` > 0."""


def fit_kernel_ridge(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    r"""Fit KernelRidge on all folds from one inverse; a `BatchedFit`.

    With :math:`B = (K + \alpha I)^{-1}` over all rows and :math:`z = B y`, a fold that holds out the rows F
    and trains on T misses its held-out targets by :math:`e = B_{FF}^{-1} z_F`, and its dual coefficients are
    :math:`z_T - B_{TF} e`: setting :math:`y_F` to what the fold predicts there makes the coefficients of the
    whole table vanish on F. Weights scale rows and columns of K, rows of y, and coefficients by their roots.

    Declined (None): a kernel that is not among `DEFINITE`, an `alpha` so small that rounding shows, folds
    that train on less than all other rows, and few folds or many rows.

    References
    ----------
    Rifkin, R. M. and Lippert, R. A. (2007). Notes on regularized least squares. MIT-CSAIL-TR-2007-025.
    An, S., Liu, W. and Venkatesh, S. (2007). Fast cross-validation algorithms for least squares support
    vector machine and kernel ridge regression. Pattern Recognition 40(8), 2154-2162.
    """
    if not _is_covered(estimator, request):
        return None
    roots = np.sqrt(np.ones(len(request.X)) if request.sample_weight is None else request.sample_weight)
    inverse = _inverse(estimator, request.X, roots)
    if inverse is None:
        return None
    targets = request.y.reshape(len(roots), -1) * roots[:, np.newaxis]
    fitted, held_out, duals = [], [], []
    for train, rows in request.folds.splits:
        dual, missed = _dual(inverse, targets, rows)
        duals.append(dual * roots[:, np.newaxis])
        fitted.append(_fitted(estimator, request, train, duals[-1][train]))
        held_out.append((-missed / roots[rows, np.newaxis]).reshape(request.y[rows].shape))
    return BatchedResult(fitted, held_out, _test_predictions(estimator, np.hstack(duals), request))


def _is_covered(estimator: Any, request: BatchedRequest) -> bool:
    """Whether the matrix can be inverted, and one inverse takes less time than K fits."""
    X, alpha, weights = request.X, estimator.alpha, request.sample_weight
    shares = [len(train) / len(X) for train, _ in request.folds.splits]
    return bool(
        isinstance(estimator.kernel, str)
        and estimator.kernel in DEFINITE
        and isinstance(alpha, int | float)
        and 0 < alpha < np.inf
        and X.dtype == np.float64 == getattr(request.X_test, "dtype", np.float64)
        and len(X) <= MAX_ROWS
        and sum(share**3 for share in shares) >= MIN_GAIN
        and held_out_parts(request.folds) is not None
        and (weights is None or (weights > 0).all())
    )


def _kernel(estimator: Any, X: Floats, Y: Floats) -> Floats:
    settings = {name: getattr(estimator, name) for name in ("gamma", "degree", "coef0")}
    return np.asarray(pairwise_kernels(X, Y, metric=estimator.kernel, filter_params=True, **settings))


def _inverse(estimator: Any, X: Floats, roots: Floats) -> Floats | None:
    """Return the inverse over all rows; None where it is not exact enough."""
    matrix = _kernel(estimator, X, X)
    matrix *= roots[:, np.newaxis]
    matrix *= roots
    # No eigenvalue is larger than the largest sum of a row, and none smaller than alpha.
    if not np.abs(matrix).sum(axis=1).max() < MAX_CONDITION * estimator.alpha:
        return None
    matrix.flat[:: len(X) + 1] += estimator.alpha
    factor, info = dpotrf(matrix.T, lower=1, overwrite_a=1)
    if info:
        return None
    inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse)
    return np.asarray(inverse + np.tril(inverse, -1).T)


def _dual(inverse: Floats, targets: Floats, held_out: Rows) -> tuple[Floats, Floats]:
    """Return a fold's (n, n_outputs) dual coefficients, 0 for held-out rows, and its errors at these.

    The held-out targets cancel; set to 0, they do not leave rounding errors behind.
    """
    seen = targets.copy()
    seen[held_out] = 0.0
    columns, dual = inverse[:, held_out], inverse @ seen
    missed = solve(columns[held_out], dual[held_out], assume_a="pos")
    dual -= columns @ missed
    dual[held_out] = 0.0
    return dual, missed


def _fitted(estimator: Any, request: BatchedRequest, train: Rows, dual: Floats) -> Any:
    return make_fitted(
        estimator,
        X_fit_=request.X[train],
        n_features_in_=request.X.shape[1],
        dual_coef_=dual.reshape(len(train), *request.y.shape[1:]),
    )


def _test_predictions(
    estimator: Any, duals: Floats, request: BatchedRequest
) -> list[npt.NDArray[Any]] | None:
    """Predict the test table in all folds together, from the dual coefficients of all folds side by side."""
    if request.X_test is None:
        return None
    blocks = [
        _kernel(estimator, request.X_test[start : start + TEST_BLOCK], request.X) @ duals
        for start in range(0, len(request.X_test), TEST_BLOCK)
    ]
    parts = np.split(np.concatenate(blocks), len(request.folds.splits), axis=1)
    return [part.reshape(len(part), *request.y.shape[1:]) for part in parts]


BATCHED: dict[type, BatchedFit] = {KernelRidge: fit_kernel_ridge}
