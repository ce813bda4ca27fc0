"""What a fit says while it works."""

from stackit.presets.scheduler.clock import Clock
from stackit.presets.scheduler.reporter import Reporter
from tests.presets.scheduler.test_scheduler import schedule
from tests.presets.tiny_members import classifiers


def test_the_members_that_are_fitted_are_named():
    reporter = Reporter(Clock(None), 0)
    reporter.phase("scouts", 3)
    reporter.begin("linear", [0])
    reporter.begin("net", [0, 1])
    assert reporter.text == "scouts, fitting linear, net"
    reporter.advance("linear")
    reporter.advance("net")
    assert reporter.text == "scouts, fitting net"
    reporter.advance("net")
    assert reporter.text == "scouts"


def test_the_score_and_the_seconds_left_are_shown():
    reporter = Reporter(Clock(100.0), 0)
    reporter.phase("waves", 3)
    reporter.score = 0.123456
    assert reporter.text == "waves, score 0.12346, 98 s left"


def test_each_fit_that_starts_is_reported():
    started = []
    schedule(classifiers(), cv=3, on_start=lambda name, splits: started.extend((name, one) for one in splits))
    names = ("linear", "forest", "neighbors")
    assert sorted(started) == sorted((name, split) for name in names for split in range(3))
