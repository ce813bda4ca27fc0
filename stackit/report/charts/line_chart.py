"""A chart with two axes: lines, dots, bars and bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from stackit.report.text import number_text

__all__ = ["Area", "Axis", "LineChart", "Series", "axis_of"]


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, with a title and ticks."""

    title: str
    low: float
    high: float
    ticks: Sequence[float]
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return where a number is, from 0 to 1000."""
        low, high, value = (
            (math.log10(max(each, 1e-9)) for each in (self.low, self.high, value))
            if self.is_log
            else (self.low, self.high, value)
        )
        share = (value - low) / (high - low) if high > low else 0.5
        return round(1000 * min(max(share, -0.02), 1.02), 1)

    def text(self, tick: float) -> str:
        """Return the text of a tick."""
        return number_text(round(tick, 10))


@dataclass(frozen=True)
class Series:
    """Points of one name, as a line, dots, or bars."""

    name: str
    points: Sequence[tuple[float, float]]
    tone: str = "member"
    kind: str = "line"
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Area:
    """A band between two lines, as (x, low, high)."""

    points: Sequence[tuple[float, float, float]]
    tone: str = "member"


@dataclass(frozen=True)
class LineChart:
    """A chart with two axes."""

    x: Axis
    y: Axis
    series: Sequence[Series]
    areas: Sequence[Area] = field(default_factory=list)
    diagonal: bool = False
    level: float | None = None


def axis_of(title: str, values: Sequence[float], n_ticks: int = 5, include: Sequence[float] = ()) -> Axis:
    """Return an axis that holds all numbers, with ticks at round numbers.

    Examples
    --------
    >>> axis_of("loss", [0.13, 0.88])
    Axis(title='loss', low=0.0, high=1.0, ticks=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0), is_log=False)
    """
    known = [value for value in [*values, *include] if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if high <= low:
        low, high = low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1
    step = _round_step((high - low) / n_ticks)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(round(at * step, 10) for at in range(first, last + 1))
    return Axis(title, ticks[0], ticks[-1], ticks)


def _round_step(step: float) -> float:
    """Return the next larger number of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * 0.999)
