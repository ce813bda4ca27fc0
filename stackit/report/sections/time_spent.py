"""The time spent, and what it bought."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Block, Cell, Chart, Column, Section, Table, Text
from stackit.report.charts import LineChart, Series, Strip, axis_of
from stackit.report.sections.scale import metric_of, tone_of
from stackit.report.text import percent_text, score_text, seconds_text

__all__ = ["time_spent"]

FEWEST = 3
FITTED = ("member", "left out")


def time_spent(summary: dict[str, Any]) -> Section | None:
    """Return the seconds of the members, and a chart of scores by seconds."""
    rows = [row for row in summary["leaderboard"] if row["role"] in FITTED and row["seconds"]]
    total = sum(row["seconds"] for row in rows)
    if not total:
        return None
    rows.sort(key=lambda row: -row["seconds"])
    most = rows[0]["seconds"]
    table = Table(
        "Seconds of fits per member",
        [Column("Member"), Column("Seconds", is_number=True), Column("Share", is_number=True)],
        [
            [
                Cell(row["name"], row["name"]),
                Cell(
                    seconds_text(row["seconds"]),
                    row["seconds"],
                    strip=Strip(0.0, most, bar=row["seconds"], origin=0.0),
                ),
                Cell(percent_text(row["seconds"] / total), row["seconds"] / total),
            ]
            for row in rows
        ],
        is_sortable=True,
    )
    longest = f"{rows[0]['name']} took {percent_text(most / total)} of it"
    blocks: list[Block] = [Text(f"All fits took {seconds_text(total)} s; {longest}.")]
    chart = _chart(summary, [row for row in rows if row["score"] is not None])
    return Section("time", "Time spent", [*blocks, *chart, table])


def _chart(summary: dict[str, Any], rows: list[dict[str, Any]]) -> list[Chart]:
    if len(rows) < FEWEST:
        return []
    metric = metric_of(summary)
    names = [row["name"] for row in rows]
    points = [(row["seconds"], metric.shown(row["score"])) for row in rows]
    series = [
        Series(name, [point], tone_of(summary, name), "dots", [name])
        for name, point in zip(names, points, strict=True)
    ]
    table = Table(
        "Scores by seconds, in numbers",
        [Column("Member"), Column("Seconds", is_number=True), Column(metric.label, is_number=True)],
        [
            [Cell(name, name), Cell(seconds_text(x), x), Cell(score_text(y), y)]
            for name, (x, y) in zip(names, points, strict=True)
        ],
    )
    better = "lower" if metric.lower_is_better else "higher"
    axes = (
        axis_of("Seconds", [x for x, _ in points], include=[0.0]),
        axis_of(metric.label, [y for _, y in points], is_vertical=True),
    )
    alt = f"Each dot is a member: its seconds and its {metric.label}. To the left and {better} is better."
    return [Chart("Scores by seconds", alt, LineChart(*axes, series), table)]
