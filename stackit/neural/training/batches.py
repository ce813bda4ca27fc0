"""The rows of each network in each step: its own, in its own order, in batches of nearly equal size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stackit.arrays import Rows

__all__ = ["BatchRows", "batches", "n_batches"]


@dataclass(frozen=True)
class BatchRows:
    """The (K, B) rows of one step.

    `real` is False where a network has fewer rows and a row without effect fills the gap; None without gaps.
    """

    rows: Tensor
    real: Tensor | None = None


def n_batches(n_rows: int, batch_size: int) -> int:
    """Return the number of batches per epoch; none has a single row.

    Parameters
    ----------
    n_rows : int
        The number of training rows.
    batch_size : int
        The approximate number of rows per batch.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> [n_batches(n, 64) for n in (2, 63, 713, 60_000)]
    [1, 1, 11, 938]
    >>> n_batches(3, 2)  # not 2: one of them would have a single row
    1
    """
    return max(1, min(round(n_rows / batch_size), n_rows // 2))


def batches(rows: Sequence[Rows], count: int, device: torch.device | None = None) -> Iterator[BatchRows]:
    """Divide the rows of each network, in their order, into `count` batches; sizes differ by at most one.

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
        [of_net[np.where(is_real, at, 0)] for of_net, at, is_real in zip(rows, columns, real, strict=True)]
    )
    all_rows = torch.as_tensor(table, dtype=torch.int64, device=device)
    all_real = torch.as_tensor(real, device=device)
    for step, (least, most) in enumerate(zip(sizes.min(axis=0), sizes.max(axis=0), strict=True)):
        yield BatchRows(all_rows[:, step, :most], None if least == most else all_real[:, step, :most])
