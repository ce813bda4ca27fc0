"""The tasks that wait, in the order in which they are done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from stackit.engine.fold_batching import AnyTask, BatchedTask, Fallback
from stackit.engine.task import TaskResult

__all__ = ["TaskQueue"]


class TaskQueue:
    """The tasks that wait; those of the first fold come first, then the longest, by what the first took.

    Parameters
    ----------
    tasks : list of Task
        In the order of folds.
    failures : mapping
        Names of estimators that have failed, now or later: their tasks are passed over.
    seconds : mapping
        How long a fit of some estimators took, where that is known already.
    """

    def __init__(
        self, tasks: list[AnyTask], failures: Mapping[str, Any], seconds: Mapping[str, float] | None = None
    ) -> None:
        self.failures = failures
        self.waiting = list(range(len(tasks)))
        # The folds of a shared task are there from the start, for children know what was there when they
        # were made; they wait only if it declines.
        parked = [(task.name, one) for task in tasks if isinstance(task, BatchedTask) for one in task.left]
        self.tasks = [*tasks, *(one for _, one in parked)]
        self.fallbacks: dict[str, list[int]] = {}
        for at, (name, _) in enumerate(parked, start=len(tasks)):
            self.fallbacks.setdefault(name, []).append(at)
        self.seconds = dict(seconds or {})
        self.kept: set[str] = set()
        self.aside: list[int] = []
        self.lock = threading.Lock()

    def take(self, longest_first: bool = True, only: Callable[[AnyTask], bool] | None = None) -> int | None:
        """Return the number of the next task, or None when there are no more.

        Parameters
        ----------
        longest_first : bool
            Whether the longest comes first, or the first of the list.
        only : callable, optional
            Whether a task is meant; None is any.
        """
        with self.lock:
            if self.failures or self.kept:
                self._sort_out()
            if only is None and not longest_first:
                return self.waiting.pop(0) if self.waiting else None
            meant = [at for at in self.waiting if only is None or only(self.tasks[at])]
            if not meant:
                return None
            chosen = max(meant, key=self._expected) if longest_first else meant[0]
            self.waiting.remove(chosen)
            return chosen

    def put_back(self, at: int) -> None:
        """Let a task wait again."""
        with self.lock:
            self.waiting.append(at)

    def keep_here(self, at: int) -> None:
        """Put a task aside, and all others of its estimator: it cannot be sent between processes."""
        with self.lock:
            self.kept.add(self.tasks[at].name)
            self.aside.append(at)

    def keep_all_here(self) -> None:
        """Put all tasks aside: what they have in common cannot be sent between processes."""
        with self.lock:
            self.aside, self.waiting = self.aside + self.waiting, []

    def bring_back(self) -> None:
        """Let the tasks wait that were put aside, now that they are to be done in this process."""
        with self.lock:
            self.waiting, self.aside, self.kept = self.waiting + self.aside, [], set()

    def record(self, result: list[TaskResult] | Fallback) -> Iterator[TaskResult]:
        """Hand results on, and remember how long their estimator takes."""
        if isinstance(result, Fallback):
            with self.lock:
                self.waiting += self.fallbacks.pop(result.name)
            return
        for done in result:
            self.seconds[done.name] = done.seconds
            yield done

    def remaining(self, only: Callable[[AnyTask], bool]) -> float:
        """Estimate the seconds of work that wait; a task of which nothing is known takes the average."""
        known = list(self.seconds.values())
        average = sum(known) / len(known) if known else np.inf
        meant = [task for task in map(self.tasks.__getitem__, self.waiting) if only(task)]
        return sum(self.seconds.get(task.name, average) for task in meant)

    def _sort_out(self) -> None:
        """Pass over estimators that have failed, and put aside those that are kept here."""
        self.waiting = [at for at in self.waiting if self.tasks[at].name not in self.failures]
        self.aside += [at for at in self.waiting if self.tasks[at].name in self.kept]
        self.waiting = [at for at in self.waiting if self.tasks[at].name not in self.kept]

    def _expected(self, at: int) -> float:
        return self.seconds.get(self.tasks[at].name, np.inf)
