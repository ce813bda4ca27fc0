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

    Over batches of m rows, E[x] is the mean of the batch means, and Var[x] is the mean of m / (m - 1) times
    the batch variances.

    Parameters
    ----------
    network : Network
        K trained networks. Their statistics are changed, and they are in evaluation mode afterwards.
    dataset : Dataset
        The n rows that all networks share.
    specs : sequence of K NetSpec
        The training rows and the seed of each network.
    batch_size : int
        The least number of rows per batch; 1024 are used where there are as many and memory allows it.

    References
    ----------
    Ioffe, S. and Szegedy, C. (2015). Batch normalization: accelerating deep network training by reducing
    internal covariate shift. arXiv 1502.03167, algorithm 2.

    Examples
    --------
    >>> from stackit.neural.layers import NetworkPlan
    >>> from stackit.neural.training import InputTable
    >>> x = torch.arange(8.0)[:, None]
    >>> network = Network(NetworkPlan(("batch_norm",), shape=(1,)), n_nets=1)
    >>> specs = [NetSpec(np.arange(8), seed=0)]
    >>> recompute_statistics(network, Dataset(InputTable(x), x), specs, batch_size=8)
    >>> norm = network.norms[0]
    >>> norm.running_mean.item(), round(norm.running_var.item(), 4)  # of 0, ..., 7
    (3.5, 6.0)
    """
    network.train()
    for norm in network.norms:
        norm.reset_statistics()
    rows = [np.random.default_rng([spec.seed, 1]).permutation(spec.rows) for spec in specs]
    count = population_batches(len(rows[0]), batch_size, network.widest)
    for batch in batches(rows, count, dataset.targets.device):
        network(dataset.table.take(batch.rows, network.inputs.centre.dtype), dataset.row_weights(batch))
    network.eval()
