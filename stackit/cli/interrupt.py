"""Ctrl-C in `stackit run`: the run ends within seconds, also where something swallows the interrupt."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from stackit.cli.errors import ExitCode

if TYPE_CHECKING:
    from stackit.progress.events import Observer, ProgressEvent

__all__ = ["Interrupt"]

PATIENCE = 5.0  # seconds that a run has to end after an interrupt
LAST_WORDS = 2.0  # seconds for what is done before the process is ended by force


class Interrupt:
    """Handles Ctrl-C while the context lasts.

    Python raises a KeyboardInterrupt wherever it is. It is lost in a ``__del__``, a callback of compiled code
    or a hook of `os.fork`, where exceptions are ignored, and in an estimator that catches everything. So it
    is raised again at the next event of the run. A run that has not ended after some seconds, and one that is
    interrupted a second time, is ended by force; its store and its files are whole at any instant.

    Parameters
    ----------
    before_force : callable
        Called before the process is ended by force.
    """

    def __init__(self, before_force: Callable[[], object]) -> None:
        self.came = False
        self._before_force = before_force
        self._is_over = False
        self._process = os.getpid()
        self._previous: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def watch(self, observer: Observer) -> Observer:
        """Return an observer that raises an interrupt that was lost, and calls another one otherwise."""

        def watched(event: ProgressEvent) -> None:
            if self.came:
                raise KeyboardInterrupt
            observer(event)

        return watched

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._process:  # and not a child that has just been forked
            if self.came:
                self._end()
            self.came = True
            # Not by `threading`: its locks may be held by what was interrupted.
            _thread.start_new_thread(self._end_later, ())
        raise KeyboardInterrupt

    def _end_later(self) -> None:
        time.sleep(PATIENCE)
        if not self._is_over:
            self._end()

    def _end(self) -> None:
        """End the process now, whatever it does."""
        _thread.start_new_thread(_exit_later, ())
        with suppress(Exception):
            self._before_force()
            sys.stderr.flush()
        os._exit(ExitCode.INTERRUPTED)


def _exit_later() -> None:
    time.sleep(LAST_WORDS)
    os._exit(ExitCode.INTERRUPTED)
