"""What sections share: the metric of a summary, names with their tone, the ends of a common scale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stackit.report.metric import Metric

__all__ = ["ends", "metric_of", "tone_of", "tones_of"]


def metric_of(summary: dict[str, Any]) -> Metric:
    """Return the metric of a summary."""
    return Metric(summary["data"]["metric"]["name"])


def ends(values: Iterable[float | None], include: Iterable[float] = ()) -> tuple[float, float]:
    """Return the smallest and the largest number."""
    known = [value for value in [*values, *include] if value is not None] or [0.0]
    return min(known), max(known)


def tones_of(summary: dict[str, Any]) -> dict[str, str]:
    """Return the tone of each name on the leaderboard: that of the stack, the average, or a member."""
    return {row["name"]: row["role"] for row in summary["leaderboard"]}


def tone_of(summary: dict[str, Any], name: str) -> str:
    """Return the tone of a curve: the best member has one of its own."""
    found = summary["verdict"]["comparisons"].get("best_member", {}).get("name")
    return "best" if name == found else tones_of(summary).get(name, "member")
