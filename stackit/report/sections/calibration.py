"""Calibration: predictions next to what happened."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Cell, Chart, Column, Section, Table, Text
from stackit.report.charts import LineChart, Series, axis_of
from stackit.report.sections.scale import tone_of, tones_of
from stackit.report.text import score_text

__all__ = ["calibration"]


def calibration(summary: dict[str, Any]) -> Section | None:
    """Return the reliability curve, and the mean gap of each member."""
    found = summary["calibration"]
    if found is None:
        return None
    is_number = summary["data"]["task"] == "regression"
    observed = "Mean of the target" if is_number else "Share in which it was so"
    values = [
        point[key] for one in found["curves"] for point in one["points"] for key in ("predicted", "observed")
    ]
    series = [
        Series(
            one["name"],
            [(point["predicted"], point["observed"]) for point in one["points"]],
            tone_of(summary, one["name"]),
        )
        for one in found["curves"]
    ]
    x, y = axis_of("Mean prediction", values), axis_of(observed, values, is_vertical=True)
    gaps = {one["name"]: one["gap"] for one in found["gaps"]}
    ours = next(iter(gaps))
    text = Text(
        f"Predictions of {found['what']} by the stack differ from what happened by {score_text(gaps[ours])} "
        "on average over ten bins."
    )
    chart = Chart(
        "Predicted and observed",
        "Mean prediction and outcome in ten bins of as many rows each; on the diagonal both are the same. "
        f"Curves: {', '.join(one.name for one in series)}.",
        LineChart(x, y, series, diagonal=True),
        _numbers(found, observed),
    )
    tones = tones_of(summary)
    table = Table(
        "Mean gap between prediction and outcome",
        [Column("Name"), Column("Gap", is_number=True)],
        [[Cell(name, name), Cell(score_text(gap), gap)] for name, gap in gaps.items()],
        is_sortable=True,
        roles=[tones.get(name, "member") for name in gaps],
        is_folded=True,
    )
    return Section("calibration", "Calibration", [text, chart, table])


def _numbers(found: dict[str, Any], observed: str) -> Table:
    rows = [
        [
            Cell(one["name"], one["name"]),
            *(
                Cell(score_text(point[key]), point[key])
                for key in ("predicted", "observed", "standard_error")
            ),
            Cell(f"{point['rows']:,}", point["rows"]),
        ]
        for one in found["curves"]
        for point in one["points"]
    ]
    titles = ("Mean prediction", observed, "Standard error", "Rows")
    columns = [Column("Name"), *(Column(title, is_number=True) for title in titles)]
    return Table("Predicted and observed, in numbers", columns, rows)
