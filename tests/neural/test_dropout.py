"""Dropout: the right share of units, each network from its own stream, whichever networks are with it."""

import numpy as np
import torch

from stackit.neural.layers.dropout import Dropout


def dropout(seeds, p=0.15, share=1.0):
    layer = Dropout(len(seeds), p).train()
    for net, seed in enumerate(seeds):
        layer.initialise(net, torch.Generator().manual_seed(seed))
    layer.share = share
    return layer


def test_units_are_dropped_with_the_probability_and_the_others_are_scaled():
    for share, p in ((1.0, 0.15), (0.5, 0.075)):
        out = dropout([0, 1], share=share)(torch.ones(2, 100, 500))
        assert set(out.unique().tolist()) == {0.0, torch.tensor(1 / (1 - round(p * 2**16) / 2**16)).item()}
        np.testing.assert_allclose(
            (out == 0).double().mean((1, 2)), p, atol=4 * (p * (1 - p) / 50_000) ** 0.5
        )
        assert not torch.equal(out[0], out[1])


def test_nothing_is_dropped_in_prediction_or_where_no_share_is_left():
    h = torch.randn(1, 5, 7)
    assert torch.equal(dropout([0]).eval()(h), h)
    assert torch.equal(dropout([0], share=0.0)(h), h)


def test_a_network_drops_what_it_drops_alone():
    """Gaps are filled by rows of weight 0, and networks that have stopped leave."""
    layer, alone = dropout([3, 4, 5]), dropout([5])
    real = torch.ones(3, 9)
    real[2, 8:] = 0
    for step in range(3):
        together, own = layer(torch.ones(len(real), 7, 9), real), alone(torch.ones(1, 7, 8))
        torch.testing.assert_close(together[-1:, :, :8], own, rtol=0, atol=0)
        if step == 0:
            layer.keep([1, 2])
            real = real[1:]


def test_the_largest_probability_below_1_leaves_numbers_finite():
    out = dropout([0], p=np.nextafter(1, 0))(torch.ones(1, 40, 50))
    assert out.isfinite().all()
    assert (out == 0).double().mean() > 0.99
