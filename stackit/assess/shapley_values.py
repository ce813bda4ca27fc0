"""Shapley values: the contribution of each member to the score of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_random_state

from stackit.assess.repeats import oof_of
from stackit.assess.subsets import SubsetScores
from stackit.estimators.scoring import Scoring

__all__ = ["EXACT", "Shapley", "SubsetValues", "exact_values", "sampled_values", "shapley"]

EXACT = 10


class SubsetValues(Protocol):
    """Scores subsets of members, given as sets of their positions."""

    def of(self, subsets: Iterable[frozenset[int]]) -> dict[frozenset[int], float]:
        """Return the score of each subset; higher is better."""


@dataclass(frozen=True, eq=False, repr=False)
class Shapley:
    """The contribution of each member.

    Attributes
    ----------
    table : data frame
        One row per estimator: `value` and `standard_error`, which is 0 where values are exact.
    score_of_none, score_of_all : float
        The score of the prior and that of all members; the values sum to their difference.
    n_permutations : int
        The number of sampled orders; 0 where values are exact.
    """

    table: pd.DataFrame
    score_of_none: float
    score_of_all: float
    n_permutations: int

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return scores and table as text."""
        how = f"of {self.n_permutations} sampled orders" if self.n_permutations else "exact"
        ends = f"Score of the prior {self.score_of_none:.4f}, of all {self.score_of_all:.4f}"
        table = self.table.to_string(float_format=lambda value: f"{value:.4f}")
        return f"{ends}; Shapley values, {how}:\n{table}"


def shapley(
    run: Any,
    combiner: Any = None,
    *,
    scoring: Scoring = None,
    n_permutations: int | None = None,
    random_state: Any = 0,
    n_jobs: int | None = 1,
) -> Shapley:
    """Divide the score of all members, less that of the prior, among them by Shapley values.

    With v(S) the cross-fitted score of a combiner of the members in S, and v({}) that of the prior,

        phi_j = sum over S without j of |S|! (k - |S| - 1)! / k! (v(S + j) - v(S)):

    the mean of what j adds to those before it, over all orders. The values add up to v(all) - v({}); equal
    members have equal values, and two copies share one value, although leaving either out costs nothing.
    Up to 10 members all 2^k subsets are scored, above that the subsets of sampled orders, each taken in both
    directions.

    Parameters
    ----------
    run : OutOfFold or fitted stack
        What is assessed.
    combiner : estimator, optional
        Blends the members; it is cross-fitted. Default: the plain mean, where there is one.
    scoring : str, callable or None
        A scikit-learn scorer; None is that of the run.
    n_permutations : int, optional
        The number of sampled orders, an even number; None is exact up to 10 members, and 64 above.
    random_state : int, RandomState or None
        Draws the orders.
    n_jobs : int or None
        How many fits run at once.

    Returns
    -------
    Shapley
        With `table`.

    Raises
    ------
    ValueError
        When `n_permutations` is not even and positive; when members have no mean and no combiner is given.

    References
    ----------
    Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games 2, 307-317.
    Rozemberczki, B. and Sarkar, R. (2021). The Shapley value of classifiers in ensemble games. CIKM,
    1558-1567.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from stackit import out_of_fold, shapley
    >>> X, y = load_diabetes(return_X_y=True)
    >>> members = [("linear", LinearRegression()), ("knn", KNeighborsRegressor(20))]
    >>> values = shapley(out_of_fold(members, X, y, cv=5, n_jobs=1))
    >>> values.table["value"].round(2).to_dict()
    {'linear': 0.27, 'knn': 0.24}
    """
    names = list(oof_of(run))
    k = len(names)
    if n_permutations is not None and (n_permutations < 2 or n_permutations % 2):
        raise ValueError(f"{n_permutations=} must be None or a positive even number. Pass n_permutations=64.")
    scores = SubsetScores(run, combiner, scoring, n_jobs)
    n = 0 if n_permutations is None and k <= EXACT else n_permutations or 64
    phi, errors = sampled_values(scores, k, n, random_state) if n else (exact_values(scores, k), np.zeros(k))
    ends = scores.of([frozenset(), frozenset(range(k))])
    table = pd.DataFrame({"value": phi, "standard_error": errors}, index=pd.Index(names, name="estimator"))
    return Shapley(table, ends[frozenset()], ends[frozenset(range(k))], n)


def exact_values(scores: SubsetValues, k: int) -> npt.NDArray[np.float64]:
    """Return the Shapley values of k members from the scores of all 2^k subsets."""
    subsets = [frozenset(some) for size in range(k + 1) for some in combinations(range(k), size)]
    known = scores.of(subsets)
    phi = np.zeros(k)
    for subset, score in known.items():
        for member in range(k):
            if member in subset:
                phi[member] += score / (k * comb(k - 1, len(subset) - 1))
            else:
                phi[member] -= score / (k * comb(k - 1, len(subset)))
    return phi


def sampled_values(
    scores: SubsetValues, k: int, n: int, random_state: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return Shapley values and errors, of orders and their reverses: the errors of the two partly cancel."""
    random = check_random_state(random_state)
    orders = [random.permutation(k) for _ in range(n // 2)]
    both = [order for one in orders for order in (one, one[::-1])]
    scores.of(frozenset(order[:size].tolist()) for order in both for size in range(k + 1))
    added = np.array([_added(scores, order) for order in both]).reshape(n // 2, 2, k).mean(axis=1)
    spread = added.std(axis=0, ddof=1) if len(added) > 1 else np.full(k, np.nan)
    return added.mean(axis=0), spread / np.sqrt(len(added))


def _added(scores: SubsetValues, order: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return what each member adds to those before it in one order."""
    subsets = [frozenset(order[:size].tolist()) for size in range(len(order) + 1)]
    known = scores.of(subsets)
    added = np.zeros(len(order))
    added[order] = np.diff([known[subset] for subset in subsets])
    return added
