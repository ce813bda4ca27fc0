"""Folds cut down to some of the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stackit.arrays import Rows
from stackit.folds.folds import Folds

__all__ = ["reindex", "restrict"]


def restrict(folds: Folds, rows: Rows) -> Folds | None:
    """Return folds of the same table that use some of its rows only; None where no split is left.

    Splits that lose all rows of a part are dropped.

    Examples
    --------
    >>> from stackit.folds import make_folds
    >>> folds = restrict(make_folds(range(6), scheme="forward", n_splits=2), [2, 3, 4, 5])
    >>> [(train.tolist(), held_out.tolist()) for train, held_out in folds.splits]
    [([2, 3], [4, 5])]
    """
    kept = np.zeros(folds.n_samples, dtype=bool)
    kept[rows] = True
    cut = [(train[kept[train]], held_out[kept[held_out]]) for train, held_out in folds.splits]
    splits = tuple((train, held_out) for train, held_out in cut if len(train) and len(held_out))
    return replace(folds, splits=splits) if splits else None


def reindex(folds: Folds, rows: Rows) -> Folds | None:
    """Return folds, as `restrict` does, of the table that consists of these rows in their order.

    Examples
    --------
    >>> from stackit.folds import make_folds
    >>> inner = reindex(make_folds(range(6), scheme="forward", n_splits=2), [2, 3, 4, 5])
    >>> [(train.tolist(), held_out.tolist()) for train, held_out in inner.splits]
    [([0, 1], [2, 3])]
    """
    restricted = restrict(folds, rows)
    if restricted is None:
        return None
    position = np.full(folds.n_samples, -1, dtype=np.intp)
    position[rows] = np.arange(len(rows))
    splits = tuple((position[train], position[held_out]) for train, held_out in restricted.splits)
    return Folds(len(rows), splits, folds.metadata, folds.constraints.subset(rows))
