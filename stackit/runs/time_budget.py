"""What a time limit leaves for fitting, when everything before and after it is counted."""

from __future__ import annotations

import time

__all__ = ["seconds_to_fit"]

# What is kept for the files: so many seconds and such a share of the limit; or, on a slow or busy machine, so
# many times what the start took (imports and reading, as long as imports, the report and saving at the end).
# Never more than this share.
TO_WRITE, SHARE_TO_WRITE, PER_SECOND_OF_START, MOST_TO_WRITE = 4.0, 0.03, 1.5, 0.25
LEAST = 0.1  # seconds of a fit that has no time: it says so


def seconds_to_fit(limit: float | None, started: float) -> float | None:
    """Return how long a fit may take that starts now, in a run that started at a moment of `time.monotonic`.

    It is None without a limit.

    Examples
    --------
    >>> 92.9 < seconds_to_fit(100.0, time.monotonic()) <= 93.0
    True
    """
    if limit is None:
        return None
    spent = time.monotonic() - started
    to_write = max(TO_WRITE + SHARE_TO_WRITE * limit, PER_SECOND_OF_START * spent)
    return max(LEAST, limit - spent - min(to_write, MOST_TO_WRITE * limit))
