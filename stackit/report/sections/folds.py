"""Fold by fold: one dot per fold."""

from __future__ import annotations

import statistics
from typing import Any

from stackit.report.blocks import Block, Cell, Column, Section, Table, Text
from stackit.report.charts import Strip
from stackit.report.sections.scale import ends, metric_of, tones_of
from stackit.report.text import score_text

__all__ = ["folds"]


def folds(summary: dict[str, Any]) -> Section | None:
    """Return a row of dots per member, on one scale."""
    found = summary["folds"]
    if found is None:
        return None
    metric, tones = metric_of(summary), tones_of(summary)
    shown = {
        one["name"]: [None if score is None else metric.shown(score) for score in one["folds"]]
        for one in found["scores"]
    }
    scale = ends(value for values in shown.values() for value in values)
    n = len(found["n_rows"])
    blocks: list[Block] = []
    if found["n_folds_won"] is not None:
        blocks.append(
            Text(
                f"The stack is ahead of its best member, {found['best_member']}, in {found['n_folds_won']} "
                f"of {n} folds."
            )
        )
    columns = [
        Column("Name"),
        Column(f"Folds, from {score_text(scale[0])} to {score_text(scale[1])}"),
        Column("Lowest", is_number=True),
        Column("Mean", is_number=True),
        Column("Highest", is_number=True),
    ]
    rows = [_row(name, values, scale, tones.get(name, "member")) for name, values in shown.items()]
    roles = [tones.get(name, "member") for name in shown]
    blocks.append(Table(f"{metric.label} in each of {n} folds", columns, rows, True, roles))
    return Section("folds", "Fold by fold", blocks)


def _row(name: str, values: list[float | None], scale: tuple[float, float], tone: str) -> list[Cell]:
    known = [value for value in values if value is not None]
    if not known:
        return [Cell(name, name), *(Cell("-") for _ in range(4))]
    mean = statistics.fmean(known)
    text = ", ".join(score_text(value) for value in values)
    strip = Strip(*scale, dots=known, origin=mean, tone=tone)
    numbers = [Cell(score_text(value), value) for value in (min(known), mean, max(known))]
    return [Cell(name, name), Cell(text, mean, strip=strip, is_drawn=True), *numbers]
