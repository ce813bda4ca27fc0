"""Nearest neighbours: the test table is searched once for all folds."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult
from stackit.estimators.traits import is_classifier

__all__ = ["SHARED", "share_neighbors"]

Mask = npt.NDArray[np.bool_]

METRICS = {"euclidean", "l2", "manhattan", "l1", "cityblock", "chebyshev", "minkowski", "cosine"}
SPARE = 16
"""How many neighbours are looked for beyond the number that leaves enough in each fold on average."""
HIGHEST_POWER = 16
"""Powers of differences above it may vanish, and distances with them."""
LEAST_GAIN = 1.5
"""How many times the rows of the table all searches together must go through, to be worth sharing."""
FAITHFUL = 1e-10
"""The largest relative error of a distance that may become a weight, and the least lead of a winner."""
ROWS_PER_TREE = 0.05
"""How many test rows, for each row of a tree, make up for growing the one tree more."""


class Rounding(NamedTuple):
    """How exactly distances are computed.

    Parameters
    ----------
    squared : bool
        Whether the errors are those of their squares.
    fixed : (m, 1) array or float
        What each distance of a test row may be off by, besides what goes with its size.
    block : int
        How many consecutive test rows go into one matrix product: asked together, their answers are
        the same to the last bit.
    """

    squared: bool
    fixed: Any
    block: int


@dataclass(frozen=True, eq=False)
class Search:
    """What one search of the whole training table found.

    Parameters
    ----------
    distances, indices : (m, k') arrays
        The nearest rows of the whole table, nearest first.
    measured, errors : (m, k') arrays
        The distances, or squares of them, on the scale on which they are compared, and how far rounding
        may have moved each.
    """

    distances: Floats
    indices: Rows
    measured: Floats
    errors: Floats


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest training rows of one fold: those of the whole table, less the rows held out.

    Parameters
    ----------
    distances, indices : (m, k) arrays
        As ``kneighbors`` of the fold's estimator gives them; anything where not `certain`.
    certain : (m,) array of bool
        Where rounding and ties cannot have made them others.
    faithful : (m,) array of bool
        Where rounding leaves enough digits of the distances to make weights of them.
    """

    distances: Floats
    indices: Rows
    certain: Mask
    faithful: Mask


def share_neighbors(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    """Fit on all folds; answer for the test table from one search of the whole training table.

    The K searches of the plain loop go through nearly the same rows. One search for the
    :math:`k' = \\lceil k n / n_{train} \\rceil + 16` nearest of all rows holds the k nearest training rows
    of each fold, once the rows that the fold holds out are taken away. Where too few are left, or the
    k-th is as far as the next one to within rounding (scikit-learn's choice between them depends on the
    order of its search), the fold's own estimator is asked.

    Each held-out row is searched by one fold only: there is nothing to share.

    Parameters
    ----------
    estimator : KNeighborsClassifier or KNeighborsRegressor
        Not changed.
    request : Request
        The tables, and what is asked.

    Returns
    -------
    Shared or None
        With ``test`` answers; None where there is nothing to gain or exactness is not certain.

    Examples
    --------
    >>> from stackit import make_folds
    >>> X, y = np.arange(24.0).reshape(12, 2), np.tile([0, 1], 6)
    >>> request = BatchedRequest(X, y, make_folds(y, n_splits=3, random_state=0), "predict", X_test=X + 0.1)
    >>> shared = share_neighbors(KNeighborsClassifier(1), request)
    >>> [bool((answer == k1.predict(X + 0.1)).all()) for k1, answer in zip(shared.estimators, shared.test)]
    [True, True, True]
    """
    X_test = request.X_test
    if X_test is None or not _can_share(estimator, request, X_test):
        return None
    fitted = [clone(estimator).fit(request.X[train], request.y[train]) for train, _ in request.folds.splits]
    ways = {one._fit_method for one in fitted}  # no public name tells what algorithm="auto" has chosen
    rounding = _rounding(fitted[0], request.X, X_test)
    if len(ways) > 1 or rounding is None or not (ways == {"brute"} or _worth_a_tree(request.X, X_test)):
        return None
    search = _search(clone(estimator).set_params(algorithm=ways.pop()), rounding, request)
    answers = [
        _answer(
            one, _nearest(search, train, one.n_neighbors, request.y), request.method, X_test, rounding.block
        )
        for one, (train, _) in zip(fitted, request.folds.splits, strict=True)
    ]
    return BatchedResult(fitted, test=answers)


def _can_share(estimator: Any, request: BatchedRequest, X_test: npt.NDArray[Any]) -> bool:
    """Whether one search can be enough, and gains something."""
    X, k = request.X, estimator.n_neighbors
    sizes = [len(train) for train, _ in request.folds.splits]
    return bool(
        _known(estimator)
        and request.sample_weight is None
        and request.method in ("predict", "predict_proba")
        and isinstance(k, int | np.integer)
        and 0 < k <= min(sizes)
        and X.dtype == X_test.dtype
        and X.dtype in (np.float32, np.float64)
        and X_test.shape[1:] == X.shape[1:]
        and len(X_test) > 0
        and sum(sizes) >= LEAST_GAIN * len(X)
        and all(len(np.unique(train)) == len(train) for train, _ in request.folds.splits)
    )


def _known(estimator: Any) -> bool:
    """Whether the metric's rounding is known, and the weights go smoothly with the distances."""
    return (
        isinstance(estimator.metric, str)
        and estimator.metric in METRICS
        and (estimator.weights is None or estimator.weights in ("uniform", "distance"))
    )


def _worth_a_tree(X: npt.NDArray[Any], X_test: npt.NDArray[Any]) -> bool:
    return len(X_test) >= ROWS_PER_TREE * len(X)


def _rounding(fitted: Any, X: npt.NDArray[Any], X_test: npt.NDArray[Any]) -> Rounding | None:
    """Return how exactly a fold's estimator computes distances; None where that is not known.

    Brute force takes Euclidean distances apart, :math:`|x|^2 + |y|^2 - 2 x y`, with the product done in
    blocks: what cancels is lost, and what is left may differ from one shape of a block to the next. All
    else is summed up pair by pair, with errors relative to the sum.
    """
    metric, brute = fitted.effective_metric_, fitted._fit_method == "brute"
    if metric == "minkowski" and not 1 <= fitted.effective_metric_params_["p"] < HIGHEST_POWER:
        return None
    if metric == "cosine":
        exact = brute and X.dtype == np.float64
        return Rounding(squared=False, fixed=_unit(X), block=len(X_test)) if exact else None
    if brute and metric in ("euclidean", "l2"):
        reach = np.sqrt(_squares(X_test)) + np.sqrt(_squares(X).max())
        chunk = int(get_config()["pairwise_dist_chunk_size"])
        return Rounding(squared=True, fixed=_unit(X) * reach[:, np.newaxis] ** 2, block=chunk)
    return Rounding(squared=False, fixed=0.0, block=1)


def _search(whole: Any, rounding: Rounding, request: BatchedRequest) -> Search:
    """Look for each test row's nearest rows in the whole table, the way the folds' estimators would."""
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
    """Keep the k nearest rows that a fold trains on, and tell where they are certain."""
    position = np.full(len(y), -1, dtype=np.intp)
    position[train] = np.arange(len(train))
    local = position[search.indices]
    kept = local >= 0
    rank = kept.cumsum(axis=1)
    chosen = np.argsort(~(kept & (rank <= k)), axis=1, kind="stable")[:, :k]
    certain = (rank[:, -1] >= k) & _settled(search, kept, rank > k, chosen[:, -1:], y)
    faithful: Mask = np.less_equal(search.errors, FAITHFUL * search.measured)
    return Neighbours(
        distances=np.take_along_axis(search.distances, chosen, axis=1),
        indices=np.take_along_axis(local, chosen, axis=1),
        certain=certain,
        faithful=np.asarray(np.take_along_axis(faithful, chosen, axis=1).all(axis=1)),
    )


def _settled(search: Search, kept: Mask, beyond: Mask, last: Rows, y: npt.NDArray[Any]) -> Mask:
    """Tell where it does not matter which of the rows about as far as the k-th are taken.

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


def _answer(fitted: Any, near: Neighbours, method: str, X_test: npt.NDArray[Any], block: int) -> Any:
    """Return what a fold's estimator answers: from the neighbours found, and asked itself where in doubt."""
    voter = _voter(fitted, near)
    certain = near.certain & _steady(voter, near, method, X_test)
    answer = getattr(voter, method)(X_test)
    doubt = _whole_blocks(~certain, block)
    if not len(doubt):
        return answer
    asked = getattr(fitted, method)(X_test[doubt])
    # Several outputs come as a list of tables.
    pairs = zip(answer, asked, strict=True) if isinstance(answer, list) else [(answer, asked)]
    for table, part in pairs:
        table[doubt] = part
    return answer


def _voter(fitted: Any, near: Neighbours) -> Any:
    """Return a copy of an estimator that need not search: its neighbours are found already.

    So scikit-learn itself counts the votes, whatever its rules for weights and several outputs are.
    """

    def kneighbors(X: Any, return_distance: bool = True) -> Any:
        return (near.distances, near.indices) if return_distance else near.indices

    voter = copy.copy(fitted)
    vars(voter).update(_fit_method="found", kneighbors=kneighbors)
    return voter


def _steady(voter: Any, near: Neighbours, method: str, X_test: npt.NDArray[Any]) -> Mask:
    """Tell where the last bits of the distances, and the order of equal ones, do not matter."""
    if voter.weights != "distance":
        return np.ones(len(near.distances), dtype=bool)
    steady = near.faithful
    if method == "predict" and is_classifier(voter):
        tables = voter.predict_proba(X_test)
        for table in tables if isinstance(tables, list) else [tables]:
            first, second = np.sort(np.column_stack([table, np.zeros(len(table))]), axis=1)[:, :-3:-1].T
            steady = steady & (first - second > FAITHFUL)
    return steady


def _whole_blocks(rows: Mask, block: int) -> Rows:
    """Return the positions of all rows that share a block with one that is marked."""
    blocks = np.arange(len(rows)) // block
    return np.flatnonzero(np.isin(blocks, np.unique(blocks[rows])))


SHARED: dict[type, BatchedFit] = {KNeighborsClassifier: share_neighbors, KNeighborsRegressor: share_neighbors}
