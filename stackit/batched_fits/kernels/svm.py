"""Support vector machines: the inner products of all rows are computed once for all folds."""

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
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult
from stackit.estimators.traits import is_classifier

__all__ = ["SHARED", "share_support_vectors"]


MOST_ROWS = 10_000
"""Above it the matrices of a table (8 bytes times n squared, and as much for a fold) take too much memory."""
BLOCK = 256  # how many rows of a kernel are made at a time: they stay near the processor
BLURRED = 1e-11  # the largest error of a kernel value with which decisions are still good to 1e-9
FAITHFUL = 1e-10  # how far an answer may be off, in units of the largest
KERNELS = {"linear", "rbf"}


@dataclass(frozen=True, eq=False)
class Products:
    """The inner products of all rows, from which the folds' kernels are made.

    Parameters
    ----------
    X : (n, n_features) array
        The training table, in float64 and C order.
    table : (n, n) array
        The inner products.
    squares : (n,) array
        The squared lengths of the rows, to the last bit as libsvm computes them.
    unit : float
        How far a product of two rows of length 1 may be off.
    """

    X: Floats
    table: Floats
    squares: Floats
    unit: float

    @property
    def largest(self) -> float:
        """The largest squared length of a row."""
        return float(self.squares.max())


def share_support_vectors(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    """Fit a support vector machine on all folds from one table of inner products.

    libsvm spends most of its time on kernel values, one inner product at a time. Here all products of the
    table are one matrix product. Each fold's kernel is made from them, with the fold's own ``gamma``, and
    handed to libsvm as a precomputed one; the result gets back its support vectors and the kernel's name.

    libsvm rounds kernel values to single precision, and its path depends on every bit of them. So values
    that stand so near to the middle of two single numbers that the order of a summation decides are
    computed again as libsvm does: dual coefficients are then equal to the last bit, and not only nearly.
    Decisions whose sign is in doubt are taken by the fitted estimator itself.

    Parameters
    ----------
    estimator : SVC, NuSVC, SVR or NuSVR
        Not changed.
    request : Request
        The tables, and what is asked.

    Returns
    -------
    Shared or None
        None for kernels but "linear" and "rbf", for probabilities and labels, and above `MOST_ROWS`.

    References
    ----------
    Chang, C.-C. and Lin, C.-J. (2011). LIBSVM: a library for support vector machines. ACM TIST 2(3).

    Examples
    --------
    >>> from stackit import make_folds
    >>> X, y = np.sin(np.arange(60.0)).reshape(20, 3), np.tile(["a", "b"], 10)
    >>> request = BatchedRequest(X, y, make_folds(y, n_splits=2, random_state=0), "decision_function")
    >>> first = share_support_vectors(SVC(), request).estimators[0]
    >>> train, _ = request.folds.splits[0]
    >>> bool((first.dual_coef_ == SVC().fit(X[train], y[train]).dual_coef_).all())
    True
    """
    if not _can_share(estimator, request):
        return None
    X = np.ascontiguousarray(request.X, dtype=np.float64)
    gammas = [_gamma(estimator.gamma, X[train]) for train, _ in request.folds.splits]
    products = _products(X)
    largest = products.largest if estimator.kernel == "rbf" else 0.0
    if not _blur(estimator.kernel, max(gammas), products.unit, largest) < BLURRED:
        return None
    machines = _machines(estimator, gammas, products, request)
    held_out = [
        machine.ask(products.table[rows], X[rows], request.method)
        for machine, (_, rows) in zip(machines, request.folds.splits, strict=True)
    ]
    return BatchedResult(
        [machine.fitted for machine in machines], held_out, _test_answers(machines, X, request)
    )


@dataclass(frozen=True, eq=False)
class Machine:
    """A fold's support vector machine, which answers from inner products that are known already.

    Parameters
    ----------
    fitted : estimator
        As the plain loop fits it.
    support : (n_support,) array of int
        Where its support vectors stand in the whole table.
    products : Products
        Of the whole table.
    """

    fitted: Any
    support: Rows
    products: Products

    def ask(self, dots: Floats, rows: Floats, method: str) -> npt.NDArray[Any]:
        """Return what `fitted` answers for rows, given their products with the whole table."""
        kernel, gamma, unit = self.fitted.kernel, self.fitted._gamma, self.products.unit
        squares = np.einsum("ij,ij->i", rows, rows)
        values = _values(kernel, gamma, dots[:, self.support], squares, self.products.squares[self.support])
        decisions, weights = self._decide(values)
        blur = _blur(kernel, gamma, unit, np.maximum(squares, self.products.largest))[:, np.newaxis]
        reach = blur * (weights if kernel == "rbf" else np.abs(self.fitted.dual_coef_).sum())
        answer = self._answer(decisions, rows, method)
        doubt = ~(reach < FAITHFUL * np.abs(decisions).max()).all(axis=1)
        if is_classifier(self.fitted):
            doubt |= (np.abs(decisions) <= reach).any(axis=1)
        if doubt.any():
            answer[doubt] = getattr(self.fitted, method)(rows[doubt])
        return answer

    def _decide(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the (m, n_pairs) decisions, and the sum of all that is added up in any of them.

        The coefficients of class a against the others stand in the columns of its own support vectors, one
        row for each other class (Chang and Lin, 2011, section 7).
        """
        dual, counts = self.fitted._dual_coef_, self.fitted.n_support_
        weights = (values @ np.abs(dual).T).sum(axis=1, keepdims=True)
        if len(counts) < 3:
            return values @ dual.T + self.fitted._intercept_, weights
        starts = np.concatenate([[0], np.cumsum(counts)])
        parts = [values[:, a:b] @ dual[:, a:b].T for a, b in pairwise(starts)]
        pairs = [parts[a][:, b - 1] + parts[b][:, a] for a, b in combinations(range(len(counts)), 2)]
        return np.column_stack(pairs) + self.fitted._intercept_, weights

    def _answer(self, decisions: Floats, rows: Floats, method: str) -> npt.NDArray[Any]:
        """Leave it to scikit-learn to make an answer of decisions."""
        if not is_classifier(self.fitted):
            return decisions[:, 0]
        teller = copy.copy(self.fitted)
        binary = len(teller.classes_) == 2
        raw = -decisions[:, 0] if binary else decisions
        vars(teller)["_decision_function"] = lambda X: raw
        return np.asarray(getattr(teller, method)(rows))


def _can_share(estimator: Any, request: BatchedRequest) -> bool:
    """Whether libsvm is asked for nothing that it would do otherwise with a precomputed kernel."""
    y, weights = request.y, request.sample_weight
    return bool(
        isinstance(estimator.kernel, str)
        and estimator.kernel in KERNELS
        and (
            estimator.gamma in ("scale", "auto")
            or (isinstance(estimator.gamma, int | float) and 0 < estimator.gamma < math.inf)
        )
        and len(request.X) <= MOST_ROWS
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
    """Return what the setting `gamma` means for a training part."""
    if gamma == "auto":
        return 1.0 / X.shape[1]
    if gamma != "scale":
        return gamma
    variance = X.var()
    return 1.0 / (X.shape[1] * variance) if variance != 0 else 1.0


def _products(X: Floats) -> Products:
    """Return all inner products; those of a row with itself exactly as libsvm gets them."""
    table = X @ X.T
    squares = np.array([ddot(row, row) for row in X])
    np.fill_diagonal(table, squares)
    # A sum of d products is hardly ever off by more than 6 sqrt(d) roundings (Higham and Mary, 2019).
    return Products(X, table, squares, unit=(16 + 6 * X.shape[1] ** 0.5) * float(np.finfo(np.float64).eps))


def _values(kernel: str, gamma: float, dots: Floats, squares: Floats, others: Floats) -> Floats:
    """Return kernel values from inner products, in place, and the squared lengths of both sides' rows."""
    if kernel == "rbf":
        dots *= -2
        dots += squares[:, np.newaxis]
        dots += others
        dots *= -gamma
        np.exp(dots, out=dots)
    return dots


def _blur(kernel: str, gamma: float, unit: float, squares: Any) -> Any:
    """Return how far a kernel value may be off, for rows up to a squared length.

    In units of the value (which is 1 at the most) for "rbf", by itself for "linear".
    """
    return unit * squares if kernel == "linear" else unit * (1 + 4 * gamma * squares)


def _machines(
    estimator: Any, gammas: list[float], products: Products, request: BatchedRequest
) -> list[Machine]:
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
        fitted = _make_fitted(
            estimator,
            inner,
            support_vectors_=products.X[support],
            shape_fit_=(len(train), width),
            n_features_in_=width,
            _gamma=gamma,
        )
        machines.append(Machine(fitted, support, products))
    return machines


def _fill(out: Floats, kernel: str, gamma: float, products: Products, train: Rows) -> None:
    """Write the kernel matrix of a training part, such that its single-precision values are libsvm's."""
    squares = products.squares[train]
    blur = _blur(kernel, gamma, products.unit, products.largest)
    for start in range(0, len(train), BLOCK):
        rows, block = train[start : start + BLOCK], out[start : start + BLOCK]
        np.take(products.table[rows], train, axis=1, out=block)
        _values(kernel, gamma, block, products.squares[rows], squares)
        slack = block * blur if kernel == "rbf" else blur
        doubt = (block - slack).astype(np.float32) != (block + slack).astype(np.float32)
        for i, j in zip(*np.divmod(np.flatnonzero(doubt), len(train)), strict=True):
            block[i, j] = _exactly(kernel, gamma, products, rows[i], train[j])


def _exactly(kernel: str, gamma: float, products: Products, i: int, j: int) -> float:
    """Return one kernel value to the last bit as libsvm computes it."""
    dot = float(ddot(products.X[i], products.X[j]))
    if kernel == "linear":
        return dot
    return math.exp(-gamma * (float(products.squares[i]) + float(products.squares[j]) - 2 * dot))


def _make_fitted(estimator: Any, inner: Any, **attributes: Any) -> Any:
    """Return an estimator with its own settings and what another of its type has learnt."""
    fitted, settings = clone(estimator), inner.get_params(deep=False)
    learnt = {name: value for name, value in vars(inner).items() if name not in settings}
    vars(fitted).update(learnt | attributes)
    return fitted


def _test_answers(
    machines: list[Machine], X: Floats, request: BatchedRequest
) -> list[npt.NDArray[Any]] | None:
    """Ask all folds about the test table, whose products with the training table are made once."""
    if request.X_test is None:
        return None
    answers: list[list[npt.NDArray[Any]]] = [[] for _ in machines]
    for start in range(0, len(request.X_test), 4 * BLOCK):
        rows = np.ascontiguousarray(request.X_test[start : start + 4 * BLOCK], dtype=np.float64)
        dots = rows @ X.T
        for machine, parts in zip(machines, answers, strict=True):
            parts.append(machine.ask(dots, rows, request.method))
    return [np.concatenate(parts) for parts in answers]


SHARED: dict[type, BatchedFit] = dict.fromkeys((SVC, NuSVC, SVR, NuSVR), share_support_vectors)
