"""A summary of folds, as plain values and as a table on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from stackit.cli.output import plain_text, print_table
from stackit.cli.table import TableColumns

__all__ = ["print_folds", "summarize_rows"]

# A table with a column for each of more classes than this is too wide to read.
MAX_CLASS_COLUMNS = 6


def summarize_rows(columns: TableColumns, rows: Any) -> dict[str, Any]:
    """Return the number of some rows, and their classes or mean, groups and times."""
    values = columns.target.iloc[rows]
    summary: dict[str, Any] = {"n_held_out": len(values)}
    if columns.has_classes:
        counts = values.value_counts()
        classes = sorted(columns.target.unique())
        summary["classes"] = {str(label): int(counts.get(label, 0)) for label in classes}
    else:
        summary |= {"mean": float(values.mean()), "std": float(values.std(ddof=0))}
    if columns.groups is not None:
        summary["n_groups"] = int(columns.groups.iloc[rows].nunique())
    if columns.time is not None:
        times = columns.time.iloc[rows]
        summary |= {"from": str(times.min()), "to": str(times.max())}
    return summary


def print_folds(summary: dict[str, Any]) -> None:
    """Print the folds as a table."""
    lines = [dict(_cells(fold, summary)) for fold in [*summary["folds"], summary["all"]]]
    rows = f"{summary['n_samples']} rows of {summary['table']}"
    how = f"{summary['scheme']} folds ({summary['reason']}), seed {summary['random_state']}"
    typer.echo(plain_text(f"{rows}: {how}"))
    print_table([*lines[0]], ([*line.values()] for line in lines))
    if summary["never_held_out"]:
        typer.echo(f"{summary['never_held_out']} rows are never held out: they come before the first fold.")


def _cells(fold: dict[str, Any], summary: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the column names and cells of one line of the table."""
    if summary["n_repeats"] > 1:
        yield "repeat", fold.get("repeat")
    yield "fold", fold.get("fold", "all")
    yield "train", fold.get("n_train")
    yield "held out", fold["n_held_out"]
    if "classes" in fold:
        yield from _class_cells(fold, summary)
    else:
        yield f"mean {summary['target']}", fold["mean"]
        yield "std", fold["std"]
    if "n_groups" in fold:
        yield "groups", fold["n_groups"]
    if "from" in fold:
        yield "from", fold["from"]
        yield "to", fold["to"]


def _class_cells(fold: dict[str, Any], summary: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the share of each class; of many classes, their number and the largest shift of a share."""
    counts, n = fold["classes"], fold["n_held_out"]
    if len(counts) <= MAX_CLASS_COLUMNS:
        for label, count in counts.items():
            yield f"{summary['target']} {label}", f"{count} ({count / n:.1%})"
        return
    overall, total = summary["all"]["classes"], summary["n_samples"]
    shift = max(abs(count / n - overall[label] / total) for label, count in counts.items())
    yield "classes", sum(count > 0 for count in counts.values())
    yield "rows of the rarest", min(counts.values())
    yield "largest shift of a share", f"{shift:.2%}"
