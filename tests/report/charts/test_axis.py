"""Axes hold their numbers, and their ticks have different texts and do not touch, whatever the range."""

import numpy as np
import pytest

from stackit.report.charts import axis_of

NARROWEST = 26  # digits that fit into a chart on a screen of 360 pixels
NASTY = [
    (0.0, 0.0),
    (1e-9, 3e-9),
    (-1e9, 1e9),
    (1e9, 1e9 + 1e-3),
    (0.0, 1e-300),
    (-1e250, 1e250),
    (0.02, 0.1249),
    (-0.99991, -0.99990),
    (123_456_789.0, 123_456_999.0),
    (5e-324, 1.0),
]


def ranges(n=400, seed=0):
    """Return ranges of any size, sign and width, among them those that are tiny next to their size."""
    random = np.random.default_rng(seed)
    size = 10.0 ** random.uniform(-12, 12, n) * random.choice([-1, 1], n)
    width = 10.0 ** np.where(random.random(n) < 0.5, random.uniform(-12, 12, n), np.log10(abs(size)) - 4)
    offset = size * (random.random(n) < 0.7)
    return [(low, low + span) for low, span in zip(offset, width, strict=True)]


@pytest.mark.parametrize("is_tight", [False, True])
def test_axes_hold_their_numbers_and_texts_do_not_touch(is_tight):
    for low, high in [*ranges(), *NASTY]:
        axis = axis_of("seconds", [low, high], is_tight=is_tight)
        slack = 1e-6 * (axis.high - axis.low)
        assert axis.low - slack <= low <= high <= axis.high + slack, (low, high)
        assert 2 <= len(axis.ticks) <= 8, (low, high)
        assert len(set(axis.texts)) == len(axis.texts) == len(axis.ticks), (low, high)
        assert max(map(len, axis.texts)) <= 7, (low, high)
        wide = [len(text) for text in axis.texts]  # the first text stands out at the left by half its width
        assert sum(wide) + len(wide) - 1 - wide[0] / 2 <= NARROWEST + 1.5, (low, high, axis.texts)
        steps = np.diff(np.asarray(axis.ticks) / max(np.abs(axis.ticks)))
        assert np.allclose(steps, steps[0], rtol=1e-6), (low, high)


def test_texts_are_the_numbers_of_their_ticks():
    powers = {f"(× 10{text})": 10.0**power for text, power in (("⁶", 6), ("⁻⁹", -9), ("³", 3), ("⁻⁶", -6))}
    for low, high in [(0.0, 1.0), (-3.0, 8.0), (1e6, 9e6), (-4e-9, 2e-9), (2000.0, 2000.9), (0.0, 123_000.0)]:
        axis = axis_of("price", [low, high])
        factor = powers[axis.title.removeprefix("price ")] if "×" in axis.title else 1.0
        shown = [factor * float(text.replace(",", "")) for text in axis.texts]
        assert shown == pytest.approx(axis.ticks, rel=1e-12)


def test_ticks_are_at_round_numbers_and_what_is_not_finite_is_passed_over():
    assert axis_of("s", [0.0, np.nan, np.inf, 0.124]).ticks == [0.0, 0.05, 0.1, 0.15]
    assert axis_of("s", [0.0, 0.124]).texts == ["0.00", "0.05", "0.10", "0.15"]
    assert axis_of("s", [3.0, 8.0], include=[0.0]).texts == ["0", "2", "4", "6", "8"]
    assert axis_of("s", [3.1, 7.9], is_tight=True).texts == ["4", "5", "6", "7"]
    assert axis_of("s", [np.nan]).ticks[0] == 0.0
    assert axis_of("price", [0.0, 5e8]).title == "price (× 10⁶)"
