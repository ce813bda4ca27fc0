"""How much memory this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["memory_limit"]

OF_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def memory_limit() -> int | None:
    """Return the bytes of the machine, or of the container or process if these may use less; None on Windows.

    Examples
    --------
    >>> limit = memory_limit()
    >>> limit is None or limit > 1 << 20
    True
    """
    if resource is None:
        return None
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
    if allowed != resource.RLIM_INFINITY:
        limits.append(allowed)
    with suppress(OSError, ValueError):  # there is no container, or it has no limit
        limits.append(int(OF_CONTAINER.read_text(encoding="ascii")))
    return min(limits)
