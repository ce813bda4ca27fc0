"""Durations as people write them: 10m, 90s, 1h30m, or seconds."""

from __future__ import annotations

import math
import re
from typing import Any

from stackit.validation import is_number

__all__ = ["parse_duration"]

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
WORD = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?"
)


def parse_duration(value: Any) -> float:
    """Return the seconds of a duration: a number of seconds, or text such as "90s", "10m" or "1h30m".

    Parameters
    ----------
    value : str or number
        The duration. A number at the end without a unit is seconds.

    Returns
    -------
    float
        Above 0 and finite.

    Raises
    ------
    ValueError
        When it is no such duration.

    Examples
    --------
    >>> [parse_duration(each) for each in (600, "90s", "10m", "1h30m", "2d")]
    [600.0, 90.0, 600.0, 5400.0, 172800.0]
    """
    seconds = math.nan
    if is_number(value):
        seconds = float(value)
    elif isinstance(value, str):
        found = WORD.fullmatch("".join(value.split()).lower())
        if found is not None and any(found.groups()):
            parts = found.groupdict(default="0")
            seconds = float(sum(UNITS[unit] * float(number) for unit, number in parts.items()))
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{value!r} is no duration. Write 600, 90s, 10m or 1h30m.")
    return seconds
