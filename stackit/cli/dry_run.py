"""What `stackit run --dry-run` shows: columns, folds, members, and about how long the run would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from stackit.cli.errors import ExitCode, exit_on_error, print_warnings
from stackit.cli.output import plain_text, print_json, print_message, print_table

if TYPE_CHECKING:
    from stackit.runs import DryRun, RunConfig

__all__ = ["show_dry_run"]


def show_dry_run(config: RunConfig, as_json: bool) -> None:
    """Print what a run with these settings would do."""
    from stackit.runs import dry_run

    with exit_on_error(ExitCode.DATA), print_warnings():
        found = dry_run(config)
    if as_json:
        print_json("run --dry-run", _values(found))
    else:
        _print(found)


def _values(found: DryRun) -> dict[str, Any]:
    return {
        "summary": found.summary,
        "scoring": found.scoring,
        "rows": found.folds.n_samples,
        "folds": len(found.folds.splits),
        "repeats": found.n_repeats,
        "seconds": found.seconds,
        "columns": found.columns.reset_index(names="column").to_dict("records"),
        "members": found.members.reset_index().to_dict("records"),
        "notes": found.notes,
    }


def _print(found: DryRun) -> None:
    typer.echo(plain_text(found.summary))
    for note in found.notes:
        print_message(note)
    columns = found.columns.reset_index(names="column")
    columns["missing"] = [f"{share:.1%}" if share else "" for share in columns["missing"]]
    for table in (columns, found.members.reset_index()):
        print_table([*table], table.astype(object).to_numpy().tolist())
