"""Layers of networks with several heads, which share their weights (BatchEnsemble, arXiv 2002.06715).

Heads have rows of their own in every layer: h has shape (K, heads, B, features), so that all heads of a
network are one product of matrices, and what adapts a head is the same for all its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from stackit.neural.layers.dropout import Dropout, real_rows

__all__ = ["HeadOutputs", "SharedBlock"]

CHUNK = 2**18  # numbers of a layer that are computed at once, so that they stay in the cache


class SharedBlock(nn.Module):
    """relu(((h * r) W) * s + b) with dropout, for the heads of K networks: W is shared, and r, s, b are not.

    The first block takes (K, features, B), which all heads share; it gives (K, heads, B, n_out), and so do
    the others.
    """

    def __init__(
        self, n_nets: int, n_in: int, n_out: int, n_heads: int, *, dropout: float, is_first: bool
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_nets, n_out, n_in))
        self.input_scale = nn.Parameter(torch.ones(n_nets, n_heads, n_in))
        self.output_scale = nn.Parameter(torch.ones(n_nets, n_heads, n_out))
        self.bias = nn.Parameter(torch.empty(n_nets, n_heads, n_out))
        self.dropout, self.is_first = Dropout(n_nets, dropout), is_first

    def initialise(self, net: int, generator: torch.Generator) -> None:
        """Draw weights and biases, which begin equal for all heads, and the signs that tell heads apart."""
        self.dropout.initialise(net, generator)
        n_out, n_in = self.weight.shape[1:]
        bound = n_in**-0.5
        weight, bias = (torch.empty(shape, dtype=torch.float64) for shape in ((n_out, n_in), (n_out,)))
        self.weight.data[net] = weight.uniform_(-bound, bound, generator=generator)
        self.bias.data[net] = bias.uniform_(-bound, bound, generator=generator)
        if self.is_first:
            coins = torch.empty(self.input_scale.shape[1:], dtype=torch.float64)
            self.input_scale.data[net] = coins.bernoulli_(0.5, generator=generator) * 2 - 1

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        if self.is_first:
            h = h.transpose(1, 2).unsqueeze(1).contiguous()
        keep, scale = None, 1.0
        if self.training and self.dropout.dropped:
            keep, scale = self._draw(h.shape[2], weights), self.dropout.factor
        parameters = self.weight, self.input_scale, self.output_scale, self.bias
        outputs: Tensor = _Block.apply(h, *parameters, keep, scale)  # type: ignore[no-untyped-call]
        return outputs

    def _draw(self, n_rows: int, weights: Tensor | None) -> Tensor:
        """Return which numbers are kept, (K, heads, B, n_out); rows that fill gaps are of no effect."""
        n_nets, n_heads, n_out = self.bias.shape
        keep = torch.zeros(n_nets, n_heads, n_rows, n_out, dtype=torch.bool)
        for net, count in enumerate(real_rows(weights, n_nets, n_rows)):
            # NumPy compares small integers ten times as fast as torch.
            stays = self.dropout.draw(net, n_heads * count * n_out) >= self.dropout.threshold
            keep[net, :, :count] = torch.from_numpy(stays).view(n_heads, count, n_out)
        return keep.to(self.bias.device)


class HeadOutputs(nn.Module):
    """W h + b for each head of K networks by itself: (K, heads, B, n_in) gives (K, n_out, heads, B)."""

    def __init__(self, n_nets: int, n_in: int, n_out: int, n_heads: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_nets, n_heads, n_out, n_in))
        self.bias = nn.Parameter(torch.empty(n_nets, n_heads, n_out))

    def initialise(self, net: int, generator: torch.Generator) -> None:
        """Draw the weights and biases of all heads."""
        bound = self.weight.shape[-1] ** -0.5
        for parameter in (self.weight, self.bias):
            drawn = torch.empty(parameter.shape[1:], dtype=torch.float64)
            parameter.data[net] = drawn.uniform_(-bound, bound, generator=generator)

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        bias, weight = self.bias.flatten(0, 1), self.weight.flatten(0, 1)
        # Weights first: their gradient then has their own layout, which the optimiser needs.
        outputs = torch.baddbmm(bias.unsqueeze(2), weight, h.flatten(0, 1).mT)
        return outputs.view(*self.bias.shape, -1).transpose(1, 2)


class _Block(torch.autograd.Function):
    """What `SharedBlock` computes, and its gradients, some heads at a time, with few passes over memory."""

    @staticmethod
    def forward(
        ctx: Any,
        h: Tensor,
        weight: Tensor,
        input_scale: Tensor,
        output_scale: Tensor,
        bias: Tensor,
        keep: Tensor | None,
        scale: float,
    ) -> Tensor:
        n_nets, n_heads, n_out = bias.shape
        n_rows, n_in = h.shape[2:]
        products, outputs = (h.new_empty(n_nets, n_heads, n_rows, n_out) for _ in range(2))
        # With positive homogeneity, what is kept is scaled before relu, where no pass is needed for it.
        factor, shift = (output_scale * scale).unsqueeze(2), (bias * scale).unsqueeze(2)
        for net, heads in _chunks(n_nets, n_heads, n_rows * max(n_in, n_out)):
            scaled = _rows(h, net, heads) * input_scale[net, heads, None]
            product, output = products[net, heads], outputs[net, heads]
            torch.mm(scaled.view(-1, n_in), weight[net].T, out=product.view(-1, n_out))
            torch.addcmul(shift[net, heads], product, factor[net, heads], out=output).relu_()
            if keep is not None:
                output.mul_(keep[net, heads])
        ctx.save_for_backward(h, weight, input_scale, factor, products, outputs)
        ctx.scale = scale
        return outputs

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Any:
        h, weight, input_scale, factor, products, outputs = ctx.saved_tensors
        n_nets, n_heads, n_rows, n_out = outputs.shape
        n_in = h.shape[3]
        of_weight, of_input_scale = torch.zeros_like(weight), torch.empty_like(input_scale)
        of_output_scale, of_bias = (factor.new_empty(n_nets, n_heads, n_out) for _ in range(2))
        of_h = h.new_empty(n_nets, n_heads, n_rows, n_in)
        for net, heads in _chunks(n_nets, n_heads, n_rows * max(n_in, n_out)):
            # Where an output is 0, relu or dropout has cut it off.
            g = torch.ops.aten.threshold_backward(upstream[net, heads], outputs[net, heads], 0.0)
            torch.sum(g, 1, out=of_bias[net, heads])
            torch.sum(g * products[net, heads], 1, out=of_output_scale[net, heads])
            g = g.mul_(factor[net, heads]).view(-1, n_out)
            rows, by = _rows(h, net, heads), input_scale[net, heads, None]
            of_weight[net].addmm_(g.T, (rows * by).view(-1, n_in))
            before = of_h[net, heads]
            torch.mm(g, weight[net], out=before.view(-1, n_in))
            torch.sum(before * rows, 1, out=of_input_scale[net, heads])
            before.mul_(by)
        if h.shape[1] == 1:
            of_h = of_h.sum(1, keepdim=True)
        return (
            of_h,
            of_weight,
            of_input_scale,
            of_output_scale.mul_(ctx.scale),
            of_bias.mul_(ctx.scale),
            None,
            None,
        )


def _chunks(n_nets: int, n_heads: int, size: int) -> Iterator[tuple[int, slice]]:
    """Yield some heads of each network at a time, of `size` numbers each."""
    step = max(1, CHUNK // size)
    for net in range(n_nets):
        for start in range(0, n_heads, step):
            yield net, slice(start, start + step)


def _rows(h: Tensor, net: int, heads: slice) -> Tensor:
    """Return the rows of some heads, or those that all heads share."""
    return h[net] if h.shape[1] == 1 else h[net, heads]
