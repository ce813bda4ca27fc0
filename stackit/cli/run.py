"""`stackit run`: from tables to a folder with predictions, scores, submission, model and report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stackit.cli.completion import complete_columns
from stackit.cli.dry_run import show_dry_run
from stackit.cli.errors import ExitCode, exit_on_error, print_warnings
from stackit.cli.options import (
    AsJson,
    GroupsOption,
    IdOption,
    MetricOption,
    OptionalTarget,
    PresetName,
    Quiet,
    given,
)
from stackit.cli.output import print_json, print_message
from stackit.cli.run_settings import PredictionsName, TaskName, config_of
from stackit.cli.run_summary import print_run, summary_of_run

if TYPE_CHECKING:
    from stackit.runs import RunConfig, RunFolder

__all__ = ["run_command"]


def run_command(  # noqa: PLR0913 - the options of a command
    ctx: typer.Context,
    train: Annotated[
        Path | None,
        typer.Argument(
            metavar="TRAIN",
            help="The training table (.csv, .zip, .parquet ...), or a settings file (default: stackit.toml), "
            "or the folder of a run that is to go on.",
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        Path | None, typer.Argument(metavar="TEST", help="The rows to predict.", show_default=False)
    ] = None,
    target: OptionalTarget = None,
    id: IdOption = None,
    preset: Annotated[
        PresetName | None,
        typer.Option(metavar="NAME", help="quick, good or best. Default: best.", show_default=False),
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Of the whole run: 90s, 10m or 1h30m.", show_default=False),
    ] = None,
    metric: MetricOption = None,
    task: Annotated[
        TaskName | None,
        typer.Option(
            metavar="NAME",
            help="classification or regression. Default: by the target's values.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        str | None,
        typer.Option(
            metavar="N|FILE",
            help="How many, or a file of `stackit folds`.",
            show_default=False,
        ),
    ] = None,
    groups: GroupsOption = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column to leave out; repeatable.",
            show_default=False,
            autocompletion=complete_columns,
        ),
    ] = None,
    categories: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Numbers that are categories; repeatable.",
            show_default=False,
            autocompletion=complete_columns,
        ),
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The sample submission to write like.", show_default=False),
    ] = None,
    predictions: Annotated[
        PredictionsName | None,
        typer.Option(
            metavar="NAME",
            help="What submission.csv holds: labels or probabilities. Default: as the sample.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="The folder of the run. Default: runs/NAME.",
            show_default=False,
        ),
    ] = None,
    random_state: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="The seed. Default: 0.", show_default=False),
    ] = None,
    n_jobs: Annotated[
        int | None,
        typer.Option(metavar="N", help="Fits at a time. Default: one per core.", show_default=False),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Delete the run in the folder first.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", metavar="", help="Only print the settings as stackit.toml.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only show columns, folds and members.")
    ] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train a stack of models on one table, and predict another one.

    $ stackit run train.csv test.csv --target Survived --id PassengerId
    $ stackit run train.csv test.csv --target Survived --preset quick -o runs/a
    $ stackit run train.csv --target price --time-limit 10m --metric rmse
    $ stackit run runs/a

    Writes submission.csv, report.html, scores and the model into the folder.
    Ctrl-C stops a run. Started again, it goes on where it was.
    """
    options = given(
        target=target,
        id=id,
        preset=preset and str(preset),
        time_limit=time_limit,
        metric=metric,
        task=task and str(task),
        folds=folds,
        groups=groups,
        drop=drop or None,
        categories=categories or None,
        sample=sample,
        predictions=predictions and str(predictions),
        output=output,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    config = config_of(train, test, options)
    if print_config:
        typer.echo(config.to_toml(), nl=False)
    elif dry_run:
        show_dry_run(config, as_json)
    else:
        _run(config, overwrite=overwrite, quiet=quiet, as_json=as_json, started=ctx.obj)


def _run(config: RunConfig, *, overwrite: bool, quiet: bool, as_json: bool, started: float | None) -> None:
    """Run, and print what came of it; an interrupted run says how it goes on."""
    from stackit.cli.interrupt import Interrupt
    from stackit.cli.live_table import progress_of_run
    from stackit.runs import RunFolder, run

    def stop() -> None:
        view.close()
        _print_stopped(config, view.board.n_done)

    def stop_by_force() -> None:
        stop()
        RunFolder.open(config.folder).note(status="interrupted")

    # Warnings are printed when the table is closed.
    with exit_on_error(ExitCode.DATA), print_warnings(), progress_of_run(quiet=quiet) as view:
        try:
            with Interrupt(before_force=stop_by_force) as interrupt:
                folder = run(config, overwrite=overwrite, progress=interrupt.watch(view), started=started)
        except KeyboardInterrupt:
            stop()
            raise typer.Exit(ExitCode.INTERRUPTED) from None
    if not view.board.members:
        print_message(f"{folder.path} was finished before: nothing is fitted. --overwrite starts again.")
    if as_json:
        print_json("run", summary_of_run(folder))
        return
    print_run(folder)
    _print_next(folder)


def _print_stopped(config: RunConfig, n_done: int) -> None:
    kept = f"{n_done} finished fits are" if n_done != 1 else "1 finished fit is"
    print_message(f"Stopped; {kept} kept. To go on: stackit run {shlex.quote(str(config.folder))}")


def _print_next(folder: RunFolder) -> None:
    name = shlex.quote(str(folder.path))
    if folder.submission is not None:
        print_message(f"To hand in: stackit submit {name} --upload --competition NAME")
    print_message(f"To predict other rows: stackit predict {name} new.csv")
