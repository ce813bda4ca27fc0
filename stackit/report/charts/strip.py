"""A strip: dots, an interval or a bar on one line, which rows of a table have on a common scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Strip"]


@dataclass(frozen=True)
class Strip:
    """Numbers on one line from `low` to `high`.

    Parameters
    ----------
    low, high : float
        The scale.
    dots : list of float
        Small dots, one per number.
    mark : float or None
        A large dot.
    interval : (float, float) or None
        A line.
    bar : float or None
        A bar from `origin` to this number.
    origin : float or None
        A thin upright line, such as 0.
    tone : str
        "stack", "average", "member" or "other", which chooses the color.
    """

    low: float
    high: float
    dots: Sequence[float] = ()
    mark: float | None = None
    interval: tuple[float, float] | None = None
    bar: float | None = None
    origin: float | None = None
    tone: str = "member"

    def at(self, value: float) -> float:
        """Return where a number is, from 0 to 100, with a margin at both ends.

        Examples
        --------
        >>> Strip(0.0, 2.0).at(1.0)
        50.0
        """
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return round(3 + 94 * min(max(share, 0.0), 1.0), 2)
