"""Diversity: the correlation of the members' errors."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Block, Cell, Column, Notes, Section, Table, Text

__all__ = ["diversity"]


def diversity(summary: dict[str, Any]) -> Section | None:
    """Return the matrix of correlations: the darker, the more alike."""
    found = summary["diversity"]
    if found is None:
        return None
    names, matrix = found["names"], found["correlation"]
    columns = [Column("Member"), *(Column(f"{at + 1}", True, name) for at, name in enumerate(names))]
    low = min((value for row in matrix for value in row if value is not None), default=0.0)
    rows = [
        [Cell(f"{at + 1} {name}"), *(_cell(value, at == to, low) for to, value in enumerate(row))]
        for at, (name, row) in enumerate(zip(names, matrix, strict=True))
    ]
    blocks: list[Block] = []
    mean = found["mean_correlation"]
    if mean is not None:
        kind = "much alike" if mean > 0.95 else "alike" if mean > 0.8 else "different"
        blocks.append(Text(f"The errors of two members have a correlation of {mean:.2f} on average: {kind}."))
    blocks.append(Table("Correlation of the errors of members", columns, rows, is_dense=True))
    notes = [
        "An average gains where errors are good and different; members that err alike replace each other."
    ]
    if found["is_sample"]:
        notes.append(f"Measured on a sample of {found['n_rows']:,} rows.")
    if found["n_members_left_out"]:
        notes.append(f"The {found['n_members_left_out']} members with the lowest scores are not shown.")
    return Section("diversity", "Diversity", [*blocks, Notes(notes)])


def _cell(value: float | None, is_own: bool, low: float) -> Cell:
    if value is None:
        return Cell("-")
    heat = 0.0 if is_own or low >= 1 else (value - low) / (1 - low)
    return Cell(f"{value:.2f}".replace("0.", ".") if abs(value) < 1 else f"{value:.0f}", value, heat=heat)
