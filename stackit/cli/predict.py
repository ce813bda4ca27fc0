"""`stackit predict`: new rows, predicted by the stack of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stackit.cli.errors import ExitCode, exit_on_error, print_warnings
from stackit.cli.options import AsJson, RunFolderArgument
from stackit.cli.output import print_json, print_message
from stackit.cli.paths import check_file, check_output

__all__ = ["predict_command"]


def predict_command(
    run: RunFolderArgument,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="The rows to predict: .csv, .zip, .parquet ...")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Predict the rows of a table by the stack of a run.

    $ stackit predict runs/titanic new.csv -o predictions.csv
    $ stackit predict runs/titanic new.csv | head

    Writes a CSV table: the ids, the target, and for classes the probability of each.
    """
    check_file("TABLE", table)
    if output is not None:
        check_output(output, table)
    from stackit.files import atomic_write
    from stackit.runs import predict_table

    with exit_on_error(ExitCode.DATA), print_warnings():
        predictions = predict_table(run, table)
    text = predictions.to_csv(index=False, lineterminator="\n")
    if output is not None:
        with exit_on_error(ExitCode.DATA):
            atomic_write(output, text)
        print_message(f"Wrote {len(predictions)} rows to {output}.")
    if as_json:
        facts = {"run": run, "table": table, "output": output, "rows": len(predictions)}
        rows = predictions.to_dict("records")
        print_json("predict", facts | ({"predictions": rows} if output is None else {}))
    elif output is None:
        typer.echo(text, nl=False)
