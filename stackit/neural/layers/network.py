"""K networks of one architecture as one module, from their inputs to their outputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from stackit.neural.layers.dropout import Dropout
from stackit.neural.layers.heads import HeadOutputs, SharedBlock
from stackit.neural.layers.layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    fold,
)
from stackit.neural.layers.parametric import ParametricActivation
from stackit.neural.training.inputs import InputRows, Inputs
from stackit.neural.training.quantiles import Quantiles
from stackit.validation import invalid_value

__all__ = ["Layer", "Learned", "Network", "NetworkPlan", "State"]

Layer = str | Sequence[Any]
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class NetworkPlan:
    """The architecture of a network; networks of equal plans are trained in one loop."""

    layers: tuple[Layer, ...]  # as in `BatchNormConvNetClassifier`, with the last one
    shape: tuple[int, ...]  # of one row: (n_numbers,) or (channels, height, width)
    n_levels: tuple[int, ...] = ()  # of each category
    ntk: bool = False  # see Dense
    statistics: str = "population"  # see BatchNorm, as for the next two
    decay: float = 0.99
    eps: float = 1e-5
    categories: str = "auto"  # see Inputs, as for the next four
    embedding: str | None = None
    clip: bool = False
    scaling: bool = False
    missing: bool = False
    fitted: bool = False  # whether initial weights and biases fit the training rows: see fit_initial_values
    n_quantiles: int = 0  # see Quantiles; 0 is without
    # How parameters learn, by patterns of their names, of which the first that matches counts: factors of the
    # learning rate and of the weight decay. Of all others, weights decay, with a factor of 1.
    learning: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Learned:
    """A parameter of all networks, and its factors of the learning rate and of the weight decay."""

    parameter: nn.Parameter
    rate: float
    decay: float


class Network(nn.Module):
    """K networks of one plan as one module.

    The input is an `InputRows` of B rows per network, the output has shape (K, n_outputs, B), or (K,
    n_outputs, heads, B) where networks have heads. Every parameter and every statistic has the networks as
    its first axis, so an index selects a network.

    Parameters
    ----------
    plan : NetworkPlan
        The architecture.
    n_nets : int
        The number of networks, K.

    Raises
    ------
    ValueError
        When a layer is unknown, or does not fit the output of the layer before it.

    Examples
    --------
    >>> plan = NetworkPlan(layers=(("dense", 8), "batch_norm", "relu", ("dense", 3)), shape=(4,))
    >>> network = Network(plan, n_nets=5).initialise(range(5))
    >>> network.n_parameters  # per network: 8·4, gamma and beta 2·8, 3·8 + 3
    75
    >>> network(InputRows(torch.zeros(5, 10, 4))).shape
    torch.Size([5, 3, 10])
    """

    def __init__(self, plan: NetworkPlan, n_nets: int) -> None:
        super().__init__()
        self.plan = plan
        self.inputs = Inputs(
            n_nets,
            plan.shape[0],
            plan.n_levels,
            categories=plan.categories,
            embedding=plan.embedding,
            clip=plan.clip,
            scaling=plan.scaling,
            missing=plan.missing,
        )
        if plan.n_quantiles:
            self.inputs.quantiles = Quantiles(n_nets, plan.shape[0], plan.n_quantiles)
        shape = (self.inputs.n_features,) if len(plan.shape) == 1 else plan.shape
        self.widest = math.prod(shape)  # numbers per row, in the largest layer
        self.layers = nn.ModuleList()
        for at, layer in enumerate(plan.layers):
            biased = plan.layers[at + 1 : at + 2] != ("batch_norm",)
            module, shape = _layer(layer, plan, n_nets, shape, biased)
            self.layers.append(module)
            self.widest = max(self.widest, math.prod(shape))
        # Calls slow down small nets: forward is called directly, without hooks.
        self.steps = [layer.forward for layer in self.layers]

    def forward(self, rows: InputRows, weights: Tensor | None = None) -> Tensor:
        h: Tensor = self.inputs.forward(rows)
        for layer in self.steps:
            h = layer(h, weights)
        return h

    @property
    def n_nets(self) -> int:
        """The number of networks."""
        return len(self.inputs.centre)

    @property
    def norms(self) -> list[BatchNorm]:
        """The batch-norm layers."""
        return [layer for layer in self.layers if isinstance(layer, BatchNorm)]

    @property
    def dropouts(self) -> list[Dropout]:
        """The dropout layers."""
        return [module for module in self.modules() if isinstance(module, Dropout)]

    @property
    def learned(self) -> list[Learned]:
        """The trainable parameters, and how each of them learns."""
        return [
            Learned(parameter, *_learning(name, self.plan))
            for name, parameter in self.named_parameters()
            if parameter.requires_grad
        ]

    @property
    def n_parameters(self) -> int:
        """The number of trainable parameters per network."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad) // self.n_nets

    def initialise(self, seeds: Iterable[int]) -> Network:
        """Draw the weights of each network with its own generator."""
        for net, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(seed)
            for module in (self.inputs, *self.layers):
                if hasattr(module, "initialise"):
                    module.initialise(net, generator)
        return self

    def state_of(self, net: int) -> dict[str, Tensor]:
        """Return a copy of the parameters and statistics of one network."""
        return {name: tensor[net].detach().clone() for name, tensor in self.state_dict().items()}

    def of_states(self, states: Sequence[State]) -> Network:
        """Return networks of the same plan, precision and device with these states."""
        like = self.inputs.centre
        network = Network(self.plan, len(states)).to(device=like.device, dtype=like.dtype)
        network.load_state_dict({name: torch.stack([state[name] for state in states]) for name in states[0]})
        return network.train(self.training)

    def keep(self, nets: Sequence[int]) -> None:
        """Keep some of the networks and drop the others; parameters stay the same objects."""
        for dropout in self.dropouts:
            dropout.keep(list(nets))
        for tensor in (*self.parameters(), *self.buffers()):
            tensor.data = tensor.data[list(nets)]

    def folded(self) -> nn.Module:
        """Return the networks for prediction, with batch norm folded into the layers before it."""
        layers: list[nn.Module] = []
        for layer in self.layers:
            if isinstance(layer, BatchNorm):
                foldable = bool(layers) and isinstance(layers[-1], Dense | Conv)
                layers.append(fold(layers.pop() if foldable else None, layer))
            else:
                layers.append(deepcopy(layer))  # so that these networks can still be trained
        return Folded(deepcopy(self.inputs), layers).eval().requires_grad_(False)


