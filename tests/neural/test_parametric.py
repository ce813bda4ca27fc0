"""Activations with a slope: their values and gradients are those of torch's functions."""

import pytest
import torch
from torch.nn import functional as F

from stackit.neural.layers.parametric import ParametricActivation


@pytest.mark.parametrize("name", ["selu", "mish", "tanh"])
def test_values_and_gradients_are_torchs(name):
    """Also far out, where an exponential would overflow."""
    h = torch.cat([torch.linspace(-60, 60, 203), torch.tensor([-1e4, 0.0, 1e4])]).double()
    h = h.expand(2, 3, -1).clone().requires_grad_()
    layer = ParametricActivation(2, 3, name).double()
    with torch.no_grad():
        layer.slope.copy_(torch.linspace(-1, 2, 6).view(2, 3))
    weights = torch.cos(torch.arange(h.numel())).view(h.shape)
    ours = torch.autograd.grad((layer(h) * weights).sum(), (h, layer.slope))
    slope = layer.slope[:, :, None]
    bent = (1 - slope) * h + slope * (torch.tanh if name == "tanh" else getattr(F, name))(h)
    torch.testing.assert_close(layer(h), bent, rtol=1e-12, atol=1e-12)
    theirs = torch.autograd.grad((bent * weights).sum(), (h, layer.slope))
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-10)
