"""The nearest neighbours: the mean of several numbers of neighbours, from one search."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline

from stackit.arrays import Floats
from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.tables import ScaledPreparation

__all__ = ["MEMBERS", "NEIGHBORS", "NEIGHBORS_FAR", "far_votes", "near_votes"]

FAR = (5, 25, 100)
NEAR = (1, *FAR)
MOST_ROWS, MOST_CELLS = 20_000, 2_000_000  # a search takes time quadratic in the rows


def near_votes(distances: Any) -> Floats:
    """Return the weights with which one search gives the mean of the votes of 1, 5, 25 and 100 neighbours.

    Numbers of neighbours that have not been searched do not vote.

    Examples
    --------
    >>> near_votes(np.zeros((1, 25)))[0, [0, 1, 24]].round(3).tolist()
    [1.24, 0.24, 0.04]
    """
    return votes(NEAR, np.shape(distances))


def far_votes(distances: Any) -> Floats:
    """Return the weights of the mean of the votes of 5, 25 and 100 neighbours."""
    return votes(FAR, np.shape(distances))


def votes(numbers: tuple[int, ...], shape: tuple[int, ...]) -> Floats:
    """Return the weight of each neighbour by its rank: the sum of its shares in all votes."""
    n_found = shape[1]
    ranks = np.arange(n_found)
    weights = sum((ranks < number) / number for number in numbers if number <= n_found)
    return np.tile(np.asarray(weights, dtype=np.float64), (shape[0], 1))


def make_neighbors(weights: Any, shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return the mean over several numbers of neighbours, up to 100 for classes and 25 for numbers.

    Numbers above a quarter of the rows are left out.
    """
    kind = KNeighborsRegressor if shape.is_regression else KNeighborsClassifier
    limit = min(25 if shape.is_regression else 100, shape.n_rows // 4)
    most = max([number for number in FAR if number <= limit], default=FAR[0])
    voter = kind(n_neighbors=most, weights=weights)
    return Pipeline([("prepare", ScaledPreparation(shape.target)), ("model", voter)])


def unsuitable(shape: TableShape) -> str | None:
    """Say why the neighbours of a table are not searched."""
    if shape.n_rows < 40:
        return "the table has fewer than 40 rows"
    if shape.n_rows > MOST_ROWS or shape.n_rows * shape.n_columns > MOST_CELLS:
        return f"a search among {shape.n_rows} rows of {shape.n_columns} columns takes too long"
    return None


def neighbors(name: str, weights: Any, numbers: str) -> Member:
    """Return the member with these numbers of neighbours."""
    return Member(
        name,
        "neighbors",
        partial(make_neighbors, weights),
        f"the mean over the nearest {numbers} and 100 rows (regression: up to 25), from one search",
        "measured on ten tables: 1 pays on tables with near twins, and costs on noisy ones",
        unsuitable=unsuitable,
        calibrated=True,
    )


NEIGHBORS = neighbors("neighbors", near_votes, "1, 5, 25")
NEIGHBORS_FAR = neighbors("neighbors_far", far_votes, "5, 25")
MEMBERS = (NEIGHBORS, NEIGHBORS_FAR)
