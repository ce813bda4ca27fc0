"""What makes the steps: the parameters of several networks at once, each network by its own gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["Adam", "Optimizer", "TorchOptimizer", "optimizer_of"]


class Optimizer(Protocol):
    """Steps of parameters that have the networks as their first axis."""

    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Take a step against the gradients."""

    def keep(self, nets: list[int]) -> None:
        """Forget what is known of networks that are gone."""


class Adam:
    """Adam, as torch's own function does it, without the hooks that small networks would notice.

    Parameters
    ----------
    parameters : sequence of tensors
        They are changed in place.
    beta_1, beta_2 : float
        How much of the means of gradients and of their squares is kept in each step.

    References
    ----------
    Kingma, D. and Ba, J. (2015). Adam: a method for stochastic optimization. arXiv 1412.6980, algorithm 1.

    Examples
    --------
    >>> parameter = torch.tensor([1.0])
    >>> Adam([parameter], beta_1=0.9, beta_2=0.999).step([torch.tensor([5.0])], rate=0.1)
    >>> round(parameter.item(), 6)
    0.9
    """

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
        """Forget what is known of networks that are gone."""
        self.means, self.squares = ([one[nets] for one in tensors] for tensors in (self.means, self.squares))


class TorchOptimizer:
    """An optimiser of torch's library."""

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
        """Forget what is known of networks that are gone."""
        for state in self.optimizer.state.values():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.dim():
                    state[name] = value[nets]


def optimizer_of(training: Any, parameters: Sequence[Tensor]) -> Optimizer:
    """Return what a `stackit.neural.training.loop.Training` asks for; weights decay beside it."""
    rate = training.learning_rate_init
    if training.solver == "adam":
        return Adam(parameters, training.beta_1, training.beta_2)
    if training.solver == "adadelta":
        return TorchOptimizer(torch.optim.Adadelta(parameters, lr=rate, rho=0.95))
    nesterov = training.momentum > 0
    return TorchOptimizer(torch.optim.SGD(parameters, lr=rate, momentum=training.momentum, nesterov=nesterov))
