"""What folds are to some of the rows: each split cut to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stackit.arrays import Rows
from stackit.folds.constraints import SplitConstraints
from stackit.folds.folds import Folds

__all__ = ["reindex", "restrict"]


def restrict(folds: Folds, rows: Rows) -> Folds | None:
    """Return folds of the same table that train on and hold out some of its rows alone.

    Parameters
    ----------
    folds : Folds
        The folds of a table of n rows.
    rows : (n_rows,) array of int
        The rows that are left.

    Returns
    -------
    Folds or None
        Without the splits of which a part has no row left; None where no split is left.

    Examples
    --------
    >>> from stackit.folds import make_folds
    >>> folds = restrict(make_folds(range(6), scheme="forward", n_splits=2), [2, 3, 4, 5])
    >>> [(train.tolist(), held_out.tolist()) for train, held_out in folds.splits]
    [([2, 3], [4, 5])]
    """
    inside = np.zeros(folds.n_samples, dtype=bool)
    inside[rows] = True
    cut = [(train[inside[train]], held_out[inside[held_out]]) for train, held_out in folds.splits]
    left = tuple((train, held_out) for train, held_out in cut if len(train) and len(held_out))
    return replace(folds, splits=left) if left else None


def reindex(folds: Folds, rows: Rows) -> Folds | None:
    """Return the folds of the table that is made of some of the rows.

    Parameters
    ----------
    folds : Folds
        The folds of a table of n rows.
    rows : (n_rows,) array of int
        The rows that are taken, each once.

    Returns
    -------
    Folds or None
        Of n_rows rows; what `among` says of splits goes here too.

    Examples
    --------
    >>> from stackit.folds import make_folds
    >>> inner = reindex(make_folds(range(6), scheme="forward", n_splits=2), [2, 3, 4, 5])
    >>> [(train.tolist(), held_out.tolist()) for train, held_out in inner.splits]
    [([0, 1], [2, 3])]
    """
    some = restrict(folds, rows)
    if some is None:
        return None
    place = np.full(folds.n_samples, -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    splits = tuple((place[train], place[held_out]) for train, held_out in some.splits)
    groups, moments = folds.bonds.groups, folds.bonds.moments
    bonds = SplitConstraints(
        None if groups is None else groups[rows],
        None if moments is None else moments.iloc[rows].reset_index(drop=True),
        folds.bonds.gap,
    )
    return Folds(len(rows), splits, folds.metadata, bonds)
