"""Support vector machines on all folds: the inner products of all rows are computed once."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import ddot
from sklearn import config_context
from sklearn.base import clone
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, make_fitted
from stackit.estimators.estimator_type import is_classifier

__all__ = ["BATCHED"]

MAX_ROWS = 10_000
"""Above it the matrices of a table (8 bytes times n squared, and as much per fold) take too much memory."""
BLOCK = 256  # how many rows of a kernel are computed at a time: they stay in the processor's cache
MAX_KERNEL_ERROR = 1e-11  # the largest error of a kernel value with which decisions are still good to 1e-9
MAX_ERROR = 1e-10  # of a decision, in units of the largest
KERNELS = {"linear", "rbf"}


@dataclass(frozen=True, eq=False)
class InnerProducts:
    """The (n, n) inner products of all rows of X, from which the folds' kernels are computed.

    ``squares`` are the (n,) squared lengths of the rows, to the last bit as libsvm computes them. ``unit``
    bounds the rounding error of a product of two rows of length 1.
    """

    X: Floats
    table: Floats
    squares: Floats
    unit: float

    @classmethod
    def of(cls, X: Floats) -> InnerProducts:
        """Return all inner products; those of a row with itself exactly as libsvm gets them."""
        table = X @ X.T
        squares = np.array([ddot(row, row) for row in X])
        np.fill_diagonal(table, squares)
        # A sum of d products is hardly ever off by more than 6 sqrt(d) roundings (Higham and Mary, 2019).
        unit = (16 + 6 * X.shape[1] ** 0.5) * float(np.finfo(np.float64).eps)
        return cls(X, table, squares, unit)

    @property
    def largest(self) -> float:
        """The largest squared length of a row."""
        return float(self.squares.max())


def fit_svm(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    """Fit a support vector machine on all folds from one table of inner products; a `BatchedFit`.

    libsvm spends most of its time on kernel values, one inner product at a time. Here all products of the
    table are one matrix product. Each fold's kernel is computed from them, with the fold's own ``gamma``, and
    passed to libsvm as a precomputed one; the result gets back its support vectors and the kernel's name.

    libsvm rounds kernel values to single precision, and its path depends on every bit of them. So values
    that are so near to the middle of two single-precision numbers that the order of a summation decides are
    recomputed as libsvm does: dual coefficients are then equal to the last bit. Rows with decisions
    of uncertain sign are predicted by the fitted estimator itself.

    Declined (None): kernels but "linear" and "rbf", probabilities and labels, and more than `MAX_ROWS` rows.

    References
    ----------
    Chang, C.-C. and Lin, C.-J. (2011). LIBSVM: a library for support vector machines. ACM TIST 2(3).
    """
    if not _is_covered(estimator, request):
        return None
    X = np.ascontiguousarray(request.X, dtype=np.float64)
    gammas = [_gamma(estimator.gamma, X[train]) for train, _ in request.folds.splits]
    products = InnerProducts.of(X)
    largest = products.largest if estimator.kernel == "rbf" else 0.0
    if not _kernel_error(estimator.kernel, max(gammas), products.unit, largest) < MAX_KERNEL_ERROR:
        return None
    machines = _machines(estimator, gammas, products, request)
    held_out = [
        machine.predict(products.table[rows], X[rows], request.method)
        for machine, (_, rows) in zip(machines, request.folds.splits, strict=True)
    ]
    fitted = [machine.fitted for machine in machines]
    return BatchedResult(fitted, held_out, _test_predictions(machines, X, request))


@dataclass(frozen=True, eq=False)
class FoldMachine:
    """A fold's support vector machine, which predicts from known inner products.

    ``support`` are the (n_support,) positions of its support vectors in the whole table.
    """

    fitted: Any
    support: Rows
    products: InnerProducts

    def predict(self, dots: Floats, rows: Floats, method: str) -> npt.NDArray[Any]:
        """Return what the method of `fitted` returns for rows, given their products with the whole table."""
        kernel, gamma, unit = self.fitted.kernel, self.fitted._gamma, self.products.unit
        squares = np.einsum("ij,ij->i", rows, rows)
        values = _kernel_values(
            kernel, gamma, dots[:, self.support], squares, self.products.squares[self.support]
        )
        decisions, weights = self._decide(values)
        error = _kernel_error(kernel, gamma, unit, np.maximum(squares, self.products.largest))[:, np.newaxis]
        error = error * (weights if kernel == "rbf" else np.abs(self.fitted.dual_coef_).sum())
        predictions = self._as_predictions(decisions, rows, method)
        doubtful = ~(error < MAX_ERROR * np.abs(decisions).max()).all(axis=1)
        if is_classifier(self.fitted):
            doubtful |= (np.abs(decisions) <= error).any(axis=1)
        if doubtful.any():
            predictions[doubtful] = getattr(self.fitted, method)(rows[doubtful])
        return predictions

    def _decide(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the (m, n_pairs) decisions, and the (m, 1) sum of all terms added up in any of them.

        The coefficients of class a against the others are in the columns of its own support vectors, one
        row per other class (Chang and Lin, 2011, section 7).
        """
        dual, counts = self.fitted._dual_coef_, self.fitted.n_support_
        weights = (values @ np.abs(dual).T).sum(axis=1, keepdims=True)
        if len(counts) < 3:
            return values @ dual.T + self.fitted._intercept_, weights
        starts = np.concatenate([[0], np.cumsum(counts)])
        parts = [values[:, a:b] @ dual[:, a:b].T for a, b in pairwise(starts)]
        pairs = [parts[a][:, b - 1] + parts[b][:, a] for a, b in combinations(range(len(counts)), 2)]
        return np.column_stack(pairs) + self.fitted._intercept_, weights

    def _as_predictions(self, decisions: Floats, rows: Floats, method: str) -> npt.NDArray[Any]:
        """Let scikit-learn turn decisions into predictions."""
        if not is_classifier(self.fitted):
            return decisions[:, 0]
        classifier = copy.copy(self.fitted)
        raw = -decisions[:, 0] if len(classifier.classes_) == 2 else decisions
        vars(classifier)["_decision_function"] = lambda X: raw
        return np.asarray(getattr(classifier, method)(rows))


