"""A chart with two axes: lines, dots, bars and bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stackit.report.charts.axis import Axis

__all__ = ["Area", "LineChart", "Series"]


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
