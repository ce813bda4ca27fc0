"""Learning rates: the linear rule's table, torch's schedulers as the reference, cycles and their ends."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stackit.neural import SCHEDULES, cycle_ends, learning_rates
from stackit.neural.training.learning_rates import flat_cosine

# torch loads parts of itself when the first scheduler is made.
unhurried = settings(deadline=None)
EPOCHS, STEPS = st.integers(1, 12), st.integers(1, 9)


def torch_rates(n_steps, scheduler, init, **options):
    """The rate that torch's optimiser has at each step."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=init)
    schedule = getattr(torch.optim.lr_scheduler, scheduler)(optimiser, **options)
    rates = []
    for _ in range(n_steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


def test_the_table_of_the_seven_layer_net():
    rates = learning_rates("linear", 0.02, 100, 3, decay_after=15).reshape(100, 3)
    assert (rates == rates[:, :1]).all()
    assert (rates[:16] == 0.02).all()
    assert rates[[16, 50, 99], 0].round(6).tolist() == [0.019765, 0.011765, 0.000235]
    np.testing.assert_allclose(rates[15:, 0], 0.02 * np.maximum(0, (100 - np.arange(15, 100)) / (100 - 15)))


def test_a_training_that_ends_before_the_decay_keeps_its_rate():
    for decay_after in (4, 5, 9):
        assert learning_rates("linear", 0.1, 5, 2, decay_after=decay_after).tolist() == [0.1] * 10


def test_four_waves_end_at_powers_of_two():
    """log2(1 + 15 t / T) is whole at t = 0, T/15, 3T/15, 7T/15: the rate is 0 there, init between them."""
    rates = learning_rates("coslog4", 0.04, 15, 1000)
    np.testing.assert_allclose(rates[[0, 1000, 3000, 7000]], 0, atol=1e-15)
    octaves = 2 ** np.array([0.5, 1.5, 2.5, 3.5])
    np.testing.assert_allclose(rates[(1000 * (octaves - 1)).round().astype(int)], 0.04, rtol=1e-6)
    assert rates[-1] < 1e-8


def test_a_flat_cosine_is_one_for_half_of_the_steps_and_then_falls():
    np.testing.assert_allclose(flat_cosine(8), [1, 1, 1, 1, 1, 0.853553, 0.5, 0.146447], rtol=1e-5)


@given(EPOCHS, STEPS)
def test_linear_decay_from_the_start_falls_by_equal_steps(n_epochs, steps):
    rates = learning_rates("linear", 1.0, n_epochs, steps)[::steps]
    np.testing.assert_allclose(rates, 1 - np.arange(n_epochs) / n_epochs, rtol=1e-12)


@unhurried
@given(EPOCHS, STEPS, st.floats(1e-5, 10))
def test_cosine_is_torchs(n_epochs, steps, init):
    total = n_epochs * steps
    expected = torch_rates(total, "CosineAnnealingLR", init, T_max=total)
    np.testing.assert_allclose(learning_rates("cosine", init, n_epochs, steps), expected, rtol=1e-9)


@unhurried
@given(st.integers(2, 12), STEPS, st.floats(1e-5, 10))
def test_one_cycle_is_torchs(n_epochs, steps, init):
    total = n_epochs * steps
    expected = torch_rates(total, "OneCycleLR", init, max_lr=init, total_steps=total)
    np.testing.assert_allclose(learning_rates("one_cycle", init, n_epochs, steps), expected, rtol=1e-9)


@pytest.mark.parametrize(("n_epochs", "steps", "n_cycles"), [(20, 7, 5), (22, 1, 4), (11, 3, 2), (3, 1, 3)])
def test_snapshot_rates_are_the_closed_form_and_torchs_warm_restarts(n_epochs, steps, n_cycles):
    total = n_epochs * steps
    length = math.ceil(total / n_cycles)
    closed = [0.2 / 2 * (math.cos(math.pi * ((t - 1) % length) / length) + 1) for t in range(1, total + 1)]
    rates = learning_rates("cyclic", 0.2, n_epochs, steps, n_cycles=n_cycles)
    np.testing.assert_allclose(rates, closed, rtol=1e-12)
    torchs = torch_rates(total, "CosineAnnealingWarmRestarts", 0.2, T_0=length)
    np.testing.assert_allclose(rates, torchs, rtol=1e-9)


def test_a_short_last_cycle():
    assert cycle_ends(22, 4).tolist() == [6, 12, 18, 22]


@given(st.integers(1, 200), st.integers(1, 14))
def test_cycles_end_where_the_rate_jumps_back(n_steps, n_cycles):
    try:
        ends = cycle_ends(n_steps, n_cycles)
    except ValueError:
        assert n_steps < n_cycles * (n_cycles - 1)
        return
    rates = learning_rates("cyclic", 0.5, 1, n_steps, n_cycles=n_cycles)
    assert len(ends) == n_cycles
    assert ends[-1] == n_steps
    assert (rates[ends[:-1]] == 0.5).all()
    falls = np.delete(np.diff(rates), ends[:-1] - 1)
    assert (falls < 0).all()


@given(EPOCHS, STEPS)
def test_one_cosine_is_one_cycle_of_snapshots(n_epochs, steps):
    cosine, cyclic = (learning_rates(name, 0.3, n_epochs, steps) for name in ("cosine", "cyclic"))
    np.testing.assert_array_equal(cosine, cyclic)


@pytest.mark.parametrize("name", SCHEDULES)
@given(EPOCHS, STEPS, st.floats(1e-6, 10))
def test_every_schedule_has_a_rate_for_every_step(name, n_epochs, steps, init):
    rates = learning_rates(name, init, n_epochs, steps)
    assert rates.shape == (n_epochs * steps,)
    assert rates.dtype == np.float64
    assert (rates >= 0).all()
    assert (rates <= init * (1 + 1e-12)).all()
    np.testing.assert_allclose(rates, init * learning_rates(name, 1.0, n_epochs, steps))


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        (("step", 0.1, 2, 2), {}, "The schedule must be one of constant, .*; got name='step'. Pass name="),
        (("cosine", 0.0, 2, 2), {}, "init must be a positive number; got init=0.0"),
        (("cosine", math.nan, 2, 2), {}, "init must be a positive number; got init=nan"),
        (("cosine", 0.1, 0, 2), {}, "n_epochs must be a whole number, at least 1; got n_epochs=0"),
        (("cosine", 0.1, 2, 1.5), {}, "steps_per_epoch must be a whole number, .*got steps_per_epoch=1.5"),
        (("linear", 0.1, 2, 2), {"decay_after": -1}, "decay_after must be .* at least 0; got decay_after=-1"),
        (("cyclic", 0.1, 3, 2), {"n_cycles": 4}, "n_cycles must be .* fits into 6 steps.*Pass n_cycles=3"),
    ],
)
def test_faults_are_named(arguments, options, text):
    with pytest.raises(ValueError, match=text):
        learning_rates(*arguments, **options)