def _is_covered(estimator: Any, request: BatchedRequest) -> bool:
    """Whether libsvm does the same with a precomputed kernel."""
    y, weights = request.y, request.sample_weight
    return bool(
        isinstance(estimator.kernel, str)
        and estimator.kernel in KERNELS
        and (
            estimator.gamma in ("scale", "auto")
            or (isinstance(estimator.gamma, int | float) and 0 < estimator.gamma < math.inf)
        )
        and len(request.X) <= MAX_ROWS
        and getattr(estimator, "probability", False) in (False, "deprecated")
        and (request.method == "decision_function" or not is_classifier(estimator))
        and y.ndim == 1
        and (weights is None or (weights > 0).all())
        and (
            not is_classifier(estimator)
            or all(len(np.unique(y[train])) > 1 for train, _ in request.folds.splits)
        )
    )


def _gamma(gamma: Any, X: Floats) -> Any:
    """Return the number that the parameter `gamma` means for a training part."""
    if gamma == "auto":
        return 1.0 / X.shape[1]
    if gamma != "scale":
        return gamma
    variance = X.var()
    return 1.0 / (X.shape[1] * variance) if variance != 0 else 1.0


def _kernel_values(kernel: str, gamma: float, dots: Floats, squares: Floats, others: Floats) -> Floats:
    """Return kernel values from inner products, in place, and the squared lengths of both sides' rows."""
    if kernel == "rbf":
        dots *= -2
        dots += squares[:, np.newaxis]
        dots += others
        dots *= -gamma
        np.exp(dots, out=dots)
    return dots


def _kernel_error(kernel: str, gamma: float, unit: float, squares: Any) -> Any:
    """Return the largest error of a kernel value, for rows up to a squared length.

    For "rbf" it is relative to the value (which is 1 at the most), for "linear" absolute.
    """
    return unit * squares if kernel == "linear" else unit * (1 + 4 * gamma * squares)


def _machines(
    estimator: Any, gammas: list[float], products: InnerProducts, request: BatchedRequest
) -> list[FoldMachine]:
    """Fit each fold on its part of the kernel, all in one buffer."""
    weights = request.sample_weight
    buffer = np.empty(max(len(train) for train, _ in request.folds.splits) ** 2)
    machines = []
    for gamma, (train, _) in zip(gammas, request.folds.splits, strict=True):
        kernel = buffer[: len(train) ** 2].reshape(len(train), len(train))
        _fill(kernel, estimator.kernel, gamma, products, train)
        inner = clone(estimator).set_params(kernel="precomputed")
        with config_context(assume_finite=True):
            inner.fit(kernel, request.y[train], None if weights is None else weights[train])
        support, width = train[inner.support_], products.X.shape[1]
        parameters = inner.get_params(deep=False)
        learned = {name: value for name, value in vars(inner).items() if name not in parameters}
        learned |= {"support_vectors_": products.X[support], "shape_fit_": (len(train), width)}
        learned |= {"n_features_in_": width, "_gamma": gamma}
        machines.append(FoldMachine(make_fitted(estimator, **learned), support, products))
    return machines


def _fill(out: Floats, kernel: str, gamma: float, products: InnerProducts, train: Rows) -> None:
    """Write the kernel matrix of a training part, such that its single-precision values are libsvm's."""
    squares = products.squares[train]
    error = _kernel_error(kernel, gamma, products.unit, products.largest)
    for start in range(0, len(train), BLOCK):
        rows, block = train[start : start + BLOCK], out[start : start + BLOCK]
        np.take(products.table[rows], train, axis=1, out=block)
        _kernel_values(kernel, gamma, block, products.squares[rows], squares)
        slack = block * error if kernel == "rbf" else error
        doubtful = (block - slack).astype(np.float32) != (block + slack).astype(np.float32)
        for i, j in zip(*np.divmod(np.flatnonzero(doubtful), len(train)), strict=True):
            block[i, j] = _exact_value(kernel, gamma, products, rows[i], train[j])


def _exact_value(kernel: str, gamma: float, products: InnerProducts, i: int, j: int) -> float:
    """Return one kernel value to the last bit as libsvm computes it."""
    dot = float(ddot(products.X[i], products.X[j]))
    if kernel == "linear":
        return dot
    return math.exp(-gamma * (float(products.squares[i]) + float(products.squares[j]) - 2 * dot))


def _test_predictions(
    machines: list[FoldMachine], X: Floats, request: BatchedRequest
) -> list[npt.NDArray[Any]] | None:
    """Predict the test table in all folds, from its products with the training table, computed once."""
    if request.X_test is None:
        return None
    predictions: list[list[npt.NDArray[Any]]] = [[] for _ in machines]
    for start in range(0, len(request.X_test), 4 * BLOCK):
        rows = np.ascontiguousarray(request.X_test[start : start + 4 * BLOCK], dtype=np.float64)
        dots = rows @ X.T
        for machine, parts in zip(machines, predictions, strict=True):
            parts.append(machine.predict(dots, rows, request.method))
    return [np.concatenate(parts) for parts in predictions]


BATCHED: dict[type, BatchedFit] = dict.fromkeys((SVC, NuSVC, SVR, NuSVR), fit_svm)
