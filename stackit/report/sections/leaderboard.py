"""The leaderboard: members, plain average and stack, the best first."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Cell, Column, Notes, Section, Table
from stackit.report.charts import Strip
from stackit.report.metric import Metric
from stackit.report.sections.scale import ends, metric_of
from stackit.report.text import score_text, seconds_text

__all__ = ["leaderboard"]

REACH = 1.96


def leaderboard(summary: dict[str, Any]) -> Section:
    """Return the table of all members, which can be sorted."""
    metric, rows = metric_of(summary), summary["leaderboard"]
    has_weights = any(row["weight"] is not None for row in rows)
    has_families = any(row["family"] for row in rows)
    scale = ends(end for row in rows for end in _interval(row, metric))
    columns = [
        Column("Name"),
        *([Column("Family")] if has_families else []),
        Column(metric.label[0].upper() + metric.label[1:], is_number=True),
        Column("Standard error", is_number=True),
        Column("95 % interval"),
        Column("Spread of folds", is_number=True),
        *([Column("Weight", is_number=True)] if has_weights else []),
        Column("Seconds", is_number=True),
        Column("Status"),
    ]
    cells = [
        [
            Cell(row["name"], row["name"]),
            *([Cell(row["family"] or "", row["family"])] if has_families else []),
            _score(row, metric),
            Cell(score_text(row["sem"]), row["sem"]),
            _drawn(row, metric, scale),
            Cell(score_text(row["fold_std"]), row["fold_std"]),
            *([Cell(score_text(row["weight"]), row["weight"])] if has_weights else []),
            Cell(seconds_text(row["seconds"]), row["seconds"]),
            Cell(_status(row), row["status"]),
        ]
        for row in rows
    ]
    direction = "Lower" if metric.lower_is_better else "Higher"
    notes = [
        f"{direction} is better. Scores are those of out-of-fold predictions; the interval is that of the "
        "score, not of a difference between two rows.",
    ]
    table = Table(
        "Members, plain average and stack",
        columns,
        cells,
        is_sortable=True,
        roles=[row["role"] for row in rows],
    )
    return Section("leaderboard", "Leaderboard", [table, Notes(notes)])


def _score(row: dict[str, Any], metric: Metric) -> Cell:
    shown = None if row["score"] is None else metric.shown(row["score"])
    return Cell(score_text(shown), shown, remark="optimistic" if row["optimistic"] else "")


def _interval(row: dict[str, Any], metric: Metric) -> tuple[float | None, ...]:
    if row["score"] is None:
        return ()
    reach = REACH * (row["sem"] or 0.0)
    return tuple(metric.shown(row["score"] + side * reach) for side in (-1, 1))


def _drawn(row: dict[str, Any], metric: Metric, scale: tuple[float, float]) -> Cell:
    interval = [each for each in _interval(row, metric) if each is not None]
    if not interval:
        return Cell("-")
    low, high = sorted(interval)
    shown = metric.shown(row["score"])
    strip = Strip(*scale, mark=shown, interval=(low, high), tone=row["role"])
    return Cell(f"{score_text(low)} to {score_text(high)}", shown, strip=strip, is_drawn=True)


def _status(row: dict[str, Any]) -> str:
    notes = [
        row["status"],
        "calibrated" if row["calibrated"] else "",
        f"{row['rounds']:,.0f} rounds" if row["rounds"] else "",
        f"predicts by {row['kind']}" if row["kind"] in ("decision", "label") else "",
        f"optimistic: {row['optimistic']}" if row["optimistic"] else "",
    ]
    return "; ".join(note for note in notes if note)
