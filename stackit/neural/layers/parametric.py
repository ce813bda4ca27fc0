"""Activations with a learned slope, with backward passes that read memory few times."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stackit.neural.layers.activations import LINEAR_FROM
from stackit.neural.layers.layers import ACTIVATIONS

__all__ = ["ParametricActivation"]

# Of SELU (arXiv 1706.02515).
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


class ParametricActivation(nn.Module):
    """h + slope * (act(h) - h), with a learned slope per feature that begins at 1 (arXiv 2407.04491)."""

    def __init__(self, n_nets: int, n_features: int, name: str) -> None:
        super().__init__()
        self.slope, self.name = nn.Parameter(torch.ones(n_nets, n_features)), name

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        slope = self.slope[:, :, None]
        h = h.to(slope.dtype)  # products may have half precision
        if self.name in FUSED:
            return torch.as_tensor(FUSED[self.name].apply(h, slope))
        return torch.lerp(h, ACTIVATIONS[self.name](h), slope)


class _ParametricSelu(torch.autograd.Function):
    """h + slope * (SELU(h) - h)."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, slope: Tensor) -> Tensor:
        bent = F.selu(h)
        ctx.save_for_backward(bent, bent - h, slope)
        return torch.lerp(h, bent, slope)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        bent, difference, slope = ctx.saved_tensors
        of_bent = torch.ops.aten.elu_backward(gradient, ALPHA, SCALE, 1.0, True, bent)
        return torch.lerp(gradient, of_bent, slope), (gradient * difference).sum(2, keepdim=True)


class _ParametricMish(torch.autograd.Function):
    """h + slope * (Mish(h) - h) = h (1 - slope * q), with e = exp(h) and q = 2 / (e^2 + 2 e + 2).

    Torch's Mish takes a logarithm, an exponential and a hyperbolic tangent.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, slope: Tensor) -> Tensor:
        e = h.clamp_max(LINEAR_FROM).exp_()
        q = (e + 2).mul_(e).add_(2).reciprocal_().mul_(2)
        ctx.save_for_backward(h, q, e.mul_(q), slope)
        return h - slope * q * h

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        h, q, r, slope = ctx.saved_tensors
        # The derivative of Mish is 1 + h r (r + q) - q, with r = e q.
        steepness = (r + q).mul_(r).mul_(h).sub_(q).mul_(slope).add_(1)
        return steepness.mul_(gradient), (gradient * h).mul_(q).sum(2, keepdim=True).neg_()


FUSED: dict[str, Any] = {"mish": _ParametricMish, "selu": _ParametricSelu}
