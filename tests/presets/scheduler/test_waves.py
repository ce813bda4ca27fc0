"""Waves: how long tasks take on several workers, and which members still fit into the time."""

from stackit.presets.scheduler.member_record import MemberRecord
from stackit.presets.scheduler.waves import makespan, next_wave
from tests.presets.tiny_members import classifiers


def records_of(*seconds):
    found = [MemberRecord(member) for member in classifiers()[: len(seconds)]]
    for record, each in zip(found, seconds, strict=True):
        record.fit_seconds = each
    return found


def names_of(wave):
    return [record.name for record in wave]


def test_one_worker_takes_the_sum():
    assert makespan([1.0, 2.0, 3.0], 1) == 6.0


def test_the_longest_task_starts_first():
    # 5 | 3 + 2: in the order given it would take 2 + 5.
    assert makespan([2.0, 3.0, 5.0], 2) == 5.0


def test_no_tasks_take_no_time():
    assert makespan([], 2) == 0.0


def test_a_wave_has_the_members_that_can_finish():
    # 5 folds on 1 worker, with 15 % on top: 5.75 s and 11.5 s.
    assert names_of(next_wave(records_of(1.0, 2.0), 5, 1, left=6.0, target=100.0)) == ["linear"]
    assert names_of(next_wave(records_of(2.0, 1.0), 5, 1, left=6.0, target=100.0)) == ["forest"]
    assert next_wave(records_of(2.0, 2.0), 5, 1, left=6.0, target=100.0) == []


def test_a_wave_ends_when_it_is_long_enough():
    records = records_of(1.0, 1.0, 1.0)
    assert len(next_wave(records, 5, 1, left=100.0, target=4.0)) == 1
    assert len(next_wave(records, 5, 1, left=100.0, target=6.0)) == 2


def test_a_wave_keeps_all_workers_busy():
    assert len(next_wave(records_of(1.0, 1.0, 1.0), 5, 2, left=100.0, target=0.0)) == 2


def test_folds_that_are_fitted_together_are_one_task():
    (record,) = records_of(1.0)
    record.is_batched = True
    assert next_wave([record], 4, 4, left=3.0, target=1.0) == []
    assert next_wave([record], 4, 4, left=5.0, target=1.0) == [record]
