"""Optimisers for the parameters of several networks at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["Adam", "Optimizer", "TorchOptimizer", "clip_norms", "make_optimizer"]


class Optimizer(Protocol):
    """An optimiser of parameters with the networks as their first axis."""

    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""


class Adam:
    """Adam (arXiv 1412.6980) by torch's fused kernel, without the hooks that slow down small networks.

    Parameters with the same factor of the learning rate are updated in one call.
    """

    def __init__(
        self, parameters: Sequence[Tensor], factors: Sequence[float], beta_1: float, beta_2: float
    ) -> None:
        self.beta_1, self.beta_2 = beta_1, beta_2
        self.count = torch.zeros((), device=parameters[0].device if parameters else None)
        places = {
            factor: [at for at, own in enumerate(factors) if own == factor]
            for factor in dict.fromkeys(factors)
        }
        self.groups = [_Group(factor, at, [parameters[one] for one in at]) for factor, at in places.items()]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""
        self.count += 1
        for group in self.groups:
            torch._fused_adam_(
                group.parameters,
                # The kernel reads all tensors in the order of memory, whatever their layout.
                [gradients[at].contiguous() for at in group.places],
                group.means,
                group.squares,
                [],
                [self.count] * len(group.places),
                lr=group.factor * rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                weight_decay=0.0,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""
        for group in self.groups:
            group.keep(nets)


class _Group:
    """The parameters with one factor of the learning rate, their places among all, and their moments."""

    def __init__(self, factor: float, places: list[int], parameters: list[Tensor]) -> None:
        self.factor, self.places, self.parameters = factor, places, parameters
        self.means, self.squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))

    def keep(self, nets: list[int]) -> None:
        """Drop the moments of networks that have stopped."""
        self.means, self.squares = ([one[nets] for one in tensors] for tensors in (self.means, self.squares))


class TorchOptimizer:
    """An optimiser of `torch.optim`, with one group per parameter, in their order."""

    def __init__(self, optimizer: torch.optim.Optimizer, factors: Sequence[float]) -> None:
        self.optimizer, self.factors = optimizer, factors

    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""
        for group, factor, gradient in zip(self.optimizer.param_groups, self.factors, gradients, strict=True):
            group["lr"] = factor * rate
            group["params"][0].grad = gradient
        self.optimizer.step()

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""
        for state in self.optimizer.state.values():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.dim():
                    state[name] = value[nets]


def make_optimizer(config: Any, parameters: Sequence[Tensor], factors: Sequence[float]) -> Optimizer:
    """Return the optimiser of a `TrainingConfig`, without weight decay, which the training loop applies.

    Each parameter has a factor of the learning rate.
    """
    rate = config.learning_rate_init
    betas = config.beta_1, config.beta_2
    if config.solver == "adam" and hasattr(torch, "_fused_adam_"):  # not public: a version may lack it
        return Adam(parameters, factors, *betas)
    groups = [{"params": [parameter]} for parameter in parameters]
    if config.solver == "adam":
        return TorchOptimizer(torch.optim.Adam(groups, lr=rate, betas=betas), factors)
    if config.solver == "adadelta":
        return TorchOptimizer(torch.optim.Adadelta(groups, lr=rate, rho=0.95), factors)
    nesterov = config.momentum > 0
    sgd = torch.optim.SGD(groups, lr=rate, momentum=config.momentum, nesterov=nesterov)
    return TorchOptimizer(sgd, factors)


@torch.no_grad()
def clip_norms(gradients: Sequence[Tensor], max_norm: float) -> None:
    """Scale the gradients of each network, in place, so that their norm is at most `max_norm`."""
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
    factors = (max_norm / (norms + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factors.view(-1, *[1] * (gradient.dim() - 1)))
