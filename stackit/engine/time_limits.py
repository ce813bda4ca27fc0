"""When a run ends, and how long each of its tasks may take."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stackit.engine.fold_batching import AnyTask, BatchedTask, Fallback
from stackit.engine.task import TaskResult
from stackit.engine.training_data import TrainingData
from stackit.estimators.prediction_checks import ALL_ROWS

__all__ = ["NO_LIMITS", "TimeLimits", "run_within", "timed_out"]


@dataclass(frozen=True)
class TimeLimits:
    """A moment of `time.monotonic` at which a run ends, and the seconds that one fit may take."""

    deadline: float = math.inf
    task_seconds: float = math.inf

    @classmethod
    def of(cls, deadline: float | None, task_seconds: float | None) -> TimeLimits:
        """Return the limits, where None is no limit."""
        return cls(*(math.inf if limit is None else limit for limit in (deadline, task_seconds)))

    def __bool__(self) -> bool:
        """Whether there is a limit."""
        return min(self.deadline, self.task_seconds) < math.inf

    @property
    def are_over(self) -> bool:
        """Whether the run ends now."""
        return self.deadline < math.inf and time.monotonic() >= self.deadline

    @property
    def seconds_left(self) -> float:
        """How long the run may go on."""
        return self.deadline - time.monotonic()

    @property
    def timeout(self) -> float | None:
        """How long to wait for the next result; None is for ever."""
        return None if self.deadline == math.inf else max(0.0, self.seconds_left)

    def seconds_of(self, task: AnyTask) -> float:
        """Return the seconds that a task may take: a batched one has those of all its folds."""
        return self.task_seconds * (len(task.left) if isinstance(task, BatchedTask) else 1)


NO_LIMITS = TimeLimits()


class TimeIsUp(BaseException):
    """Stops a fit. It is no `Exception`: searches, and fits that try again, catch those and go on."""


def timed_out(task: AnyTask, seconds: float) -> list[TaskResult]:
    """Return the results of a task that was stopped after so many seconds."""
    folds = task.left if isinstance(task, BatchedTask) else (task,)
    return [
        TaskResult(
            one.name, one.split, error=TimeoutError(_text(one.name, one.place, seconds)), seconds=seconds
        )
        for one in folds
    ]


def run_within(task: AnyTask, data: TrainingData, limits: TimeLimits) -> list[TaskResult] | Fallback:
    """Run a task in this process, and stop it after its seconds or at the deadline where that is possible.

    That is in the main thread on Unix, as soon as a compiled fit calls Python or returns. A task that is
    stopped at the deadline has no results.
    """
    seconds = min(limits.seconds_of(task), limits.seconds_left)
    stopped, raised = timed_out(task, seconds), list[TimeIsUp]()
    try:
        with _interrupted_after(seconds, raised):
            outcome = task.run(data)
    except (TimeIsUp, KeyboardInterrupt):
        # It came while nothing of the estimator's ran, or catboost put an interrupt in its place.
        if not raised:
            raise
        outcome = stopped
    if raised and isinstance(outcome, list) and any(one.error is not None for one in outcome):
        return [] if limits.are_over else stopped
    return outcome


def _text(name: str, place: tuple[int, int], seconds: float) -> str:
    where = "on all rows" if place == ALL_ROWS else "in repeat {} fold {}".format(*place)
    return (
        f"The fit of {name!r} {where} was stopped: it took more than the {seconds:.3g} seconds that it may "
        "take. Allow more seconds, or make the estimator smaller."
    )


@contextmanager
def _interrupted_after(seconds: float, raised: list[TimeIsUp]) -> Iterator[None]:
    """Stop a block that takes longer, and note it, if this process has a timer that is free."""
    is_possible = (
        seconds < math.inf
        and hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )
    if not is_possible:
        yield
        return

    def interrupt(*_: Any) -> None:
        raised.append(TimeIsUp())
        raise raised[-1]

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
