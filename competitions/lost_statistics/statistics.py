"""What batch norm predicts with: statistics kept, of the batch, lost, counted again or recomputed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from stackit.neural.layers import Network
from stackit.neural.training import InputRows

__all__ = ["accuracy", "batches", "counted", "network_of", "parameters_only", "recomputed", "running"]

Images = npt.NDArray[Any]
Ints = npt.NDArray[np.intp]


def network_of(net: Any) -> Network:
    """Return a copy of the first network of a fitted estimator, with its statistics."""
    network: Network = net.network_.of_states([net.network_.state_of(0)])
    return network.eval()


def batches(n: int, size: float, seed: int) -> list[Ints]:
    """Deal n shuffled rows out into batches of about one size."""
    return np.array_split(np.random.default_rng(seed).permutation(n), max(1, round(n / size)))


@torch.no_grad()
def accuracy(network: Network, X: Images, y: Ints, parts: Sequence[Ints], of_batch: bool = False) -> float:
    """Return the accuracy of predictions that are made batch by batch.

    Parameters
    ----------
    network : Network
        One network; it is not changed.
    X, y : (n, ...) array, (n,) array of class positions
        The rows.
    parts : sequence of arrays of int
        Which rows are predicted together.
    of_batch : bool
        Whether batch norm takes the statistics of the batch, as in training, instead of the running ones.

    Returns
    -------
    float
    """
    chosen = network.of_states([network.state_of(0)]).train(of_batch)
    right = [(_outputs(chosen, X[rows]).argmax(0).numpy() == y[rows]).sum() for rows in parts]
    return float(sum(right) / sum(map(len, parts)))


def parameters_only(network: Network) -> tuple[Network, list[str]]:
    """Return a new network that was given the parameters alone, and the names of what it was not given.

    ``load_state_dict`` refuses such a state; ``strict=False`` takes it: running means stay 0, variances 1.
    """
    fresh = Network(network.plan, network.n_nets).to(network.inputs.centre.dtype)
    kept = {name: value for name, value in network.state_dict().items() if "running" not in name}
    missing = fresh.load_state_dict(kept, strict=False).missing_keys
    return fresh.eval(), list(missing)


@torch.no_grad()
def counted(network: Network, X: Images, parts: Sequence[Ints], rule: str, decay: float) -> Iterator[Network]:
    """Yield the network after each update of its running statistics; nothing else changes.

    Parameters
    ----------
    network : Network
        It is changed.
    X : (n, ...) array
        Training rows.
    parts : sequence of arrays of int
        The batches, seen in this order, again and again.
    rule : {"ema", "ema_warmup", "cumulative"}
        See `stackit.neural.layers.layers.BatchNorm`.
    decay : float
        The part that is kept in each update.

    Yields
    ------
    Network
        The same object, ready to predict.
    """
    for norm in network.norms:
        norm.reset_statistics()
        norm.statistics, norm.decay = rule, decay
    for rows in cycle(parts):
        _outputs(network.train(), X[rows])
        yield network.eval()


def recomputed(network: Network, X: Images, parts: Sequence[Ints]) -> Network:
    """Return the network with the mean of the batches' means and unbiased variances: the population's."""
    fresh = network.of_states([network.state_of(0)])
    for _, done in zip(parts, counted(fresh, X, parts, "cumulative", 0.0), strict=False):
        fresh = done
    return fresh


def running(network: Network, name: str) -> npt.NDArray[np.float64]:
    """Return the running means or variances of all layers, one after the other."""
    return np.concatenate([getattr(norm, f"running_{name}").flatten().numpy() for norm in network.norms])


def _outputs(network: Network, X: Images) -> torch.Tensor:
    numbers = torch.as_tensor(np.array(X)[np.newaxis]).to(network.inputs.centre.dtype)
    outputs: torch.Tensor = network(InputRows(numbers))
    return outputs[0]
