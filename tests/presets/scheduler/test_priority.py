"""The order of members: gain of the blend of their scouts per second."""

import numpy as np

from stackit.engine.task import TaskResult
from stackit.presets.scheduler.member_record import MemberRecord
from stackit.presets.scheduler.priority import by_gain_per_second
from stackit.target import classification_target, regression_target
from tests.presets.tiny_members import classifiers


def record_of(at, held_out, seconds):
    record = MemberRecord(classifiers()[at])
    record.scout = TaskResult(record.name, 0, held_out=np.reshape(held_out, (-1, 1)), seconds=seconds)
    record.fit_seconds = seconds
    return record


def order_of(records, y, before=(), n_fits=10):
    target, rows = regression_target(y), np.arange(len(y))
    ordered = by_gain_per_second(records, before, target, rows, "neg_mean_squared_error", n_fits)
    return [record.name for record in ordered]


Y = np.array([1.0, -1.0, 2.0, -2.0])


def test_of_equally_quick_members_the_best_is_first():
    records = [record_of(0, Y / 2, 1.0), record_of(1, Y, 1.0)]
    assert order_of(records, Y) == ["forest", "linear"]


def test_of_equally_good_members_the_quickest_is_first():
    records = [record_of(0, Y / 2, 2.0), record_of(1, Y / 2, 1.0)]
    assert order_of(records, Y) == ["forest", "linear"]


def test_a_gain_counts_per_second():
    # The score of nothing is -2.5; the gains are 1.875 in 10 s and 2.5 in 100 s.
    records = [record_of(0, Y, 10.0), record_of(1, Y / 2, 1.0)]
    assert order_of(records, Y) == ["forest", "linear"]


def test_a_member_that_complements_the_first_comes_before_a_copy_of_it():
    error = np.array([0.9, 0.9, -0.9, -0.9])
    records = [record_of(0, Y + error, 1.0), record_of(1, Y + error, 1.0), record_of(2, Y - error, 1.0)]
    assert order_of(records, Y) == ["linear", "neighbors", "forest"]


def test_what_a_member_adds_to_those_before_it_counts():
    error = np.array([0.9, 0.9, -0.9, -0.9])
    records = [record_of(1, Y + error / 2, 1.0), record_of(2, Y - error, 1.0)]
    assert order_of(records, Y) == ["forest", "neighbors"]
    assert order_of(records, Y, before=[record_of(0, Y + error, 1.0)]) == ["neighbors", "forest"]


def test_log_loss_is_a_gain_over_the_shares_of_the_classes():
    target = classification_target([0, 1, 0, 1])
    good, bad = np.array([[0.9, 0.1], [0.1, 0.9]] * 2), np.array([[0.1, 0.9], [0.9, 0.1]] * 2)
    records = [MemberRecord(member) for member in classifiers()[:2]]
    for record, held_out in zip(records, (bad, good), strict=True):
        record.scout, record.fit_seconds = TaskResult(record.name, 0, held_out=held_out), 1.0
    ordered = by_gain_per_second(records, [], target, np.arange(4), "neg_log_loss", 5)
    assert [record.name for record in ordered] == ["forest", "linear"]


def test_the_first_is_the_best_that_leaves_time_for_others():
    records = [record_of(0, Y / 2, 0.1), record_of(1, Y, 1.0), record_of(2, Y, 3.0)]
    target, rows = regression_target(Y), np.arange(len(Y))
    ordered = by_gain_per_second(records, (), target, rows, "neg_mean_squared_error", 10, first_seconds=20.0)
    assert ordered[0].name == "forest"
