"""A worker process as the pool sees it."""

from __future__ import annotations

import math
import signal
import time
from typing import Any

from stackit.engine.fold_batching import AnyTask
from stackit.engine.forks import Forks
from stackit.engine.time_limits import TimeLimits
from stackit.engine.worker import Reply

__all__ = ["PATIENCE", "WorkerProcess"]

PATIENCE = 1.0  # seconds that an idle worker has to end by itself, and between two looks at busy ones


class WorkerProcess:
    """A process that runs one task after the other."""

    def __init__(self, forks: Forks, tasks: list[AnyTask], inner: str) -> None:
        self.process, self.connection = forks.start(inner)
        self.tasks = tasks
        self.at: int | None = None
        self.until = math.inf  # the moment at which the task is out of time
        self._exit_code: int | None = None

    @property
    def exit_code(self) -> int | None:
        """How the process has ended: an exit code, or a signal as a negative number."""
        return self.process.exitcode if self._exit_code is None else self._exit_code

    @property
    def is_overdue(self) -> bool:
        """Whether the task is out of time and has not even a reply that waits to be read."""
        return self.at is not None and time.monotonic() >= self.until and not self.connection.poll()

    @property
    def cause_of_death(self) -> str:
        """How the process has ended, in words."""
        code = self.exit_code
        if code is None or code >= 0:
            return f"it ended itself with exit code {code}"
        if -code == signal.SIGKILL:
            return "SIGKILL, killed, most often by the system because memory ran out"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"{name}, a crash in compiled code"

    def send(self, at: int, message: Any, limits: TimeLimits) -> None:
        """Send a task; a worker that has died meanwhile is noticed by `receive`."""
        self.at = at
        if limits:
            self.until = min(limits.deadline, time.monotonic() + limits.seconds_of(self.tasks[at]))
        try:
            self.connection.send(message)
        except OSError:
            self.process.join(PATIENCE)

    def receive(self) -> tuple[int, Reply, bytes]:
        """Return which task was run, what became of it, and the pickled outcome."""
        at, self.at = self.at, None
        assert at is not None
        try:
            reply = self.connection.recv()
            return at, reply, self.connection.recv_bytes() if reply is Reply.DONE else b""
        except (EOFError, OSError):
            self.process.join(PATIENCE)
            return at, Reply.DIED, b""

    def end(self) -> None:
        """End the process: ask an idle one to end, kill one that is busy or does not end."""
        if self.at is None and self.exit_code is None:
            try:
                self.connection.send(None)
                self.process.join(PATIENCE)
            except OSError:
                pass
        if self.exit_code is None:
            self.process.kill()
        self.process.join()
        self._exit_code = self.process.exitcode
        self.process.close()  # or its pipes stay open as long as an error's traceback refers to it
        self.connection.close()
