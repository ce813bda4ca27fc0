"""The time limit of a run counts from its start, and keeps time for what comes after the fit."""

import pytest

from stackit.runs import time_budget
from stackit.runs.time_budget import seconds_to_fit

NOW = 5000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: NOW)


def test_fits_have_no_limit_where_the_run_has_none():
    assert seconds_to_fit(None, NOW - 10.0) is None


@pytest.mark.parametrize(
    ("limit", "spent", "left"),
    [
        (600.0, 0.0, 578.0),  # 4 seconds and 3 % for the files
        (600.0, 10.0, 568.0),
        (600.0, 20.0, 550.0),  # where the start took long, so do the files
        (600.0, 200.0, 250.0),  # but no more than a quarter of the limit
        (8.0, 0.0, 6.0),
        (8.0, 9.0, 0.1),
    ],
)
def test_what_is_left_for_the_fit(limit, spent, left):
    assert seconds_to_fit(limit, NOW - spent) == pytest.approx(left)


def test_a_slower_start_never_leaves_more_time():
    ends = [spent + seconds_to_fit(100.0, NOW - spent) for spent in range(75)]
    assert ends == sorted(ends, reverse=True)
    assert ends[-1] == pytest.approx(75.0)
