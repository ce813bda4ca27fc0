"""Which members are fitted next, and how long they will take."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from stackit.presets.scheduler.member_record import MemberRecord

__all__ = ["makespan", "next_wave"]

CAUTION = 1.15  # fits take longer than their scouts when all cores work
FEWEST_TASKS = 4  # per worker in a wave: the last ones leave a worker idle for a part of one task only


def makespan(tasks: Sequence[float], workers: int) -> float:
    """Return the seconds after which tasks are done by so many workers, the longest task first.

    Examples
    --------
    >>> makespan([3.0, 2.0, 2.0, 1.0], workers=2)
    4.0
    """
    ends = [0.0] * max(1, workers)
    for seconds in sorted(tasks, reverse=True):
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def next_wave(
    waiting: Sequence[MemberRecord], n_splits: int, workers: int, left: float, target: float
) -> list[MemberRecord]:
    """Return the first waiting members that can finish in the seconds left, until the wave is long enough.

    A wave of `target` seconds or more, with a few tasks per worker, is long enough.
    """
    wave: list[MemberRecord] = []
    tasks: list[float] = []
    for record in waiting:
        longer = [*tasks, *_tasks_of(record, n_splits)]
        if CAUTION * makespan(longer, workers) > left:
            continue
        wave, tasks = [*wave, record], longer
        if len(tasks) >= FEWEST_TASKS * workers and makespan(tasks, workers) >= target:
            break
    return wave


def _tasks_of(record: MemberRecord, n_splits: int) -> list[float]:
    """Return the seconds of each task of a member; all folds that are fitted together are one task."""
    if record.is_batched:
        return [record.fit_seconds * n_splits]
    return [record.fit_seconds] * n_splits
