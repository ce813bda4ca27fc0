"""The shift between training and test rows."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Badge, Block, Cell, Column, Notes, Section, Table, Text
from stackit.report.charts import Strip
from stackit.report.text import count_text, percent_text, score_text

__all__ = ["shift"]


def shift(summary: dict[str, Any]) -> Section | None:
    """Return the columns and predictions that differ most."""
    found = summary["shift"]
    if found is None:
        return None
    n = found["n_shifted"]
    are = "is" if n == 1 else "are"
    columns = f"{count_text(n, 'column')} of {found['n_columns']:,}"
    text = f"{columns} {are} distributed differently in the test rows."
    blocks: list[Block] = [Text(text if n else "No column is distributed differently in the test rows.")]
    if found["columns"]:
        blocks.append(_columns(found["columns"]))
    if found["predictions"]:
        blocks.append(_predictions(found["predictions"], summary["data"]["task"] == "regression"))
    sample = f" Samples of {found['n_rows']:,} training and {found['n_test_rows']:,} test rows are compared."
    notes = (
        "The distance is the share of rows that would have to move to another of up to eight bins; 0 is no "
        "shift, and 100 % are two tables that have nothing in common."
        + (sample if found["is_sample"] else "")
    )
    return Section("shift", "Shift between train and test", [*blocks, Notes([notes])])


def _columns(found: list[dict[str, Any]]) -> Table:
    rows = [
        [
            _name(one),
            _distance(one),
            Cell(one["largest"], one["largest"]),
            Cell(percent_text(one["train_share"]), one["train_share"]),
            Cell(percent_text(one["test_share"]), one["test_share"]),
        ]
        for one in found
    ]
    columns = [
        Column("Column"),
        Column("Distance", is_number=True),
        Column("Changed most"),
        Column("Train", is_number=True),
        Column("Test", is_number=True),
    ]
    return Table("The columns that differ most", columns, rows, is_sortable=True)


def _distance(one: dict[str, Any]) -> Cell:
    strip = Strip(0.0, 1.0, bar=one["distance"], origin=0.0, tone="best")
    return Cell(percent_text(one["distance"]), one["distance"], strip=strip)


def _name(one: dict[str, Any]) -> Cell:
    return Cell(one["column"], one["column"], badge=Badge("shifted", "bad") if one["is_shifted"] else None)


def _predictions(found: list[dict[str, Any]], is_number: bool) -> Table:
    text = score_text if is_number else percent_text
    rows = [
        [
            Cell(one["name"], one["name"]),
            Cell(text(one["train"]), one["train"]),
            Cell(text(one["test"]), one["test"]),
        ]
        for one in found
    ]
    first = "Prediction" if is_number else "Mean probability of"
    columns = [Column(first), Column("Out of fold", is_number=True), Column("Test rows", is_number=True)]
    return Table("Predictions of the stack", columns, rows)
