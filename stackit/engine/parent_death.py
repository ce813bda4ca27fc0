"""Worker processes end when their parent does, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cache

if sys.platform != "win32":
    import fcntl

__all__ = ["Lifeline", "end_with_parent", "end_with_program", "lifeline", "watch_parent"]

PR_SET_PDEATHSIG = 1
F_SETSIG = 10  # as in Linux's fcntl.h
INTERVAL = 0.2  # seconds between two looks at the parent

Lifeline = tuple[int, int]


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when the thread that forked it ends; for children on Linux.

    Parameters
    ----------
    parent : int
        The parent's process id, from before the fork: it may have ended already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def end_with_program(line: Lifeline) -> bool:
    """Have the system kill this process when the program that started it ends, and say whether it runs yet.

    On Linux it is killed when the program's pipe closes. Another process may have inherited the pipe and keep
    it open: call this again from time to time, and end when the result is False.
    """
    parent, pipe = line
    _kill_when_closed(parent, pipe)
    return os.getppid() == parent


def lifeline() -> Lifeline:
    """Return this process's id, and a pipe that is never written to: it closes when the process ends."""
    return _lifeline_of(os.getpid())


@cache
def watch_parent(line: Lifeline) -> None:
    """Make this process end when its parent process ends; further calls with the same line do nothing.

    This is for workers that any thread of the parent may have started: `end_with_parent` would end them with
    that thread, which may end long before the process. On Linux the system kills this process when the
    parent's pipe closes. Other processes may have inherited the pipe and keep it open, so a thread also
    checks whether the parent is alive; it cannot run while a fit holds the interpreter's lock. In a process
    that is not a child of the parent, nothing happens.

    Parameters
    ----------
    line : (int, int)
        As `lifeline` returned it in the parent.
    """
    parent, pipe = line
    if os.getppid() != parent and _is_alive(parent):
        return
    _kill_when_closed(parent, pipe)
    threading.Thread(target=_wait_for, args=(parent,), daemon=True, name="stackit-parent-watch").start()


@cache
def _lifeline_of(process: int) -> Lifeline:
    return process, os.pipe()[0]


@cache
def _kill_when_closed(parent: int, pipe: int) -> None:
    """Have the system kill this process when a pipe of its parent closes."""
    if sys.platform != "linux":
        return
    with suppress(OSError):
        own = os.open(f"/proc/{parent}/fd/{pipe}", os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(own, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)


def _wait_for(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(INTERVAL)
    os._exit(1)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
