"""Initial weights and biases that fit the training rows of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stackit.arrays import Floats
from stackit.neural.layers.layers import Dense
from stackit.neural.layers.network import Network
from stackit.neural.training.losses import Dataset, NetSpec

__all__ = ["fit_initial_values"]

MAX_ROWS = 2**14  # more are drawn from
N_CORNERS = 5  # rows that a bias is drawn between
NEGLIGIBLE = 1e-6  # a standard deviation in units of the root mean square


@torch.no_grad()
def fit_initial_values(network: Network, dataset: Dataset, specs: Sequence[NetSpec]) -> None:
    """Fit weights and biases of K initialised networks to their training rows, layer by layer, in place.

    The outputs of each unit are scaled to a standard deviation of 1. Its bias is minus a random convex
    combination of its outputs for five random rows, so that the unit bends where there are rows (Steinwart
    2019, arXiv 1903.11482; both as in arXiv 2407.04491). The order of the rows has no effect.
    """
    for net, spec in enumerate(specs):
        random = np.random.default_rng([spec.seed, 2])
        many = len(spec.rows) > MAX_ROWS
        rows = random.choice(spec.rows, MAX_ROWS, replace=False) if many else spec.rows
        _fit(network, net, dataset, torch.tensor(rows, device=dataset.targets.device)[None], random)


def _fit(network: Network, net: int, dataset: Dataset, rows: Tensor, random: np.random.Generator) -> None:
    """Fit one of the networks to rows (1, n)."""
    dtype = network.inputs.centre.dtype
    one = network.of_states([network.state_of(net)]).train()
    counts = rows.new_ones(rows.shape, dtype=dtype) if dataset.weights is None else dataset.weights[rows]
    h = one.inputs(dataset.table.take(rows, dtype))
    for at, (layer, own) in enumerate(zip(one.layers, network.layers, strict=True)):
        if isinstance(layer, Dense) and isinstance(own, Dense):
            if at == 0:
                order = torch.bmm(layer.kernel, h)[0, 0].argsort()
                h, counts = h[:, :, order], counts[:, order]
            _fit_layer(layer, h, counts, random)
            own.weight[net] = layer.weight[0]
            if own.bias is not None and layer.bias is not None:
                own.bias[net] = layer.bias[0]
        h = layer(h, counts)


def _fit_layer(layer: Dense, h: Tensor, counts: Tensor, random: np.random.Generator) -> None:
    """Fit a layer of one network to its inputs (1, n_in, n), which occur so many times."""
    outputs = torch.bmm(layer.kernel, h)[0]
    shares = counts[0] / counts.sum()
    mean_square = outputs.square() @ shares
    variance = mean_square - (outputs @ shares).square()
    deviation = torch.where(variance > NEGLIGIBLE * mean_square, variance, 1.0).sqrt()
    layer.weight[0] /= deviation[:, None]
    if layer.bias is not None:
        corners = torch.as_tensor(_draw_rows(counts[0].double().cpu().numpy(), len(outputs), random)).to(
            h.device
        )
        drawn = random.exponential(size=corners.shape)
        part = torch.as_tensor(drawn / drawn.sum(axis=1, keepdims=True)).to(outputs)
        layer.bias[0] = -(outputs.gather(1, corners) / deviation[:, None] * part).sum(1)


def _draw_rows(counts: Floats, n_units: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw the rows of each unit, in proportion to how many times they occur."""
    ends = counts.cumsum()
    places = random.random((n_units, N_CORNERS)) * ends[-1]
    return np.asarray(np.searchsorted(ends, places, side="right").clip(max=len(ends) - 1))
