"""Rows of a table, copied once for all estimators that use them in turn, into memory that is reused."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Rows, safe_index

__all__ = ["RowCache"]

KEPT = 2  # a fold's training rows and its held-out rows
COUNTED = getattr(sys, "_is_gil_enabled", lambda: True)() and sys.implementation.name == "cpython"


class RowCache:
    """Rows of an array: read-only slices, of which the latest are kept, and copies for one estimator each.

    Allocating memory costs more than copying rows into it. So the memory of an old slice is reused, but only
    once nothing else refers to it: nearest neighbours keep the rows that they are fitted on.

    >>> cache, rows = RowCache(np.arange(6.0).reshape(3, 2)), np.array([0, 2])
    >>> cache.shared(rows).tolist()
    [[0.0, 1.0], [4.0, 5.0]]
    >>> cache.shared(rows) is cache.shared(rows)
    True
    """

    def __init__(self, table: npt.NDArray[Any]) -> None:
        self._table = table
        self._reuses = COUNTED and table.flags.c_contiguous and table.dtype.kind in "fiub"
        self._kept: list[tuple[Rows, Any]] = []
        self._shared_buffers: list[_Buffer] = []
        self._copied_buffers: list[_Buffer] = []
        self._lock = threading.Lock()

    def shared(self, rows: Rows) -> Any:
        """Return the rows, read-only; the same slice again while it is kept for the same array of rows."""
        with self._lock:
            for known, part in self._kept:
                if known is rows:
                    return part
            del self._kept[: 1 - KEPT]
            part = self._slice(rows)
            part.flags.writeable = False
            self._kept.append((rows, part))
            return part

    def copied(self, rows: Rows | None = None) -> Any:
        """Return the rows, or all, in memory that may be written into; None for tables of other kinds.

        >>> table = np.zeros((3, 2))
        >>> RowCache(table).copied(np.array([0, 2]))[:] = 1.0
        >>> table.sum()
        np.float64(0.0)
        """
        n_rows = len(self._table) if rows is None else len(rows)
        if not self._reuses or not n_rows:
            return None
        with self._lock:
            part = self._memory(self._copied_buffers, n_rows)
        if rows is None:
            np.copyto(part, self._table)
            return part
        return self._table.take(rows, axis=0, out=part, mode="clip")

    def _slice(self, rows: Rows) -> Any:
        if not self._reuses or not len(rows):
            return safe_index(self._table, rows)
        part = self._memory(self._shared_buffers, len(rows))
        # Clipping needs no copy on the way; folds have checked their rows.
        return self._table.take(rows, axis=0, out=part, mode="clip")

    def _memory(self, buffers: list[_Buffer], n_rows: int) -> Any:
        """Return memory for so many rows, out of the buffers, which are kept for the next."""
        for buffer in buffers:
            if buffer.fits(n_rows):
                return buffer.memory[:n_rows]
        del buffers[:-KEPT]
        buffers.append(_Buffer(n_rows, self._table))
        return buffers[-1].memory[:n_rows]


class _Buffer:
    """Memory for a slice, with a little to spare: folds differ by a row or two."""

    def __init__(self, n_rows: int, like: npt.NDArray[Any]) -> None:
        self.memory = np.empty((n_rows + n_rows // 64 + 1, *like.shape[1:]), dtype=like.dtype)
        self.idle = self._n_references()

    def fits(self, n_rows: int) -> bool:
        """Whether so many rows fit in, without much waste, and nothing else refers to the memory."""
        return len(self.memory) // 2 < n_rows <= len(self.memory) and self._n_references() == self.idle

    def _n_references(self) -> int:
        return sys.getrefcount(self.memory)
