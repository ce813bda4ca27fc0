"""Counts, means and scatter of each class: measured once per held-out part, added over the other parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedRequest, class_labels, held_out_parts
from stackit.batched_fits.scaling import ScaledColumns, Scaling, tables_of

__all__ = [
    "ClassMoments",
    "ClassTable",
    "ScatterFn",
    "by_class",
    "diagonal",
    "leave_one_out_sums",
    "pooled",
    "squares",
]

ScatterFn = Callable[[Floats, Rows], Floats]
"""Sums products of centred rows, sorted by class; class c is ``rows[ends[c]:ends[c + 1]]``."""

MAX_BYTES = 2 << 30
"""The memory that the scatter matrices of all parts of a repeat may take."""


@dataclass(frozen=True, eq=False)
class ClassMoments:
    """The (C,) numbers (or weights) of rows of each class, their (C, d) means, and the scatter about these.

    The scatter has the shape that its `ScatterFn` returns. A class without rows has a mean of zeros.
    """

    count: Floats
    mean: Floats
    scatter: Floats


@dataclass(frozen=True, eq=False)
class ClassTable:
    """A table with class numbers, its held-out parts, and what a scaler in front does to its columns."""

    X: Floats
    classes: npt.NDArray[Any]
    codes: Rows
    repeats: list[list[Rows]]
    splits: Sequence[tuple[Rows, Rows]]
    scaling: Scaling | None = None

    @classmethod
    def of(cls, request: BatchedRequest, scaling: Scaling | None = None) -> ClassTable | None:
        """Return the table of a request; None without class labels, or if splits leave out rows."""
        labels, repeats = class_labels(request.y), held_out_parts(request.folds)
        if labels is None or repeats is None:
            return None
        X = np.asarray(request.X, dtype=np.float64)
        return cls(X, *labels, repeats, request.folds.splits, scaling)

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    def of_splits(self) -> list[Floats | ScaledColumns]:
        """Return the table as the estimator of each split sees it."""
        return tables_of(self.X, self.scaling, len(self.splits))

    def fits_in_memory(self, scatter_fn: ScatterFn) -> bool:
        """Whether the scatter matrices of a repeat's parts may be held together."""
        n_matrices = self.n_classes if scatter_fn is by_class else 1 if scatter_fn is pooled else 0
        n_parts = max(len(parts) for parts in self.repeats)
        return bool(8 * n_matrices * n_parts * self.X.shape[1] ** 2 <= MAX_BYTES)

    def training_moments(self, scatter_fn: ScatterFn, weight: Floats | None = None) -> Iterator[ClassMoments]:
        """Return an iterator over the moments of each split's training rows, of the scaled columns.

        X is passed over once per repeat.
        """
        moments = self._unscaled_moments(scatter_fn, weight)
        if self.scaling is None:
            return moments
        return map(partial(_scaled, scatter_fn), moments, self.scaling.shift, self.scaling.scale)

    def _unscaled_moments(self, scatter_fn: ScatterFn, weight: Floats | None) -> Iterator[ClassMoments]:
        for parts in self.repeats:
            yield from _merged_others([self._measure(rows, scatter_fn, weight) for rows in parts], scatter_fn)

    def _measure(self, rows: Rows, scatter_fn: ScatterFn, weight: Floats | None) -> ClassMoments:
        """Return the moments of some rows."""
        rows = rows[np.argsort(self.codes[rows], kind="stable")]
        ends = np.searchsorted(self.codes[rows], np.arange(self.n_classes + 1))
        block = self.X[rows]
        share = np.ones(len(rows)) if weight is None else weight[rows]
        count = np.array([share[a:b].sum() for a, b in _spans(ends)])
        total = np.stack([share[a:b] @ block[a:b] for a, b in _spans(ends)])
        mean = total / np.where(count > 0, count, 1)[:, None]
        for (a, b), center in zip(_spans(ends), mean, strict=True):
            block[a:b] -= center
        if weight is not None:
            block *= np.sqrt(share)[:, None]
        return ClassMoments(count, mean, scatter_fn(block, ends))


def squares(rows: Floats, ends: Rows) -> Floats:
    """Return the (C, d) sums of squares of each class; a `ScatterFn`."""
    return np.stack([np.einsum("ij,ij->j", rows[a:b], rows[a:b]) for a, b in _spans(ends)])


def pooled(rows: Floats, ends: Rows) -> Floats:
    """Return the (d, d) scatter of all classes together; a `ScatterFn`."""
    return rows.T @ rows


def diagonal(rows: Floats, ends: Rows) -> Floats:
    """Return the (d,) sums of squares of all classes together; a `ScatterFn`."""
    return np.asarray(np.einsum("ij,ij->j", rows, rows))


def by_class(rows: Floats, ends: Rows) -> Floats:
    """Return the (C, d, d) scatter of each class; a `ScatterFn`."""
    return np.stack([rows[a:b].T @ rows[a:b] for a, b in _spans(ends)])


def leave_one_out_sums(parts: Sequence[Floats]) -> Iterator[Floats]:
    """Yield, for each part, the sum of all the others.

    By halves: a part gets the sum of the half that it is not in, and the rest from within its own half;
    K log K additions. Nothing is subtracted: a column that is constant in all parts but one would be
    left with a variance of rounding errors.
    """
    half = len(parts) // 2
    for inside, outside in ((parts[:half], parts[half:]), (parts[half:], parts[:half])):
        other_half = sum(outside[1:], outside[0])
        if len(inside) == 1:
            yield other_half
        else:
            yield from (other_half + rest for rest in leave_one_out_sums(inside))


def _scaled(scatter_fn: ScatterFn, moments: ClassMoments, shift: Floats, scale: Floats) -> ClassMoments:
    """Return the moments of ``(X - shift) / scale``."""
    units = scale if scatter_fn in (squares, diagonal) else scale[:, None]
    return ClassMoments(moments.count, (moments.mean - shift) / scale, moments.scatter / scale / units)


def _merged_others(parts: list[ClassMoments], scatter_fn: ScatterFn) -> Iterator[ClassMoments]:
    """Yield, for each part, the moments of all the others together.

    The scatter about the common mean is that about the parts' own means plus that of these means
    (Chan, Golub and LeVeque, 1979, eq. 2.1).
    """
    for left_out, scatter in enumerate(leave_one_out_sums([part.scatter for part in parts])):
        rest = [part for number, part in enumerate(parts) if number != left_out]
        count = np.sum([part.count for part in rest], axis=0)
        total = np.sum([part.count[:, None] * part.mean for part in rest], axis=0)
        mean = total / np.where(count > 0, count, 1)[:, None]
        shifts = [np.sqrt(part.count)[:, None] * (part.mean - mean) for part in rest]
        rows = np.stack(shifts, axis=1).reshape(-1, mean.shape[1])
        ends = np.arange(len(count) + 1) * len(rest)
        yield ClassMoments(count, mean, scatter + scatter_fn(rows, ends))


def _spans(ends: Rows) -> Iterator[tuple[int, int]]:
    return zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
