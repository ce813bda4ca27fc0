"""About the run: the target, the folds, the versions, and what is not shown."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Block, Cell, Column, Notes, Section, Table
from stackit.report.text import count_text, number_text, percent_text

__all__ = ["about"]

NOT_SHOWN = {
    "folds": "Fold by fold: there are no two folds.",
    "diversity": "Diversity: there are no two members.",
    "calibration": "Calibration: there are fewer than 20 rows with predictions of all members.",
    "regions": "Regions of error: no training table was given, or it has too few rows.",
    "shift": "Shift: no test table was given.",
}


def about(summary: dict[str, Any]) -> Section:
    """Return what was predicted from what."""
    blocks: list[Block] = [_facts(summary), _target(summary["data"]["target"])]
    if summary["versions"]:
        rows = [[Cell(name), Cell(version)] for name, version in summary["versions"].items()]
        blocks.append(Table("Versions", [Column("Library"), Column("Version")], rows))
    missing = [sentence for key, sentence in NOT_SHOWN.items() if summary[key] is None]
    if missing:
        blocks.append(Notes(["Not shown:", *missing]))
    return Section("about", "About this run", blocks)


def _facts(summary: dict[str, Any]) -> Table:
    data = summary["data"]
    facts = {
        "Task": data["task"],
        "Metric": f"{data['metric']['label']} ({data['metric']['name']})",
        "Rows": f"{data['n_rows']:,}, {data['n_scored_rows']:,} with predictions of all members",
        "Test rows": None if data["n_test_rows"] is None else f"{data['n_test_rows']:,}",
        "Columns": None if data["n_columns"] is None else f"{data['n_columns']:,}",
        "Groups": None if data["n_groups"] is None else f"{data['n_groups']:,}",
        "Weights of rows": "yes" if data["is_weighted"] else "no",
        "Folds": _folds(data["folds"]),
        "Combiner": data["combiner"] or None,
    }
    rows = [[Cell(name), Cell(text)] for name, text in facts.items() if text is not None]
    return Table("The run", [Column("What"), Column("Value")], rows)


def _folds(folds: dict[str, Any] | None) -> str | None:
    if folds is None:
        return None
    repeats = f", {folds['n_repeats']} repeats" if folds["n_repeats"] > 1 else ""
    return (
        f"{folds['scheme']}, {count_text(folds['n_splits'], 'fold')}{repeats} of {folds['smallest']:,} to "
        f"{folds['largest']:,} rows, {folds['digest']}"
    )


def _target(target: dict[str, Any]) -> Table:
    if "classes" not in target:
        columns = [
            Column(title, is_number=True) for title in ("Lowest", "Median", "Mean", "Highest", "Deviation")
        ]
        keys = ("min", "median", "mean", "max", "std")
        return Table("The target", columns, [[Cell(number_text(target[key]), target[key]) for key in keys]])
    rows = [
        [
            Cell(one["name"], one["name"]),
            Cell(f"{one['rows']:,}", one["rows"]),
            Cell(percent_text(one["share"]), one["share"]),
        ]
        for one in target["classes"]
    ]
    rest = target["n_classes"] - len(rows)
    caption = "The classes" if not rest else f"The classes, without the {rest} least frequent ones"
    columns = [Column("Class"), Column("Rows", is_number=True), Column("Share", is_number=True)]
    return Table(caption, columns, rows)
