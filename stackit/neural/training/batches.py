"""Which rows each network sees in each step: its own, in its own order, in batches as equal as can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Batch", "batches", "n_batches", "side_by_side"]

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Batch:
    """The rows of one step.

    Parameters
    ----------
    rows : (K, B) tensor of int64
        Positions in the table that all networks share.
    real : (K, B) tensor of bool, or None
        False where a network has no more rows, and a row stands in that counts for nothing; None when all
        networks have B rows.
    """

    rows: Tensor
    real: Tensor | None = None


def n_batches(n_rows: int, batch_size: int) -> int:
    """Return in how many batches of about `batch_size` rows, and never of one row, the rows are dealt out.

    Examples
    --------
    >>> [n_batches(n, 64) for n in (2, 63, 713, 60_000)]
    [1, 1, 11, 938]
    >>> n_batches(3, 2)  # not 2: one of them would be a single row
    1
    """
    return max(1, min(round(n_rows / batch_size), n_rows // 2))


def batches(rows: Sequence[Ints], count: int, device: torch.device | None = None) -> Iterator[Batch]:
    """Deal the rows of each network out into `count` batches; their sizes differ by one row at most.

    Parameters
    ----------
    rows : sequence of (n_k,) arrays of int
        Of each network, in the order in which it sees them.
    count : int
        How many batches; the same for all networks.
    device : torch.device, optional
        Where the batches are needed.

    Yields
    ------
    Batch

    Examples
    --------
    >>> steps = list(batches([np.arange(5), np.arange(5, 9)], count=2))
    >>> [step.rows.tolist() for step in steps]
    [[[0, 1, 2], [5, 6, 5]], [[3, 4], [7, 8]]]
    >>> steps[0].real.tolist(), steps[1].real
    ([[True, True, True], [True, True, False]], None)
    """
    lengths = np.array([len(of_net) for of_net in rows])[:, np.newaxis]
    sizes = lengths // count + (np.arange(count) < lengths % count)
    starts = np.cumsum(sizes, axis=1) - sizes
    width = sizes.max()
    columns = starts[:, :, np.newaxis] + np.arange(width)
    real = np.arange(width) < sizes[:, :, np.newaxis]
    table = np.stack(
        [of_net[np.where(mine, at, 0)] for of_net, at, mine in zip(rows, columns, real, strict=True)]
    )
    everything = torch.as_tensor(table, dtype=torch.int64, device=device)
    marks = torch.as_tensor(real, device=device)
    for step, (least, most) in enumerate(zip(sizes.min(axis=0), sizes.max(axis=0), strict=True)):
        mask = None if least == most else marks[:, step, :most]
        yield Batch(everything[:, step, :most], mask)


def side_by_side(rows: Sequence[Ints], device: torch.device | None = None) -> Batch:
    """Return all rows of each network as one batch.

    Examples
    --------
    >>> side_by_side([np.array([3, 4]), np.array([5])]).rows.tolist()
    [[3, 4], [5, 5]]
    """
    return next(batches(rows, 1, device))
