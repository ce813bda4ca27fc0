"""Several small networks at once that have learned one task, and are put to another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from competitions.transfer.tasks import Task
from stackit.neural import BatchNormConvNetClassifier
from stackit.neural.batchnorm import recompute_statistics
from stackit.neural.layers import Network
from stackit.neural.training import (
    Dataset,
    InputRows,
    InputTable,
    NetSpec,
    TrainingConfig,
    n_batches,
    train,
)
from stackit.validation import invalid_value

__all__ = [
    "LAYERS",
    "as_if_lost",
    "codes",
    "fine_tuned",
    "fresh",
    "lost",
    "outputs",
    "recomputed",
    "source_networks",
]

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

LAYERS = (
    ("conv", 8, 3),
    "batch_norm",
    "relu",
    ("max_pool", 2),
    ("conv", 16, 3),
    "batch_norm",
    "relu",
    ("max_pool", 2),
    "flatten",
    ("dense", 64),
    "batch_norm",
    "relu",
)
HEAD = f"layers.{len(LAYERS)}."
DECAY = 0.997
"""What running statistics keep at each step: that of the notes' residual network."""
BATCH, AT_ONCE = 50, 500


def source_networks(task: Task, n_nets: int, n_epochs: int) -> Network:
    """Train networks of different seeds on a task.

    Parameters
    ----------
    task : Task
        All its images are learned from.
    n_nets, n_epochs : int
        How many networks, and how long.

    Returns
    -------
    Network
        All of them side by side, with population statistics.
    """
    net = BatchNormConvNetClassifier(
        LAYERS,
        n_estimators=n_nets,
        max_iter=n_epochs,
        batch_size=128,
        learning_rate_init=3e-3,
        scaling=None,
        precision="float32",
        device="cpu",
        random_state=0,
    )
    network: Network = net.fit(task.X, task.y).network_
    return network


def fresh(network: Network, *, keeps_layers: bool) -> Network:
    """Return networks of the same plan with a last layer drawn again, or with all layers drawn again.

    Parameters
    ----------
    network : Network
        It is not changed.
    keeps_layers : bool
        Whether all layers but the last come with their weights and statistics.
    """
    new = Network(network.plan, network.n_nets).initialise(range(network.n_nets))
    kept = {name: value for name, value in network.state_dict().items() if not name.startswith(HEAD)}
    new.load_state_dict(new.state_dict() | (kept if keeps_layers else {}))
    return new.eval()


def lost(network: Network) -> Network:
    """Return the networks without their running statistics: means are 0 and variances 1, as at birth."""
    copy = _copy(network)
    for norm in copy.norms:
        norm.running_mean.zero_()
        norm.running_var.fill_(1)
    return copy


def recomputed(network: Network, task: Task, rows: Sequence[Ints]) -> Network:
    """Return the networks with the statistics of rows of a task, each with those of its own rows."""
    copy = _copy(network)
    recompute_statistics(copy, _examples(task), _jobs(rows), BATCH)
    return copy


def fine_tuned(network: Network, task: Task, rows: Sequence[Ints], n_steps: int, rate: float) -> Network:
    """Train all layers on a few rows of a task; running statistics follow the batches with `DECAY`.

    Batch norm itself works with the statistics of each batch, so that weights do not depend on the running
    ones: see `as_if_lost`.

    Parameters
    ----------
    network : Network
        Where it begins; it is not changed.
    task : Task
        What is learned.
    rows : sequence of arrays of int
        For each network those that it learns from, equally many.
    n_steps : int
        How many batches; a whole number of epochs.
    rate : float
        The learning rate of Adam, which falls to zero.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        When the batches are no whole number of epochs.
    """
    of_epoch = n_batches(len(rows[0]), BATCH)
    if n_steps < of_epoch or n_steps % of_epoch:
        raise invalid_value(
            "n_steps", f"a multiple of {of_epoch} batches an epoch", f"{n_steps=}", "Pass a multiple"
        )
    copy = _copy(network)
    for norm in copy.norms:
        norm.statistics, norm.decay = "ema", DECAY
    training = TrainingConfig(
        n_epochs=n_steps // of_epoch,
        batch_size=BATCH,
        learning_rate="cosine",
        learning_rate_init=rate,
        population=False,
    )
    trained = train(copy, _examples(task), _jobs(rows), training)
    return copy.of_states([one.states[-1] for one in trained]).eval()


def as_if_lost(tuned: Network, began: Network, n_steps: int) -> Network:
    """Return what `fine_tuned` gives where running statistics were lost before.

    After n steps they still hold the part ``DECAY**n`` of what they began with, the source's or, where that
    was lost, mean 0 and variance 1. Nothing else differs, and no second training is needed to know it.

    Parameters
    ----------
    tuned, began : Network
        What `fine_tuned` returned, and what it was given, with the source's statistics.
    n_steps : int
        How many batches there were between.
    """
    copy, left = _copy(tuned), DECAY**n_steps
    for norm, old in zip(copy.norms, began.norms, strict=True):
        norm.running_mean -= left * old.running_mean
        norm.running_var -= left * (old.running_var - 1)
    return copy


def outputs(network: Network, X: Floats) -> Floats:
    """Return the (n_nets, n, 10) outputs for images."""
    return _passed(network, X, len(network.layers))


def codes(network: Network, X: Floats) -> Floats:
    """Return the (n_nets, n, 64) codes of images: what enters the last layer."""
    return _passed(network, X, len(LAYERS))


@torch.no_grad()
def _passed(network: Network, X: Floats, n_layers: int) -> Floats:
    found = []
    for start in range(0, len(X), AT_ONCE):
        images = torch.as_tensor(X[start : start + AT_ONCE])
        h = network.inputs(InputRows(images.expand(network.n_nets, *images.shape)))
        for layer in network.layers[:n_layers]:
            h = layer(h)
        found.append(h.permute(0, 2, 1).numpy())
    return np.concatenate(found, axis=1)


def _copy(network: Network) -> Network:
    return network.of_states([network.state_of(net) for net in range(network.n_nets)])


def _examples(task: Task) -> Dataset:
    return Dataset(InputTable(torch.as_tensor(task.X)), torch.as_tensor(task.y))


def _jobs(rows: Sequence[Any]) -> list[NetSpec]:
    return [NetSpec(rows=np.asarray(of_net), seed=net) for net, of_net in enumerate(rows)]
