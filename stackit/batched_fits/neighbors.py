"""Nearest neighbours on all folds: the test table is searched once."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from stackit.arrays import Floats, Mask, Rows
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult
from stackit.estimators.estimator_type import is_classifier

__all__ = ["BATCHED"]

METRICS = {"euclidean", "l2", "manhattan", "l1", "cityblock", "chebyshev", "minkowski", "cosine"}
SPARE = 16
"""How many neighbours are searched for beyond the number that leaves enough in each fold on average."""
MAX_POWER = 16
"""Powers of differences above it may vanish, and distances with them."""
MIN_GAIN = 1.5
"""How many times the rows of the table all searches together must go through, for one search to pay."""
MAX_ERROR = 1e-10
"""The largest relative error of a distance that may become a weight, and the least lead of a winner."""
ROWS_PER_TREE = 0.05
"""How many test rows, per row of a tree, make up for building one more tree."""


class Rounding(NamedTuple):
    """How exactly distances are computed.

    ``squared`` says whether the errors are those of squared distances. ``fixed``, an (m, 1) array or a
    number, bounds the error of each test row's distances that does not depend on their size. ``block`` is
    the number of consecutive test rows in one matrix product: predicted together, they get the same bits.
    """

    squared: bool
    fixed: Any
    block: int


@dataclass(frozen=True, eq=False)
class Search:
    """The (m, k') nearest rows of the whole training table for each test row, nearest first.

    ``measured`` are the distances, or their squares, on the scale on which they are compared; ``errors`` are
    the bounds of their rounding errors.
    """

    distances: Floats
    indices: Rows
    measured: Floats
    errors: Floats


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The (m, k) nearest training rows of one fold, as ``kneighbors`` of its estimator returns them.

    ``certain`` (m,) says where rounding and ties cannot have changed them: elsewhere they may be wrong.
    ``accurate`` (m,) says where distances have enough digits to be weights.
    """

    distances: Floats
    indices: Rows
    certain: Mask
    accurate: Mask


def fit_neighbors(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    """Fit on all folds; predict the test table from one search of the whole training table.

    The K searches of the plain loop go through nearly the same rows. One search for the
    :math:`k' = \\lceil k n / n_{train} \\rceil + 16` nearest of all rows holds the k nearest training rows
    of each fold, once the rows that the fold holds out are removed. Where too few are left, or the
    k-th is as far as the next one to within rounding (scikit-learn's choice between them depends on the
    order of its search), the fold's own estimator predicts.

    Each held-out row is searched by one fold only: there is nothing to gain. Declined (None) where exactness
    is not certain, and where one search costs more than K.
    """
    X_test = request.X_test
    if X_test is None or not _is_covered(estimator, request, X_test):
        return None
    fitted = [clone(estimator).fit(request.X[train], request.y[train]) for train, _ in request.folds.splits]
    # The algorithm that "auto" has chosen has no public name.
    algorithms = {fold._fit_method for fold in fitted}
    rounding = _rounding(fitted[0], request.X, X_test)
    if len(algorithms) > 1 or rounding is None:
        return None
    if algorithms != {"brute"} and len(X_test) < ROWS_PER_TREE * len(request.X):
        return None
    search = _search(clone(estimator).set_params(algorithm=algorithms.pop()), rounding, request)
    test = [
        _predictions(
            fold, _nearest(search, train, fold.n_neighbors, request.y), request.method, X_test, rounding.block
        )
        for fold, (train, _) in zip(fitted, request.folds.splits, strict=True)
    ]
    return BatchedResult(fitted, test=test)


def _is_covered(estimator: Any, request: BatchedRequest, X_test: npt.NDArray[Any]) -> bool:
    """Whether one search can be enough, and takes less time."""
    X, k = request.X, estimator.n_neighbors
    sizes = [len(train) for train, _ in request.folds.splits]
    return bool(
        _is_known(estimator)
        and request.sample_weight is None
        and request.method in ("predict", "predict_proba")
        and isinstance(k, int | np.integer)
        and 0 < k <= min(sizes)
        and X.dtype == X_test.dtype
        and X.dtype in (np.float32, np.float64)
        and X_test.shape[1:] == X.shape[1:]
        and len(X_test) > 0
        and sum(sizes) >= MIN_GAIN * len(X)
        and all(len(np.unique(train)) == len(train) for train, _ in request.folds.splits)
    )


def _is_known(estimator: Any) -> bool:
    """Whether the metric's rounding is known, and the weights are continuous in the distances."""
    return (
        isinstance(estimator.metric, str)
        and estimator.metric in METRICS
        and (estimator.weights is None or estimator.weights in ("uniform", "distance"))
    )


def _rounding(fitted: Any, X: npt.NDArray[Any], X_test: npt.NDArray[Any]) -> Rounding | None:
    """Return how exactly a fold's estimator computes distances; None where that is not known.

    Brute force expands squared Euclidean distances, :math:`|x|^2 + |y|^2 - 2 x y`, with the product in
    blocks: digits cancel, and the rest may differ between shapes of a block. All other distances are summed
    up pair by pair, with errors relative to the sum.
    """
    metric, is_brute = fitted.effective_metric_, fitted._fit_method == "brute"
    if metric == "minkowski" and not 1 <= fitted.effective_metric_params_["p"] < MAX_POWER:
        return None
    if metric == "cosine":
        is_exact = is_brute and X.dtype == np.float64
        return Rounding(squared=False, fixed=_unit(X), block=len(X_test)) if is_exact else None
    if is_brute and metric in ("euclidean", "l2"):
        reach = np.sqrt(_squares(X_test)) + np.sqrt(_squares(X).max())
        chunk = int(get_config()["pairwise_dist_chunk_size"])
        return Rounding(squared=True, fixed=_unit(X) * reach[:, np.newaxis] ** 2, block=chunk)
    return Rounding(squared=False, fixed=0.0, block=1)


def _search(whole: Any, rounding: Rounding, request: BatchedRequest) -> Search:
    """Search the whole table for each test row's nearest rows, as the folds' estimators would."""
    n, least = len(request.X), min(len(train) for train, _ in request.folds.splits)
    enough = min(n, -(-whole.n_neighbors * n // least) + SPARE)
    distances, indices = whole.fit(request.X, request.y).kneighbors(request.X_test, enough)
    measured = np.asarray(distances**2 if rounding.squared else distances, dtype=np.float64)
    return Search(distances, indices, measured, rounding.fixed + _unit(request.X) * measured)


def _unit(X: npt.NDArray[Any]) -> float:
    """Return a bound on the relative error of a sum over the features."""
    return float((16 + X.shape[1]) * np.finfo(np.float64).eps)


def _squares(table: npt.NDArray[Any]) -> Floats:
    """Return the squared length of each row."""
    return np.asarray(np.einsum("ij,ij->i", table, table, dtype=np.float64))


def _nearest(search: Search, train: Rows, k: int, y: npt.NDArray[Any]) -> Neighbours:
    """Return the k nearest rows that a fold trains on."""
    position = np.full(len(y), -1, dtype=np.intp)
    position[train] = np.arange(len(train))
    local = position[search.indices]
    kept = local >= 0
    rank = kept.cumsum(axis=1)
    chosen = np.argsort(~(kept & (rank <= k)), axis=1, kind="stable")[:, :k]
    certain = (rank[:, -1] >= k) & _are_settled(search, kept, rank > k, chosen[:, -1:], y)
    accurate: Mask = np.less_equal(search.errors, MAX_ERROR * search.measured)
    return Neighbours(
        distances=np.take_along_axis(search.distances, chosen, axis=1),
        indices=np.take_along_axis(local, chosen, axis=1),
        certain=certain,
        accurate=np.asarray(np.take_along_axis(accurate, chosen, axis=1).all(axis=1)),
    )


def _are_settled(search: Search, kept: Mask, beyond: Mask, last: Rows, y: npt.NDArray[Any]) -> Mask:
    """Return where it does not matter which of the rows about as far as the k-th are taken.

    A distance that the fold's own search computes may be off by `errors` in another direction; so rows
    twice both errors apart keep their order. Rows that are nearer than that are tied: they do no harm
    where all are on one side, or all have the same target.
    """
    distance, error = (np.take_along_axis(table, last, axis=1) for table in (search.measured, search.errors))
    tied = np.abs(search.measured - distance) <= 2 * (search.errors + error)
    all_seen = ~tied[:, -1] | (tied.shape[1] == len(y))
    tied &= kept
    settled: Mask = all_seen & ~(tied & beyond).any(axis=1)
    for row in np.flatnonzero(all_seen & ~settled):
        targets = y[search.indices[row, tied[row]]]
        settled[row] = (targets == targets[0]).all()
    return settled


def _predictions(fitted: Any, near: Neighbours, method: str, X_test: npt.NDArray[Any], block: int) -> Any:
    """Return a fold's predictions: from the neighbours found or, where uncertain, by its estimator."""
    voter = _voter(fitted, near)
    certain = near.certain & _are_stable(voter, near, method, X_test)
    predictions = getattr(voter, method)(X_test)
    doubtful = _whole_blocks(~certain, block)
    if not len(doubtful):
        return predictions
    exact = getattr(fitted, method)(X_test[doubtful])
    # Probabilities of several outputs are a list of tables.
    pairs = zip(predictions, exact, strict=True) if isinstance(predictions, list) else [(predictions, exact)]
    for table, part in pairs:
        table[doubtful] = part
    return predictions


def _voter(fitted: Any, near: Neighbours) -> Any:
    """Return a copy of an estimator with a ``kneighbors`` that returns the neighbours found.

    So scikit-learn itself counts the votes, with its rules for weights and several outputs.
    """

    def kneighbors(X: Any, return_distance: bool = True) -> Any:
        return (near.distances, near.indices) if return_distance else near.indices

    voter = copy.copy(fitted)
    vars(voter).update(_fit_method="found", kneighbors=kneighbors)
    return voter


def _are_stable(voter: Any, near: Neighbours, method: str, X_test: npt.NDArray[Any]) -> Mask:
    """Return where the last bits of the distances, and the order of equal ones, do not matter."""
    if voter.weights != "distance":
        return np.ones(len(near.distances), dtype=bool)
    stable = near.accurate
    if method == "predict" and is_classifier(voter):
        tables = voter.predict_proba(X_test)
        for table in tables if isinstance(tables, list) else [tables]:
            first, second = np.sort(np.column_stack([table, np.zeros(len(table))]), axis=1)[:, :-3:-1].T
            stable = stable & (first - second > MAX_ERROR)
    return stable


def _whole_blocks(rows: Mask, block: int) -> Rows:
    """Return the positions of all rows that share a block with one that is marked."""
    blocks = np.arange(len(rows)) // block
    return np.flatnonzero(np.isin(blocks, np.unique(blocks[rows])))


BATCHED: dict[type, BatchedFit] = dict.fromkeys((KNeighborsClassifier, KNeighborsRegressor), fit_neighbors)
