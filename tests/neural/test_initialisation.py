"""What nets begin with: weights of the distributions that are named, and the rest without effect."""

import math

import numpy as np
import pytest
import torch

from stackit.neural.layers.network import Network, NetworkPlan

DENSE = NetworkPlan((("dense", 300), "batch_norm", "relu", ("dense", 50)), (100,))
CONV = NetworkPlan((("conv", 60, 5), "batch_norm", "flatten", ("dense", 3)), (8, 6, 6))


def begun(plan, seed=0):
    return Network(plan, 1).initialise([seed]).double().state_of(0)


def assert_uniform(values, bound):
    values = values.flatten().numpy()
    assert 0.99 * bound < np.abs(values).max() <= bound
    assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert values.mean() == pytest.approx(0, abs=0.05 * bound)


def assert_normal(values, std):
    values = values.flatten().numpy()
    assert values.std() == pytest.approx(std, rel=0.05)
    assert values.mean() == pytest.approx(0, abs=0.1 * std)
    assert np.mean(np.abs(values) < std) == pytest.approx(0.683, abs=0.04)


def test_standard_weights_are_those_of_glorot_and_bengio():
    """U(-b, b) with b = sqrt(6 / (inputs + outputs)), each times the area of a convolution (2010, eq. 16)."""
    state = begun(DENSE)
    assert_uniform(state["layers.0.weight"], math.sqrt(6 / (100 + 300)))
    assert_uniform(state["layers.3.weight"], math.sqrt(6 / (300 + 50)))
    assert_uniform(begun(CONV)["layers.0.weight"], math.sqrt(6 / (25 * 8 + 25 * 60)))


@pytest.mark.parametrize("plan", [DENSE, CONV], ids=["dense", "conv"])
def test_weights_of_the_ntk_parametrization_are_standard_normal(plan):
    state = begun(NetworkPlan(plan.layers, plan.shape, ntk=True))
    weights = [value for name, value in state.items() if name.endswith("weight") and value.numel() > 2000]
    assert weights
    for weight in weights:
        assert_normal(weight, 1.0)


def test_everything_else_begins_without_effect():
    plan = NetworkPlan(DENSE.layers, DENSE.shape, scaling=True)
    state = begun(plan)
    ones = ("layers.1.gamma", "layers.1.running_var", "inputs.scale")
    zeros = ("layers.1.beta", "layers.1.running_mean", "layers.3.bias")
    assert all((state[name] == 1).all() for name in ones)
    assert all((state[name] == 0).all() for name in zeros)
    assert "layers.0.bias" not in state  # batch norm would take it away again


def test_waves_and_embedded_levels_begin_as_they_are_said_to():
    """Frequencies N(0, 0.1), phases all round, weights as of a layer of sixteen inputs; levels N(0, 1)."""
    state = begun(NetworkPlan(DENSE.layers, (300,), n_levels=(900,), embedding="periodic"))
    assert state["inputs.periodic.frequency"].shape == (300, 16)
    assert state["inputs.periodic.weight"].shape == (300, 3, 16)
    assert_normal(state["inputs.periodic.frequency"], 0.1)
    assert_uniform(state["inputs.periodic.phase"], math.pi)
    assert_uniform(state["inputs.periodic.weight"], 1 / 4)
    assert (state["inputs.periodic.bias"] == 0).all()
    assert (state["inputs.levels.0"][0] == 0).all()  # a level that was not seen
    assert_normal(state["inputs.levels.0"][1:], 1.0)


def test_each_seed_begins_with_weights_of_its_own_in_any_company():
    together = Network(DENSE, 3).initialise([7, 8, 9])
    for at, seed in enumerate((7, 8, 9)):
        alone = Network(DENSE, 1).initialise([seed]).state_of(0)
        for name, value in together.state_of(at).items():
            assert torch.equal(value, alone[name]), name
    assert not torch.equal(together.state_of(0)["layers.0.weight"], together.state_of(1)["layers.0.weight"])
