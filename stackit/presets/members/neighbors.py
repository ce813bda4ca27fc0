"""The nearest neighbours: the mean of several numbers of neighbours, from one search."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline

from stackit.arrays import Floats
from stackit.presets.member import Member
from stackit.presets.shape import TableShape
from stackit.tables import ScaledPreparation

__all__ = ["MEMBERS", "NEIGHBORS", "rank_weights"]

NUMBERS = (5, 25, 100)
MOST_ROWS, MOST_CELLS = 50_000, 5_000_000  # a search takes time quadratic in the rows


def rank_weights(distances: Any) -> Floats:
    """Return the weights with which one search gives the mean of the votes of 5, 25 and 100 neighbours.

    The nearest 5 count in each of the three votes, the next 20 in two of them, the others in one.

    Examples
    --------
    >>> rank_weights(np.zeros((1, 25)))[0, [0, 24]].round(3).tolist()
    [0.24, 0.04]
    """
    n_found = np.shape(distances)[1]
    ranks = np.arange(n_found)
    weights = sum((ranks < number) / number for number in NUMBERS if number <= n_found)
    return np.broadcast_to(weights, np.shape(distances)).astype(np.float64)


def make_neighbors(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return the mean over 5, 25 and 100 neighbours, without numbers above a quarter of the rows."""
    kind = KNeighborsRegressor if shape.is_regression else KNeighborsClassifier
    most = max([number for number in NUMBERS if 4 * number <= shape.n_rows], default=NUMBERS[0])
    voter = kind(n_neighbors=most, weights=rank_weights)
    return Pipeline([("prepare", ScaledPreparation(shape.target)), ("model", voter)])


def unfit(shape: TableShape) -> str | None:
    """Say why the neighbours of a table are not searched."""
    if shape.n_rows < 40:
        return "the table has fewer than 40 rows"
    if shape.n_rows > MOST_ROWS or shape.n_rows * shape.n_columns > MOST_CELLS:
        return f"a search among {shape.n_rows} rows of {shape.n_columns} columns takes too long"
    return None


NEIGHBORS = Member(
    "neighbors",
    "neighbors",
    make_neighbors,
    "the mean over the nearest 5, 25 and 100 rows, from one search",
    "several numbers of neighbours as the winners of Otto's competition",
    unfit=unfit,
    calibrated=True,
)
MEMBERS = (NEIGHBORS,)
