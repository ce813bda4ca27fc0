"""Adam takes the library's steps, whatever the layout of a gradient, and without the fused kernel."""

import pytest
import torch

from stackit.neural.training.config import TrainingConfig
from stackit.neural.training.optimizers import make_optimizer

CONFIG = TrainingConfig(1, 2, learning_rate_init=0.1, beta_1=0.8, beta_2=0.99)
SHAPES, FACTORS = ((3, 2, 4), (3, 2)), (1.0, 6.0)


def numbers(seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]


def steps_of_the_library(rates):
    """Return parameters after steps of torch's own Adam."""
    parameters = [torch.nn.Parameter(one) for one in numbers(0)]
    library = torch.optim.Adam([{"params": [one]} for one in parameters], betas=(0.8, 0.99))
    for step, rate in enumerate(rates, start=1):
        for group, factor, gradient in zip(library.param_groups, FACTORS, numbers(step), strict=True):
            group["lr"], group["params"][0].grad = factor * rate, gradient
        library.step()
    return [one.detach() for one in parameters]


@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
@pytest.mark.parametrize("fused", [True, False])
def test_adam_is_the_librarys(monkeypatch, fused, layout):
    """The fused kernel reads memory in its order: a gradient with another layout would be wrong silently."""
    if not fused:
        monkeypatch.delattr(torch, "_fused_adam_")
    rates, ours = [0.1, 0.05, 0.02], [torch.nn.Parameter(one) for one in numbers(0)]
    adam = make_optimizer(CONFIG, ours, FACTORS)
    for step, rate in enumerate(rates, start=1):
        gradients = numbers(step)
        if layout == "transposed":
            gradients = [one.mT.contiguous().mT for one in gradients]
        adam.step(gradients, rate)
    for own, other in zip(ours, steps_of_the_library(rates), strict=True):
        torch.testing.assert_close(own.detach(), other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("fused", [True, False])
def test_a_network_that_stays_takes_its_own_steps(monkeypatch, fused):
    """After the first of three networks has stopped, the others go on as if it were there."""
    if not fused:
        monkeypatch.delattr(torch, "_fused_adam_")
    ours = [torch.nn.Parameter(one) for one in numbers(0)]
    adam = make_optimizer(CONFIG, ours, FACTORS)
    adam.step(numbers(1), 0.1)
    adam.keep([1, 2])
    for one in ours:
        one.data = one.data[[1, 2]]
    adam.step([one[[1, 2]] for one in numbers(2)], 0.05)
    for own, other in zip(ours, steps_of_the_library([0.1, 0.05]), strict=True):
        torch.testing.assert_close(own.detach(), other[1:], rtol=1e-12, atol=1e-12)
