"""When this process started: a time limit counts from the moment that a command is typed."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["process_start"]

STATUS = Path("/proc/self/stat")
START_FIELD = 19  # of those after the name of the process: ticks since the machine has booted


def process_start() -> float:
    """Return when this process started, as `time.monotonic` says it; now, where the system does not know.

    Examples
    --------
    >>> process_start() <= time.monotonic()
    True
    """
    try:
        ticks = int(STATUS.read_text().rpartition(")")[2].split()[START_FIELD])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        age = 0.0
    return time.monotonic() - max(0.0, age)
