"""Optimisers for the parameters of several networks at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["Adam", "Optimizer", "TorchOptimizer", "make_optimizer"]


class Optimizer(Protocol):
    """An optimiser of parameters with the networks as their first axis."""

    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""


class Adam:
    """Adam (arXiv 1412.6980) by torch's function, without the hooks that slow down small networks."""

    def __init__(self, parameters: Sequence[Tensor], beta_1: float, beta_2: float) -> None:
        self.parameters, self.beta_1, self.beta_2 = list(parameters), beta_1, beta_2
        self.means, self.squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
        self.counts = [torch.zeros((), device=p.device) for p in parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""
        adam(
            self.parameters,
            list(gradients),
            self.means,
            self.squares,
            [],
            self.counts,
            fused=True,
            amsgrad=False,
            beta1=self.beta_1,
            beta2=self.beta_2,
            lr=rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""
        self.means, self.squares = ([one[nets] for one in tensors] for tensors in (self.means, self.squares))


class TorchOptimizer:
    """An optimiser of `torch.optim`."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""
        (group,) = self.optimizer.param_groups
        group["lr"] = rate
        for parameter, gradient in zip(group["params"], gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()

    def keep(self, nets: list[int]) -> None:
        """Drop the state of networks that have stopped."""
        for state in self.optimizer.state.values():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.dim():
                    state[name] = value[nets]


def make_optimizer(config: Any, parameters: Sequence[Tensor]) -> Optimizer:
    """Return the optimiser of a `TrainingConfig`, without weight decay, which the training loop applies."""
    rate = config.learning_rate_init
    if config.solver == "adam":
        return Adam(parameters, config.beta_1, config.beta_2)
    if config.solver == "adadelta":
        return TorchOptimizer(torch.optim.Adadelta(parameters, lr=rate, rho=0.95))
    nesterov = config.momentum > 0
    return TorchOptimizer(torch.optim.SGD(parameters, lr=rate, momentum=config.momentum, nesterov=nesterov))
