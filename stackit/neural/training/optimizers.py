"""Optimisers for the parameters of several networks at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["Adam", "Optimizer", "TorchOptimizer", "clip_norms", "make_optimizer"]


class Optimizer(Protocol):
    """An optimiser of parameters with the networks as their first axis."""

    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""


class Adam:
    """Adam (arXiv 1412.6980) by torch's function, without the hooks that slow down small networks.

    Parameters with the same factor of the learning rate are updated in one call.
    """

    def __init__(
        self, parameters: Sequence[Tensor], factors: Sequence[float], beta_1: float, beta_2: float
    ) -> None:
        self.parameters, self.beta_1, self.beta_2 = list(parameters), beta_1, beta_2
        self.means, self.squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
        self.counts = [torch.zeros((), device=p.device) for p in parameters]
        self.groups = {
            factor: [at for at, own in enumerate(factors) if own == factor]
            for factor in dict.fromkeys(factors)
        }

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""
        tensors = self.parameters, gradients, self.means, self.squares, self.counts
        for factor, group in self.groups.items():
            parameters, own, means, squares, counts = ([part[at] for at in group] for part in tensors)
            adam(
                parameters,
                own,
                means,
                squares,
                [],
                counts,
                fused=True,
                amsgrad=False,
                beta1=self.beta_1,
                beta2=self.beta_2,
                lr=factor * rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""
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
    if config.solver == "adam":
        return Adam(parameters, factors, config.beta_1, config.beta_2)
    groups = [{"params": [parameter]} for parameter in parameters]
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
