"""The live table in a process of its own: it goes on while a long fit keeps the process of the run busy."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from typing import IO, Any

from stackit.cli.live_table import LiveTable
from stackit.cli.output import console
from stackit.progress.board import ProgressBoard
from stackit.progress.events import ProgressEvent

__all__ = ["Screen"]

TICK = 0.9  # seconds between two drawings while nothing happens
PATIENCE = 5.0  # seconds within which the last drawing is done
SHOW_CURSOR = "\x1b[?25h"
LAST_RESORT = 9.0  # seconds after Ctrl-C; `stackit.cli.interrupt` ends the run in less where Python goes on


class Screen:
    """An observer that hands its events to a forked process, which draws them and ticks in between.

    A thread would not do: processes with threads cannot be forked, and a fit that holds the interpreter's
    lock would stop it. The process ends with the one that it was forked from, however that ends.
    """

    def __init__(self, file: IO[str]) -> None:
        import_module("rich.live"), import_module("rich.table")  # here: the process starts at once then
        self.board, self._file = ProgressBoard(), file
        receiver, self._sender = multiprocessing.Pipe(duplex=False)
        self._process: Any = multiprocessing.get_context("fork").Process(
            target=_draw, args=(receiver, self._sender, file), daemon=True
        )
        self._process.start()
        receiver.close()

    def __call__(self, event: ProgressEvent) -> None:
        """Show an event."""
        self.board.update(event)
        with suppress(OSError):  # the process has been killed: the run goes on
            self._sender.send(event)

    def close(self) -> None:
        """Leave the last state there."""
        if self._sender.closed:
            return
        with suppress(OSError):
            self._sender.send(None)
        self._sender.close()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
            self._file.write(SHOW_CURSOR)
            self._file.flush()


def _draw(receiver: Connection, sender: Connection, file: IO[str]) -> None:
    """Draw events as they come, and the time that passes, until None comes or the parent has ended.

    Ctrl-C reaches this process too. It kills a parent that does not end by itself, as when compiled code
    keeps the interpreter from seeing the interrupt.
    """
    table, interrupts = LiveTable(console(file)), list[float]()
    signal.signal(signal.SIGINT, lambda *_: interrupts.append(time.monotonic()))
    sender.close()
    parent = os.getppid()
    with suppress(EOFError):
        while os.getppid() == parent:
            if not receiver.poll(TICK):
                table.is_stopping = bool(interrupts)
                table.tick()
            elif (event := receiver.recv()) is not None:
                table(event)
            else:
                break
            if interrupts and time.monotonic() > interrupts[0] + LAST_RESORT:
                os.kill(parent, signal.SIGKILL)
                break
    table.close()
    sys.exit()
