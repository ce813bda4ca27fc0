"""Regions of error: in which values of which columns the stack errs most."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Badge, Cell, Column, Notes, Section, Table, Text
from stackit.report.charts import Strip
from stackit.report.sections.scale import ends
from stackit.report.text import percent_text, score_text

__all__ = ["regions"]


def regions(summary: dict[str, Any]) -> Section | None:
    """Return the worst region of the columns where it is worst."""
    found = summary["regions"]
    if found is None or not found["regions"]:
        return None
    shown, loss = found["regions"], found["loss"]
    certain = [one for one in shown if one["beyond_chance"]]
    if certain:
        one = certain[0]
        text = (
            f"The stack errs most where {one['column']} is {one['region']}: {loss} {score_text(one['loss'])} "
            f"against {score_text(one['loss_elsewhere'])} elsewhere; these are {percent_text(one['share'])} "
            "of the rows."
        )
    else:
        text = "In no region of a column does the stack err more than elsewhere beyond chance."
    reached = [one["loss"] + side * 1.96 * one["standard_error"] for one in shown for side in (-1, 1)]
    scale = ends([*reached, *(one["loss_elsewhere"] for one in shown)])
    rows = [
        [
            Cell(one["column"], one["column"]),
            Cell(one["region"], one["region"]),
            Cell(percent_text(one["share"]), one["share"]),
            _loss(one, scale),
            Cell(score_text(one["loss_elsewhere"]), one["loss_elsewhere"]),
            _certainty(one),
        ]
        for one in shown
    ]
    columns = [
        Column("Column"),
        Column("Where it is"),
        Column("Share of rows", is_number=True),
        Column(loss[0].upper() + loss[1:], is_number=True),
        Column("Elsewhere", is_number=True),
        Column("Standard errors apart", is_number=True),
    ]
    return Section(
        "regions",
        "Regions of error",
        [Text(text), Table("The worst region per column", columns, rows, is_sortable=True), _notes(found)],
    )


def _loss(one: dict[str, Any], scale: tuple[float, float]) -> Cell:
    reach = 1.96 * one["standard_error"]
    strip = Strip(
        *scale,
        mark=one["loss"],
        interval=(one["loss"] - reach, one["loss"] + reach),
        origin=one["loss_elsewhere"],
        tone="best",
    )
    return Cell(score_text(one["loss"]), one["loss"], strip=strip)


def _certainty(one: dict[str, Any]) -> Cell:
    badge = Badge("beyond chance", "bad") if one["beyond_chance"] else None
    return Cell(f"{one['z']:.1f}", one["z"], badge=badge)


def _notes(found: dict[str, Any]) -> Notes:
    sample = f" on a sample of {found['n_rows']:,} rows" if found["is_sample"] else ""
    return Notes(
        [
            f"Values of each of {found['n_columns']:,} columns are in up to eight bins, and the mean loss in "
            f"each, of at most half of the rows, is compared with that of all other rows{sample}. A region "
            f"is beyond chance at a level of 5 % over all {found['n_regions_tested']:,} regions."
        ]
    )
