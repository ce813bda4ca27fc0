"""Layers of heads that share weights: their formula, their gradients, and what dropout does in them."""

import pytest
import torch

from stackit.neural.layers import heads
from stackit.neural.layers.heads import SharedBlock

SIZES = [(1, 1, 1, 1, 1), (2, 3, 1, 4, 2), (2, 5, 4, 3, 6)]  # networks, heads, rows, n_in, n_out


def block_and_inputs(sizes, is_first, dropout=0.0):
    n_nets, n_heads, n_rows, n_in, n_out = sizes
    random = torch.Generator().manual_seed(0)
    block = SharedBlock(n_nets, n_in, n_out, n_heads, dropout=dropout, is_first=is_first).double().train()
    for net in range(n_nets):
        block.initialise(net, random)
    for scale in (block.input_scale, block.output_scale):
        scale.data += torch.rand(scale.shape, generator=random) / 2
    block.dropout.share = 1.0
    shape = (n_nets, n_in, n_rows) if is_first else (n_nets, n_heads, n_rows, n_in)
    h = torch.randn(shape, generator=random, dtype=torch.float64).requires_grad_()
    return block, (h, block.weight, block.input_scale, block.output_scale, block.bias)


def plain(h, weight, input_scale, output_scale, bias):
    h = h.mT.unsqueeze(1) if h.dim() == 3 else h
    products = (h * input_scale.unsqueeze(2)) @ weight.mT.unsqueeze(1)
    return torch.relu(products * output_scale.unsqueeze(2) + bias.unsqueeze(2))


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("chunk", [1, 50, 2**18])
def test_values_and_gradients_are_those_of_the_formula(monkeypatch, sizes, is_first, chunk):
    """Whichever heads are computed at once, and whatever the layout of the gradient from above."""
    monkeypatch.setattr(heads, "CHUNK", chunk)
    block, inputs = block_and_inputs(sizes, is_first)
    value, expected = block(inputs[0]), plain(*inputs)
    torch.testing.assert_close(value, expected)
    above = torch.randn(value.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    theirs = torch.autograd.grad(expected, inputs, above)
    for upstream in (above, above.mT.contiguous().mT):
        ours = torch.autograd.grad(block(inputs[0]), inputs, upstream)
        for own, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(own, other)


def test_dropout_keeps_and_scales_some_numbers_and_their_gradients(monkeypatch):
    """A row of weight 0 fills the gap of the second network, which has a row less."""
    block, inputs = block_and_inputs(SIZES[-1], False, dropout=0.25)
    real = torch.tensor([[1.0, 1, 1, 1], [1, 1, 1, 0]])
    keep = block._draw(4, real)
    monkeypatch.setattr(block, "_draw", lambda n_rows, weights: keep)
    assert 0.1 < 1 - keep[:, :, :3].double().mean() < 0.4
    expected = plain(*inputs) * keep / 0.75
    torch.testing.assert_close(block(inputs[0], real), expected)
    theirs = torch.autograd.grad(expected.sin().sum(), inputs)
    ours = torch.autograd.grad(block(inputs[0], real).sin().sum(), inputs)
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other)
