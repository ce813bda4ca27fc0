"""The clock of a fit."""

import time

from stackit.presets.scheduler.clock import Clock


def test_without_a_limit_there_is_no_deadline():
    clock = Clock(None)
    assert not clock.is_limited
    assert clock.deadline() is None
    assert clock.left(reserve=10.0) == float("inf")


def test_a_deadline_is_the_limit_less_a_reserve_or_earlier():
    before = time.monotonic()
    clock = Clock(100.0)
    after = time.monotonic()
    assert before - 1e-6 <= clock.deadline(reserve=1.0) - 97.0 <= after + 1e-6
    assert before - 1e-6 <= clock.deadline(reserve=1.0, until=40.0) - 40.0 <= after + 1e-6


def test_what_is_left_shrinks():
    clock = Clock(10.0)
    first = clock.left(reserve=1.0)
    time.sleep(0.01)
    assert clock.left(reserve=1.0) < first <= 8.8
