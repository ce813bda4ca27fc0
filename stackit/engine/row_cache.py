"""Rows of a table, taken once for all estimators that use them in turn, into memory that is reused."""

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
    """Slices of a table: read-only ones, the latest of which are kept, and copies for one estimator each.

    New memory costs more than the rows that are copied into it. So what an old slice lay in is written over
    by the next, but only once nothing else holds it: nearest neighbours keep the rows they are fitted on.

    Parameters
    ----------
    table : (n, ...) array
        What rows are taken from.

    Examples
    --------
    >>> slices, rows = RowCache(np.arange(6.0).reshape(3, 2)), np.array([0, 2])
    >>> slices.of(rows).tolist()
    [[0.0, 1.0], [4.0, 5.0]]
    >>> slices.of(rows) is slices.of(rows)
    True
    """

    def __init__(self, table: npt.NDArray[Any]) -> None:
        self._table = table
        self._reuses = COUNTED and table.flags.c_contiguous and table.dtype.kind in "fiub"
        self._kept: list[tuple[Rows, Any]] = []
        self._blocks: list[_Buffer] = []
        self._own_blocks: list[_Buffer] = []
        self._lock = threading.Lock()

    def of(self, rows: Rows) -> Any:
        """Return the rows; the same slice again while it is kept.

        Parameters
        ----------
        rows : (n_rows,) array of int
            Which rows, each at least 0; distinguished by identity.
        """
        with self._lock:
            for known, part in self._kept:
                if known is rows:
                    return part
            del self._kept[: 1 - KEPT]
            part = self._taken(rows)
            part.flags.writeable = False
            self._kept.append((rows, part))
            return part

    def own(self, rows: Rows | None = None) -> Any:
        """Return rows in memory that may be written into: nothing else holds it now.

        Parameters
        ----------
        rows : (n_rows,) array of int, optional
            Which rows, each at least 0; None is all.

        Returns
        -------
        (n_rows, ...) array, or None
            None where memory is not used again, for tables of other kinds.

        Examples
        --------
        >>> table = np.zeros((3, 2))
        >>> RowCache(table).own(np.array([0, 2]))[:] = 1.0
        >>> table.sum()
        np.float64(0.0)
        """
        n_rows = len(self._table) if rows is None else len(rows)
        if not self._reuses or not n_rows:
            return None
        with self._lock:
            self._own_blocks, part = self._buffer_for(self._own_blocks, n_rows)
        if rows is None:
            np.copyto(part, self._table)
        else:
            np.take(self._table, rows, axis=0, out=part, mode="clip")
        return part

    def _taken(self, rows: Rows) -> Any:
        if not self._reuses or not len(rows):
            return safe_index(self._table, rows)
        self._blocks, part = self._buffer_for(self._blocks, len(rows))
        # Clipping takes no copy on the way; folds have checked their rows.
        return np.take(self._table, rows, axis=0, out=part, mode="clip")

    def _buffer_for(self, blocks: list[_Buffer], n_rows: int) -> tuple[list[_Buffer], Any]:
        """Return memory for so many rows, and the blocks that are kept for the next."""
        block = next((block for block in blocks if block.fits(n_rows)), None)
        if block is None:
            block = _Buffer(n_rows, self._table)
            blocks = [*blocks[-KEPT:], block]
        return blocks, block.memory[:n_rows]


class _Buffer:
    """Memory for a slice, with a little to spare: folds differ by a row or two."""

    def __init__(self, n_rows: int, like: npt.NDArray[Any]) -> None:
        self.memory = np.empty((n_rows + n_rows // 64 + 1, *like.shape[1:]), dtype=like.dtype)
        self.idle = self._holders()

    def fits(self, n_rows: int) -> bool:
        """Whether so many rows fit in, without much waste, and nothing holds what is there."""
        return len(self.memory) // 2 < n_rows <= len(self.memory) and self._holders() == self.idle

    def _holders(self) -> int:
        return sys.getrefcount(self.memory)
