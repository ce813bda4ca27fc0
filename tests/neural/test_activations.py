"""Activations with gradients of their own are what torch's formulas give, in value and in gradients."""

import pytest
import torch
from torch.nn import functional as F

from stackit.neural.layers.activations import mish
from stackit.neural.layers.products import scaled_product


def random(*shape, scale=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()


def gradients(value, inputs):
    return torch.autograd.grad((value * torch.linspace(-1, 2, value.shape[-1])).sum(), inputs)


def test_mish_and_its_gradient_are_torchs_from_the_flat_to_the_linear_part():
    h = torch.tensor([-800.0, -40, -3, -1e-9, 0, 1e-9, 0.5, 19, 21, 800], dtype=torch.float64)
    h.requires_grad_()
    torch.testing.assert_close(mish(h), F.mish(h), rtol=1e-13, atol=1e-300)
    torch.testing.assert_close(gradients(mish(h), h), gradients(F.mish(h), h), rtol=1e-13, atol=1e-300)
    with torch.no_grad():
        torch.testing.assert_close(mish(h), F.mish(h), rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("biased", [True, False])
def test_a_scaled_product_has_the_gradients_of_its_formula(biased):
    weight, h, bias = random(2, 3, 4), random(2, 4, 5), random(2, 3)
    inputs = (weight, h, bias) if biased else (weight, h)
    plain = torch.einsum("koi,kib->kob", 0.3 * weight, h) + (bias[:, :, None] if biased else 0)
    value = scaled_product(weight, h, bias if biased else None, 0.3)
    torch.testing.assert_close(value, plain)
    torch.testing.assert_close(gradients(value, inputs), gradients(plain, inputs))


def test_a_scaled_product_of_numbers_in_half_precision_has_float32_gradients():
    weight, h, bias = (random(*shape, dtype=torch.float32) for shape in ((2, 3, 4), (2, 4, 5), (2, 3)))
    with torch.autocast("cpu", torch.bfloat16):
        value = scaled_product(weight, h, bias, 0.3)
    assert value.dtype == torch.bfloat16
    for found, expected in zip(
        gradients(value.float(), (weight, h, bias)),
        gradients(scaled_product(weight, h, bias, 0.3), (weight, h, bias)),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)
