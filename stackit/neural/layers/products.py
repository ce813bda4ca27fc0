"""Products of weights and activations of several networks, with a factor that takes no pass over memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["scaled_product"]


def scaled_product(weight: Tensor, h: Tensor, bias: Tensor | None, factor: float) -> Tensor:
    """Return factor W h + b of (K, n_out, n_in) weights W, (K, n_in, B) inputs h and (K, n_out) biases b."""
    if weight.dtype != h.dtype or torch.is_autocast_enabled(h.device.type):
        weight = weight * factor
        return torch.bmm(weight, h) if bias is None else torch.baddbmm(bias.unsqueeze(2), weight, h)
    return _ScaledProduct.apply(weight, h, bias, factor)  # type: ignore[no-untyped-call, no-any-return]


class _ScaledProduct(torch.autograd.Function):
    """The product, and its gradients with the factor in the matrix product."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, h: Tensor, bias: Tensor | None, factor: float) -> Tensor:
        ctx.save_for_backward(weight, h)
        ctx.factor = factor
        if bias is None:
            return _product(weight, h, factor)
        return torch.baddbmm(bias.unsqueeze(2), weight, h, alpha=factor)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weight, h = ctx.saved_tensors
        return (
            _product(gradient, h.transpose(1, 2), ctx.factor) if ctx.needs_input_grad[0] else None,
            _product(weight.transpose(1, 2), gradient, ctx.factor) if ctx.needs_input_grad[1] else None,
            gradient.sum(2) if ctx.needs_input_grad[2] else None,
            None,
        )


def _product(left: Tensor, right: Tensor, factor: float) -> Tensor:
    return torch.baddbmm(left.new_zeros(()), left, right, beta=0, alpha=factor)
