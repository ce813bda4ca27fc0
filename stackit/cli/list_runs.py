"""`stackit list`: the runs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stackit.cli.errors import ExitCode, exit_on_error
from stackit.cli.options import AsJson
from stackit.cli.output import print_json, print_message, print_table

__all__ = ["list_command"]

RUNS = Path("runs")
SHOWN = ["run", "status", "scoring", "score", "sem", "preset", "rows", "members", "seconds", "started"]


def list_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the runs.")] = RUNS,
    as_json: AsJson = False,
) -> None:
    """List the runs in a folder, the last one first.

    $ stackit list
    $ stackit list experiments --json
    """
    from stackit.runs import list_runs

    rows: list[Any] = []
    if folder != RUNS or folder.is_dir():
        with exit_on_error(ExitCode.DATA):
            rows = list_runs(folder).reset_index().to_dict("records")
    if as_json:
        print_json("list", {"folder": folder, "runs": rows})
    elif rows:
        print_table(SHOWN, ([row[name] for name in SHOWN] for row in rows))
    else:
        print_message(f"There is no run in {folder} yet. Type: stackit run train.csv test.csv --target NAME")
