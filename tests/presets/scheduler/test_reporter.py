"""What a fit says while it works."""

import math

import pytest

from stackit import MemoryStore
from stackit.presets.scheduler.clock import Clock
from stackit.presets.scheduler.reporter import Reporter
from stackit.progress import ProgressBoard
from tests.presets.scheduler.test_scheduler import schedule
from tests.presets.tiny_members import SlowClassifier, classifiers, member


@pytest.fixture(scope="module")
def events():
    """The events of three members on three folds."""
    found = []
    schedule(classifiers(), cv=3, observer=found.append)
    return found


def test_each_fit_that_starts_and_ends_is_an_event(events):
    fits = sorted((name, split) for name in ("linear", "forest", "neighbors") for split in range(3))
    for kind in ("start", "finish"):
        assert sorted((e.member, split) for e in events if e.kind == kind for split in e.splits) == fits


def test_fits_have_seconds_and_scores_and_blends_have_the_last_word(events):
    finished = [event for event in events if event.kind == "finish"]
    assert all(event.seconds > 0 and -1 < event.score < 0 for event in finished)
    assert not any(event.from_store or event.error for event in finished)
    blends = [event.score for event in events if event.kind == "blend"]
    assert blends
    assert blends[-1] > max(event.score for event in finished) - 0.2


def test_the_scores_of_folds_are_those_of_the_out_of_fold_table(events):
    best, _, _ = schedule(classifiers(), cv=3)
    table = best.runs[0].scores.set_index(["estimator", "fold"])["score"]
    for event in events:
        if event.kind == "finish":
            assert event.score == pytest.approx(table[event.member, event.splits[0]])


def test_time_left_is_known_after_the_first_folds_and_falls(events):
    waves = [event for event in events if event.kind == "stage" and event.text == "folds"]
    assert all(0 < event.remaining < 10 for event in waves)
    assert [event.elapsed for event in events] == sorted(event.elapsed for event in events)


def test_what_comes_from_a_store_is_marked():
    store, board = MemoryStore(), ProgressBoard()
    schedule(classifiers(), cv=3, store=store)
    schedule(classifiers(), cv=3, store=store, observer=board.update)
    assert (board.n_from_store, board.n_done, board.n_fits) == (9, 9, 9)


def test_members_that_fail_are_left_out_with_their_reason():
    board = ProgressBoard()
    broken = member("broken", SlowClassifier("none"))
    schedule([*classifiers(), broken], cv=3, observer=board.update)
    assert board.members["broken"].state == "left out"
    assert "TypeError" in board.members["broken"].reason
    assert board.n_done == board.n_fits == 9


def test_the_time_left_is_the_shorter_of_the_limit_and_what_is_expected():
    found = []
    reporter = Reporter(Clock(100.0), found.append)
    reporter.say("now")
    reporter.expected_end = 5.0
    reporter.say("soon")
    reporter.expected_end = -1.0
    reporter.say("later than expected")
    assert [round(event.remaining) for event in found] == [98, 5, 98]
    reporter = Reporter(Clock(None), found.append)
    reporter.say("unknown")
    assert math.isnan(found[-1].remaining)


def test_without_an_observer_nothing_is_reported():
    Reporter(Clock(None), None).say("no one listens")
