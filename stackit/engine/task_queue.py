"""The tasks that wait, in the order in which they are run."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stackit.engine.fold_batching import AnyTask, BatchedTask, Fallback
from stackit.engine.task import TaskResult
from stackit.engine.time_limits import NO_LIMITS, TimeLimits
from stackit.results.repeated_warnings import RepeatedWarnings

__all__ = ["Outcome", "TaskQueue"]

Outcome = list[TaskResult] | Fallback


class TaskQueue:
    """The tasks that wait: those of the first fold first, then the longest, by the time the first took.

    The order is that of the list where not all of them can be expected to be done by a deadline.

    Tasks of estimators in `failures`, which may grow, are skipped. `seconds` holds how long a fit of some
    estimators took, as a store knows it. After the deadline of `limits` no task waits. `on_start` is called
    with each task that starts, by the thread that hands it out.
    """

    def __init__(
        self,
        tasks: list[AnyTask],
        failures: Mapping[str, Any],
        seconds: Mapping[str, float] | None = None,
        limits: TimeLimits = NO_LIMITS,
        on_start: Callable[[AnyTask], None] | None = None,
    ) -> None:
        self.failures, self.limits, self.on_start = failures, limits, on_start
        self.seconds = dict(seconds or {})
        self.warnings = RepeatedWarnings("fits")
        self.waiting = list(range(len(tasks)))
        # The folds of a batched task are in the list from the start, for forked children know only the tasks
        # that existed when they were forked; they wait only after a fallback.
        folds = [task for batched in tasks if isinstance(batched, BatchedTask) for task in batched.left]
        self.tasks = [*tasks, *folds]
        self.fallbacks: dict[str, list[int]] = {}
        for at, task in enumerate(folds, start=len(tasks)):
            self.fallbacks.setdefault(task.name, []).append(at)
        self._local_names: set[str] = set()
        self._local: list[int] = []
        self._lock = threading.Lock()

    def take(self, longest_first: bool = True, only: Callable[[AnyTask], bool] | None = None) -> int | None:
        """Return the number of the longest or of the first waiting task, or None when there are no more."""
        with self._lock:
            at = self._next(longest_first, only)
        if at is not None and self.on_start is not None:
            self.on_start(self.tasks[at])
        return at

    def put_back(self, at: int) -> None:
        """Let a task wait again."""
        with self._lock:
            self.waiting.append(at)

    def keep_local(self, at: int) -> None:
        """Keep all tasks of an estimator for this process: they cannot be sent to another."""
        with self._lock:
            self._local_names.add(self.tasks[at].name)
            self._local.append(at)

    def keep_all_local(self) -> None:
        """Keep all tasks for this process: what they have in common cannot be sent to another."""
        with self._lock:
            self._local, self.waiting = self._local + self.waiting, []

    def release_local(self) -> None:
        """Let the tasks wait that were kept for this process."""
        with self._lock:
            self.waiting, self._local, self._local_names = self.waiting + self._local, [], set()

    def record(self, outcome: Outcome) -> list[TaskResult]:
        """Return the results of a task, and remember how long they took and what they warned of."""
        if isinstance(outcome, Fallback):
            with self._lock:
                self.waiting += self.fallbacks.pop(outcome.name)
            return []
        for result in outcome:
            self.seconds[result.name] = result.seconds
            self.warnings.add(result.warnings, result.name)
        return outcome

    def remaining_seconds(self, only: Callable[[AnyTask], bool]) -> float:
        """Estimate the work that waits; a task of an unknown estimator takes the average."""
        known = list(self.seconds.values())
        average = sum(known) / len(known) if known else np.inf
        tasks = [task for task in map(self.tasks.__getitem__, self.waiting) if only(task)]
        return sum(self.seconds.get(task.name, average) for task in tasks)

    def _next(self, longest_first: bool, only: Callable[[AnyTask], bool] | None) -> int | None:
        if self.limits.are_over:
            self.waiting, self._local = [], []
        if self.failures or self._local_names:
            self._skip_tasks()
        if only is None and not longest_first:
            return self.waiting.pop(0) if self.waiting else None
        candidates = [at for at in self.waiting if only is None or only(self.tasks[at])]
        if not candidates:
            return None
        longest_first = longest_first and self._is_in_time()
        chosen = max(candidates, key=self._expected_seconds) if longest_first else candidates[0]
        self.waiting.remove(chosen)
        return chosen

    def _is_in_time(self) -> bool:
        """Whether one worker can be expected to do all that waits before the deadline, if there is one."""
        if self.limits.deadline == math.inf:
            return True
        return sum(map(self._expected_seconds, self.waiting)) <= self.limits.seconds_left

    def _skip_tasks(self) -> None:
        """Remove the tasks of failed estimators, and those that are kept for this process."""
        self.waiting = [at for at in self.waiting if self.tasks[at].name not in self.failures]
        self._local += [at for at in self.waiting if self.tasks[at].name in self._local_names]
        self.waiting = [at for at in self.waiting if self.tasks[at].name not in self._local_names]

    def _expected_seconds(self, at: int) -> float:
        return self.seconds.get(self.tasks[at].name, np.inf)
