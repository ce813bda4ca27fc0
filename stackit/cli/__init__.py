"""The command line: each command calls the public functions, and imports what it needs when it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from stackit import __version__
from stackit.cli.blend import blend_command
from stackit.cli.compare import compare_command
from stackit.cli.demo import demo_command
from stackit.cli.errors import Commands
from stackit.cli.folds import folds_command
from stackit.cli.help import Command, paragraphs_of
from stackit.cli.list_runs import list_command
from stackit.cli.predict import predict_command
from stackit.cli.process_start import process_start
from stackit.cli.report import report_command
from stackit.cli.run import run_command
from stackit.cli.submit import submit_command

__all__ = ["app", "main"]

app = typer.Typer(
    name="stackit",
    cls=Commands,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., Any]] = {
    "run": run_command,
    "predict": predict_command,
    "submit": submit_command,
    "report": report_command,
    "list": list_command,
    "compare": compare_command,
    "blend": blend_command,
    "folds": folds_command,
    "demo": demo_command,
}
for name, command in COMMANDS.items():
    app.command(name, cls=Command, help=paragraphs_of(command))(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stackit {__version__}")
        raise typer.Exit


def stackit(
    ctx: typer.Context,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="STACKIT_DEBUG", metavar="", help="Show the traceback of an error."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            metavar="",
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Leak-safe, multi-level stacking ensembles: from two tables to a submission.

    $ stackit demo
    $ stackit run train.csv test.csv --target Survived --id PassengerId
    $ stackit report runs/titanic --open
    $ stackit submit runs/titanic --upload --competition titanic
    $ stackit run --help

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad data, folds or run,
    4 no kaggle command, 5 no reply of Kaggle in time, 6 invalid submission,
    7 refused by Kaggle, 130 interrupted, 141 output closed early.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


app.callback(invoke_without_command=True, help=paragraphs_of(stackit))(stackit)


def main() -> None:
    """Run the command line of `stackit`; an expected error is one line on standard error."""
    app(prog_name="stackit", obj=process_start() if _is_program() else None)


def _is_program() -> bool:
    """Whether this process was started for the command line, and is no script or test that calls it."""
    return Path(sys.argv[0]).stem in ("stackit", "__main__")
