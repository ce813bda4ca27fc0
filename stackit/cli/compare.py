"""`stackit compare`: two runs, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stackit.cli.completion import complete_run_folders
from stackit.cli.errors import ExitCode, exit_on_error, print_warnings
from stackit.cli.options import AsJson, MetricOption, RunFolderArgument
from stackit.cli.output import plain_text, print_json, print_table

__all__ = ["compare_command"]


def compare_command(
    first: RunFolderArgument,
    second: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The other one.", autocompletion=complete_run_folders),
    ],
    metric: MetricOption = None,
    as_json: AsJson = False,
) -> None:
    """Say which of two runs is better, by how much, and with which certainty.

    $ stackit compare runs/titanic runs/titanic-quick
    $ stackit compare runs/titanic runs/titanic-quick --metric accuracy

    The runs are compared on the rows that both predict out of fold.
    """
    from stackit.runs import compare_runs

    with exit_on_error(ExitCode.DATA), print_warnings():
        found = compare_runs(first, second, metric=metric)
    members = found.members.reset_index()
    if as_json:
        test = found.test
        facts = {
            "sentence": found.sentence,
            "scoring": found.scoring,
            "scores": found.scores,
            "difference": test.difference,
            "interval": [test.low, test.high],
            "p_value": test.p_value,
            "is_sure": found.is_sure,
            "rows": found.n_rows,
            "same_folds": found.same_folds,
        }
        print_json("compare", {**facts, "members": members.to_dict("records")})
        return
    typer.echo(plain_text(found.sentence))
    if not found.same_folds:
        typer.echo("The folds differ: some of the difference is that of the folds.")
    if len(members):
        print_table([*members], members.to_numpy().tolist())