class Folded(nn.Module):
    """Networks without batch norm, for prediction."""

    def __init__(self, inputs: Inputs, layers: list[nn.Module]) -> None:
        super().__init__()
        self.inputs, self.layers = inputs, nn.ModuleList(layers)

    def forward(self, rows: InputRows) -> Tensor:
        h: Tensor = self.inputs(rows)
        for layer in self.layers:
            h = layer(h)
        return h


def _learning(name: str, plan: NetworkPlan) -> tuple[float, float]:
    """Return the factors of a parameter's learning rate and weight decay."""
    for pattern, rate, decay in plan.learning:
        if fnmatchcase(name, pattern):
            return rate, decay
    return 1.0, float(name.endswith("weight"))


def _layer(
    layer: Layer, plan: NetworkPlan, n_nets: int, shape: tuple[int, ...], biased: bool
) -> tuple[nn.Module, tuple[int, ...]]:
    """Return a layer and the shape of its output."""
    kind, *sizes = (layer,) if isinstance(layer, str) else tuple(layer)
    if kind == "dense" and len(shape) == 1:
        return Dense(n_nets, shape[0], sizes[0], bias=biased, ntk=plan.ntk), (sizes[0],)
    if kind == "shared":
        n_out, n_heads, rate = sizes
        is_first = len(shape) == 1
        return SharedBlock(n_nets, shape[-1], n_out, n_heads, dropout=rate, is_first=is_first), (
            n_heads,
            n_out,
        )
    if kind == "heads" and len(shape) == 2:
        return HeadOutputs(n_nets, shape[1], sizes[0], shape[0]), (sizes[0], shape[0])
    if kind == "conv" and len(shape) == 3:
        return _conv(sizes, plan, n_nets, shape, biased)
    if (elementwise := _elementwise(kind, sizes, plan, n_nets, shape)) is not None:
        return elementwise, shape
    if kind == "max_pool" and len(shape) == 3:
        if min(shape[1:]) < sizes[0]:
            raise _too_small(sizes[0], shape)
        return MaxPool(sizes[0]), (shape[0], shape[1] // sizes[0], shape[2] // sizes[0])
    if kind == "flatten" and len(shape) == 3:
        return Flatten(math.prod(shape)), (math.prod(shape),)
    raise invalid_value(
        "layers",
        f"dense, conv, batch_norm, max_pool, flatten, {', '.join(ACTIVATIONS)}, in an order that fits",
        f"{layer!r} for activations of shape {shape}",
        "Put conv and max_pool before flatten, and dense after it",
    )


def _elementwise(
    kind: str, sizes: list[Any], plan: NetworkPlan, n_nets: int, shape: tuple[int, ...]
) -> nn.Module | None:
    """Return a layer that keeps the shape of its input; None for other layers."""
    if kind == "batch_norm":
        return BatchNorm(n_nets, shape[0], statistics=plan.statistics, decay=plan.decay, eps=plan.eps)
    if kind == "dropout" and len(shape) == 1:
        return Dropout(n_nets, sizes[0])
    if kind == "parametric" and len(shape) == 1:
        return ParametricActivation(n_nets, shape[0], sizes[0])
    return Activation(kind) if kind in ACTIVATIONS else None


def _conv(
    sizes: list[Any], plan: NetworkPlan, n_nets: int, shape: tuple[int, ...], biased: bool
) -> tuple[nn.Module, tuple[int, ...]]:
    channels, size, padding = (*sizes, "valid")[:3]
    lost = size - 1 if padding == "valid" else 0
    height, width = shape[1] - lost, shape[2] - lost
    if min(height, width) < 1:
        raise _too_small(size, shape)
    module = Conv(n_nets, shape[0], channels, size, padding=padding, bias=biased, ntk=plan.ntk)
    return module, (channels, height, width)


def _too_small(size: int, shape: tuple[int, ...]) -> ValueError:
    return invalid_value(
        "Images",
        f"at least {size} by {size} in front of a layer of that size",
        f"{shape=}",
        "Use smaller convolutions, padding 'same', or fewer layers",
    )
