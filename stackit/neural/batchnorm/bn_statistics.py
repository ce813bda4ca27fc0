"""The statistics of batch norm over all training rows, recomputed after training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stackit.neural.layers.network import Network
from stackit.neural.training.batches import batches, n_batches
from stackit.neural.training.losses import Dataset, NetSpec

__all__ = ["population_batches", "recompute_statistics"]

BATCH_SIZE = 1024
MAX_NUMBERS = 2**24  # per batch, in the largest layer of a network


def population_batches(n_rows: int, batch_size: int, widest: int) -> int:
    """Return the number of batches to recompute with: large ones, unless a layer is `widest` for memory."""
    return n_batches(n_rows, max(batch_size, min(BATCH_SIZE, MAX_NUMBERS // widest)))


@torch.no_grad()
def recompute_statistics(
    network: Network, dataset: Dataset, specs: Sequence[NetSpec], batch_size: int
) -> None:
    """Recompute the statistics of batch norm of K networks over all their training rows, in place.

    E[x] is the mean of the batch means, and Var[x] that of m / (m - 1) times the batch variances, over
    batches of m rows: at least `batch_size`, and 1024 where there are as many and memory allows it (Ioffe and
    Szegedy, arXiv 1502.03167, algorithm 2).
    """
    network.train()
    for norm in network.norms:
        norm.reset_statistics()
    rows = [np.random.default_rng([spec.seed, 1]).permutation(spec.rows) for spec in specs]
    count = population_batches(len(rows[0]), batch_size, network.widest)
    for batch in batches(rows, count, dataset.targets.device):
        network(dataset.table.take(batch.rows, network.inputs.centre.dtype), dataset.row_weights(batch))
    network.eval()
