"""The time that a fit may take."""

from __future__ import annotations

import math
import time

__all__ = ["Clock"]

AIM = 0.98  # of the limit: what is left is for small delays


class Clock:
    """The time since it was made, and how much of a limit is left; None is no limit.

    The time is up a little before the limit.

    Examples
    --------
    >>> clock = Clock(60.0)
    >>> 50 < clock.left() < 59, Clock(None).left()
    (True, inf)
    """

    def __init__(self, limit: float | None) -> None:
        self.started = time.monotonic()
        self.given = limit
        self.limit = math.inf if limit is None else AIM * float(limit)

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return math.isfinite(self.limit)

    def spent(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def left(self, reserve: float = 0.0) -> float:
        """Return the seconds until the limit, less a reserve."""
        return self.limit - self.spent() - reserve

    def deadline(self, reserve: float = 0.0, until: float = math.inf) -> float | None:
        """Return when the limit less a reserve is spent, or so many seconds, in `time.monotonic`.

        It is None without a limit.
        """
        return self.started + min(self.limit - reserve, until) if self.is_limited else None
