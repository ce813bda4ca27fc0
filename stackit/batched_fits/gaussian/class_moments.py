"""Counts, means and scatter of each class: measured once a held-out part, added over the other parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import type_of_target

from stackit.arrays import Floats, Rows
from stackit.batched_fits.scaling import Scaling

__all__ = [
    "ClassMoments",
    "Spread",
    "by_class",
    "diagonal",
    "fits_in_memory",
    "labels_of",
    "others",
    "pooled",
    "squares",
    "training",
]

Spread = Callable[[Floats, Rows], Floats]
"""Sums products of centred rows, sorted by class; class c is ``rows[ends[c]:ends[c + 1]]``."""

MOST_BYTES = 2 << 30
"""The scatter matrices of all parts of a repeat may take this much memory."""


@dataclass(frozen=True, eq=False)
class ClassMoments:
    """What a set of rows tells about its C classes.

    Parameters
    ----------
    count : (C,) array
        Rows, or their weight, in each class.
    mean : (C, d) array
        The class means; zeros for a class without rows.
    scatter : (d,), (C, d), (d, d) or (C, d, d) array
        Sums of products about the class means, as the `Spread` forms them.
    """

    count: Floats
    mean: Floats
    scatter: Floats


def labels_of(y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Rows] | None:
    """Return the classes of y and the class number of each row, or None unless y holds class labels.

    Examples
    --------
    >>> classes, codes = labels_of(np.array(["b", "a", "b"]))
    >>> classes.tolist(), codes.tolist()
    (['a', 'b'], [1, 0, 1])
    """
    if y.ndim != 1 or type_of_target(y) not in ("binary", "multiclass"):
        return None
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes


def squares(rows: Floats, ends: Rows) -> Floats:
    """Return the (C, d) sums of squares of each class; a `Spread`.

    Examples
    --------
    >>> squares(np.array([[1.0, 2.0], [3.0, 0.0], [1.0, 1.0]]), np.array([0, 2, 3])).tolist()
    [[10.0, 4.0], [1.0, 1.0]]
    """
    return np.stack([np.einsum("ij,ij->j", rows[a:b], rows[a:b]) for a, b in _spans(ends)])


def pooled(rows: Floats, ends: Rows) -> Floats:
    """Return the (d, d) scatter of all classes together; a `Spread`.

    Examples
    --------
    >>> pooled(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1, 2])).tolist()
    [[10.0, 2.0], [2.0, 4.0]]
    """
    return rows.T @ rows


def diagonal(rows: Floats, ends: Rows) -> Floats:
    """Return the (d,) sums of squares of all classes together; a `Spread`.

    Examples
    --------
    >>> diagonal(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1, 2])).tolist()
    [10.0, 4.0]
    """
    total: Floats = np.einsum("ij,ij->j", rows, rows)
    return total


def by_class(rows: Floats, ends: Rows) -> Floats:
    """Return the (C, d, d) scatter of each class; a `Spread`.

    Examples
    --------
    >>> by_class(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1, 2]))[1].tolist()
    [[9.0, 0.0], [0.0, 0.0]]
    """
    return np.stack([rows[a:b].T @ rows[a:b] for a, b in _spans(ends)])


def fits_in_memory(spread: Spread, X: Floats, n_classes: int, repeats: list[list[Rows]]) -> bool:
    """Whether the scatter matrices of a repeat's parts may be held at once.

    Examples
    --------
    >>> parts = [np.array([0, 1]), np.array([2, 3])]
    >>> [fits_in_memory(by_class, np.empty((4, d)), 5, [parts]) for d in (100, 10_000)]
    [True, False]
    """
    n_matrices = n_classes if spread is by_class else 1 if spread is pooled else 0
    n_parts = max(len(parts) for parts in repeats)
    return bool(8 * n_matrices * n_parts * X.shape[1] ** 2 <= MOST_BYTES)


def others(parts: Sequence[Floats]) -> Iterator[Floats]:
    """Yield, for each part, the sum of all the others.

    By halves: a part gets the sum of the half that it is not in, and the rest from within its own half;
    K log K additions. Nothing is subtracted: a column that is constant in all parts but one would be
    left with a variance of rounding errors.

    Examples
    --------
    >>> [total.tolist() for total in others([np.array([1.0]), np.array([2.0]), np.array([4.0])])]
    [[6.0], [5.0], [3.0]]
    """
    half = len(parts) // 2
    for inside, outside in ((parts[:half], parts[half:]), (parts[half:], parts[:half])):
        base = sum(outside[1:], outside[0])
        if len(inside) == 1:
            yield base
        else:
            yield from (base + rest for rest in others(inside))


def training(
    X: Floats,
    codes: Rows,
    n_classes: int,
    repeats: list[list[Rows]],
    spread: Spread,
    weight: Floats | None = None,
    scaling: Scaling | None = None,
) -> Iterator[ClassMoments]:
    """Return an iterator over the moments of each split's training rows; X is passed over once a repeat.

    Parameters
    ----------
    X : (n, d) array
    codes : (n,) array
        The class number of each row.
    n_classes : int
        C, the number of classes.
    repeats : list of lists of arrays
        The held-out parts of each repeat, which together are all rows (`parts_of`).
    spread : Spread
        How centred rows become the scatter: `diagonal`, `squares`, `pooled` or `by_class`.
    weight : (n,) array, optional
        The weights of the rows.
    scaling : Scaling, optional
        What a scaler does to the columns in each split: moments are those of the scaled columns.

    Examples
    --------
    >>> repeats = [[np.array([0, 1]), np.array([2, 3])]]
    >>> X = np.array([[1.0], [5.0], [3.0], [7.0]])
    >>> [m.mean.ravel().tolist() for m in training(X, np.array([0, 1, 0, 1]), 2, repeats, squares)]
    [[3.0, 7.0], [1.0, 5.0]]
    """
    of_splits = _of_splits(X, codes, n_classes, repeats, spread, weight)
    if scaling is None:
        return of_splits
    return map(partial(_scaled, spread), of_splits, scaling.shift, scaling.scale)


def _of_splits(
    X: Floats, codes: Rows, n_classes: int, repeats: list[list[Rows]], spread: Spread, weight: Floats | None
) -> Iterator[ClassMoments]:
    for parts in repeats:
        measured = [_measure(X, codes, n_classes, rows, spread, weight) for rows in parts]
        yield from _merged_others(measured, spread)


def _scaled(spread: Spread, moments: ClassMoments, shift: Floats, scale: Floats) -> ClassMoments:
    """Return the moments of ``(X - shift) / scale``."""
    units = scale if spread in (squares, diagonal) else scale[:, None]
    return ClassMoments(moments.count, (moments.mean - shift) / scale, moments.scatter / scale / units)


def _measure(
    X: Floats, codes: Rows, n_classes: int, rows: Rows, spread: Spread, weight: Floats | None
) -> ClassMoments:
    """Return the moments of some rows."""
    rows = rows[np.argsort(codes[rows], kind="stable")]
    ends = np.searchsorted(codes[rows], np.arange(n_classes + 1))
    block = X[rows]
    share = np.ones(len(rows)) if weight is None else weight[rows]
    count = np.array([share[a:b].sum() for a, b in _spans(ends)])
    mean = (
        np.stack([share[a:b] @ block[a:b] for a, b in _spans(ends)]) / np.where(count > 0, count, 1)[:, None]
    )
    for (a, b), center in zip(_spans(ends), mean, strict=True):
        block[a:b] -= center
    if weight is not None:
        block *= np.sqrt(share)[:, None]
    return ClassMoments(count, mean, spread(block, ends))


def _merged_others(parts: list[ClassMoments], spread: Spread) -> Iterator[ClassMoments]:
    """Yield, for each part, the moments of all the others together.

    The scatter about the common mean is that about the parts' own means plus that of these means
    (Chan, Golub and LeVeque, 1979, eq. 2.1).
    """
    for left_out, scatter in enumerate(others([part.scatter for part in parts])):
        rest = [part for number, part in enumerate(parts) if number != left_out]
        count = np.sum([part.count for part in rest], axis=0)
        total = np.sum([part.count[:, None] * part.mean for part in rest], axis=0)
        mean = total / np.where(count > 0, count, 1)[:, None]
        shifts = [np.sqrt(part.count)[:, None] * (part.mean - mean) for part in rest]
        rows = np.stack(shifts, axis=1).reshape(-1, mean.shape[1])
        ends = np.arange(len(count) + 1) * len(rest)
        yield ClassMoments(count, mean, scatter + spread(rows, ends))


def _spans(ends: Rows) -> Iterator[tuple[int, int]]:
    return zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
