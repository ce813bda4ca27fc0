"""What came of a run: one sentence, the leaderboard and the files; or the same as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from stackit.cli.output import format_number, plain_text, print_table

if TYPE_CHECKING:
    from stackit.runs import RunFolder

__all__ = ["print_run", "summary_of_run"]

# Files of a run that are worth a line.
SHOWN = {"submission.csv": "Submission", "report.html": "Report", "model.stackit": "Model"}


def summary_of_run(folder: RunFolder) -> dict[str, Any]:
    """Return what came of a finished run, as plain values."""
    manifest = folder.manifest
    facts = {name: manifest[name] for name in ("task", "scoring", "score", "sem", "blend", "rows", "columns")}
    seconds = manifest["seconds"]
    members = [
        {**row, "seconds": seconds["members"].get(row["member"])}
        for row in folder.scores.reset_index().to_dict("records")
    ]
    files = [path for name in SHOWN if (path := folder.path / name).is_file()]
    return {
        "folder": folder.path,
        **facts,
        "seconds": seconds["total"],
        "members": members,
        "files": {path.name: path for path in files},
        "notes": manifest["notes"],
    }


def print_run(folder: RunFolder) -> None:
    """Print what came of a finished run."""
    from stackit.progress import format_duration

    found = summary_of_run(folder)
    used = sum(bool(row["weight"] and row["weight"] > 0) for row in found["members"])
    typer.echo(
        plain_text(
            f"{folder.path}: {found['scoring']} {format_number(found['score'])} (standard error "
            f"{found['sem']:.2g}), by a blend of {used} members ({found['blend']}); "
            f"{found['rows']} rows, {found['columns']} columns, {format_duration(found['seconds'])}."
        )
    )
    print_table(("member", "score", "std. error", "weight", "seconds", "status"), _lines(found))
    for name, path in found["files"].items():
        typer.echo(plain_text(f"{SHOWN[name]}: {path}"))


def _lines(found: dict[str, Any]) -> list[list[Any]]:
    """Return the cells of the leaderboard."""
    return [
        [
            row["member"],
            row["score"],
            _rounded(row["sem"], 2),
            _rounded(row["weight"], 3),
            row["seconds"],
            row["status"],
        ]
        for row in found["members"]
    ]


def _rounded(value: Any, digits: int) -> Any:
    """Return a number with so many digits, or what is missing as it is."""
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
