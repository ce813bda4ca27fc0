"""What each member gives: its weight, its Shapley value, and the member that errs most like it."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Cell, Column, Notes, Section, Table
from stackit.report.charts import Strip
from stackit.report.sections.scale import ends, metric_of
from stackit.report.text import score_text

__all__ = ["members"]


def members(summary: dict[str, Any]) -> Section | None:
    """Return weights and contributions on common scales."""
    rows = [row for row in summary["leaderboard"] if row["role"] == "member"]
    if not rows:
        return None
    values = {one["name"]: one for one in (summary["contributions"] or {}).get("members", [])}
    nearest = {one["name"]: one for one in (summary["diversity"] or {}).get("nearest", [])}
    of_weights = ends([row["weight"] for row in rows], include=[0.0])
    of_values = ends([one["value"] for one in values.values()], include=[0.0])
    has_weights = any(row["weight"] is not None for row in rows)
    columns = [
        Column("Member"),
        *([Column("Weight", is_number=True)] if has_weights else []),
        *([Column("Contribution", is_number=True)] if values else []),
        *([Column("Errs most like"), Column("Correlation of errors", is_number=True)] if nearest else []),
    ]
    if len(columns) == 1:
        return None
    cells = [
        [
            Cell(row["name"], row["name"]),
            *([_bar(row["weight"], of_weights)] if has_weights else []),
            *([_contribution(values.get(row["name"]), of_values)] if values else []),
            *(_nearest(nearest.get(row["name"])) if nearest else []),
        ]
        for row in rows
    ]
    table = Table("Weights and contributions of the members", columns, cells, is_sortable=True)
    return Section("members", "What each member gives", [table, Notes(_notes(summary, has_weights))])


def _bar(value: float | None, scale: tuple[float, float]) -> Cell:
    if value is None:
        return Cell("-")
    return Cell(score_text(value), value, strip=Strip(*scale, bar=value, origin=0.0))


def _contribution(one: dict[str, Any] | None, scale: tuple[float, float]) -> Cell:
    if one is None:
        return Cell("-")
    cell = _bar(one["value"], scale)
    error = one["standard_error"]
    remark = f"± {score_text(error)}" if error else ""
    return Cell(score_text(one["value"], signed=True), one["value"], strip=cell.strip, remark=remark)


def _nearest(one: dict[str, Any] | None) -> list[Cell]:
    if one is None:
        return [Cell("-"), Cell("-")]
    return [Cell(one["nearest"], one["nearest"]), Cell(score_text(one["correlation"]), one["correlation"])]


def _notes(summary: dict[str, Any], has_weights: bool) -> list[str]:
    found, metric = summary["contributions"], metric_of(summary)
    notes = []
    if has_weights:
        notes.append(f"Weights are those of the combiner: {summary['data']['combiner']}.")
    if found is not None:
        prior, average = (
            score_text(metric.shown(found[key])) for key in ("score_of_prior", "score_of_average")
        )
        how = "all subsets" if found["is_exact"] else f"{found['n_orders']} random orders"
        rows = f", on a sample of {found['n_rows']:,} rows" if found["is_sample"] else ""
        notes.append(
            f"Contributions are Shapley values of the plain average, by {how} of the members{rows}: they "
            f"divide its gain in {metric.label} over the prior, from {prior} to {average}, among the "
            "members. Members that are alike share one value."
        )
    return notes
