"""The statistics of batch norm over a whole training part, computed after training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stackit.neural.layers.network import Network
from stackit.neural.training.batches import batches, n_batches
from stackit.neural.training.losses import Dataset, NetSpec

__all__ = ["population_batches", "recompute_statistics"]

POPULATION_BATCH = 1024
AT_ONCE = 2**24  # numbers in the largest layer of a network


def population_batches(n_rows: int, batch_size: int, widest: int) -> int:
    """Return in how many batches the statistics are computed anew: large ones, for these are steadier.

    Images have many numbers a row, `widest` of them in their largest layer, and come in smaller batches.
    """
    return n_batches(n_rows, max(batch_size, min(POPULATION_BATCH, AT_ONCE // widest)))


@torch.no_grad()
def recompute_statistics(
    network: Network, examples: Dataset, jobs: Sequence[NetSpec], batch_size: int
) -> None:
    """Compute the statistics of batch norm anew, over all rows that each network has learned from.

    With mean and variance of the batches B of m rows, E[x] is the mean of the means, and Var[x] that of
    m / (m - 1) times the variances.

    Parameters
    ----------
    network : Network
        K networks; their statistics are changed.
    examples : Examples
        With the rows.
    jobs : sequence of K Job
        Which rows are whose.
    batch_size : int
        Batches have at least so many rows, and 1024 where there are as many and memory allows it.

    References
    ----------
    Ioffe, S. and Szegedy, C. (2015). Batch normalization. arXiv 1502.03167, algorithm 2.
    """
    network.train()
    for norm in network.norms:
        norm.restart()
    rows = [np.random.default_rng([job.seed, 1]).permutation(job.rows) for job in jobs]
    count = population_batches(len(rows[0]), batch_size, network.widest)
    for batch in batches(rows, count, examples.targets.device):
        network(examples.table.take(batch.rows, network.inputs.centre.dtype), examples.row_weights(batch))
    network.eval()
