"""`stackit folds`: deal the rows of a table into folds, once, for all that comes later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackit.cli.errors import ExitCode, exit_on_error, refusal, saying_warnings
from stackit.cli.rows import ColumnNames, TableRows, read_rows
from stackit.cli.summary import portrait_of, show_folds

if TYPE_CHECKING:
    from stackit.folds import Folds

__all__ = ["SchemeName", "folds_command"]


class SchemeName(StrEnum):
    """The fold schemes, as `stackit.folds.SCHEMES` lists them."""

    KFOLD = "kfold"
    STRATIFIED = "stratified"
    BINNED = "binned"
    GROUP = "group"
    STRATIFIED_GROUP = "stratified-group"
    FORWARD = "forward"


GROUPED = (SchemeName.GROUP, SchemeName.STRATIFIED_GROUP)


@dataclass(frozen=True)
class FoldsRequest:
    """What the command line asks for."""

    table: Path
    columns: ColumnNames
    scheme: SchemeName | None
    n_splits: int
    repeats: int
    seed: int
    gap: str | None
    output: Path


def folds_command(  # noqa: PLR0913 - the options of a command
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="The training table: .csv (.gz, .zip) or .parquet.")
    ],
    target: Annotated[str, typer.Option(help="The column to predict.", show_default=False)],
    id: Annotated[
        str | None, typer.Option(help="The column of ids; the row number without it.", show_default=False)
    ] = None,
    scheme: Annotated[
        SchemeName | None,
        typer.Option(
            help="How rows are dealt; chosen by the target, --group and --time without it.",
            show_default=False,
        ),
    ] = None,
    n_splits: Annotated[int, typer.Option(min=2, help="How many folds.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="How often all of it is done again.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same folds.")] = 42,
    group: Annotated[
        str | None, typer.Option(help="Rows alike in this column stay in one fold.", show_default=False)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Train on what was before, by this column.", show_default=False)
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option(help="With --time: rows, or a time as 7D, left out before a fold.", show_default=False),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folds file.")] = Path("folds.csv"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a table.")
    ] = False,
) -> None:
    """Deal the rows of a table into folds, and show how even they are.

    $ stackit folds train.csv --target Survived --id PassengerId -o folds.csv

    Writes the columns id and kfold, and beside it a .json file with what made them.
    """
    columns = ColumnNames(target, id, group, time)
    request = FoldsRequest(table, columns, scheme, n_splits, repeats, seed, gap, output)
    _check_options(request)
    rows = read_rows(table, columns)
    chosen, reason = _choose(request, rows)
    folds = _make(request, rows, chosen)
    summary = _summary(request, rows, folds, chosen, reason)
    with exit_on_error(ExitCode.DATA):
        folds.save(output, rows.ids)
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
    else:
        show_folds(summary)
    ids = "range(n)" if id is None else f"train[{id!r}]"
    typer.echo(f"Wrote {output}. In Python: Folds.load({str(output)!r}, ids={ids})", err=True)


def _check_options(request: FoldsRequest) -> None:
    """Raise when options contradict each other, or files cannot be where they are said to be."""
    _check_files(request)
    target, *others = request.columns.by_option.items()
    for option, column in others:
        if column == target[1]:
            advice = "Name the column to predict"
            raise refusal("--target", f"another column than {option}", f"--target={column}", advice)
    _check_scheme(request)
    forward = request.scheme is SchemeName.FORWARD or (request.scheme is None and request.columns.time)
    if request.gap is not None and not forward:
        raise refusal(
            "--gap", "left out without --time", f"--gap={request.gap}", "Only forward folds know it"
        )
    if request.repeats > 1 and forward:
        raise refusal(
            "--repeats", "1 for forward folds", f"--repeats={request.repeats}", "Time runs only once"
        )


def _check_files(request: FoldsRequest) -> None:
    table, output = request.table, request.output
    if not table.is_file():
        raise refusal("TABLE", "a file that exists", f"TABLE={table}", "Check the path")
    if output.suffix != ".csv" or output.is_dir():
        raise refusal("--output", "a .csv file", f"--output={output}", "Pass for example -o folds.csv")
    if not output.parent.is_dir():
        raise refusal("--output", "in a folder that exists", f"--output={output}", f"Make {output.parent}")
    if output.exists() and output.samefile(table):
        raise refusal("--output", "another file than TABLE", f"--output={output}", "It would be overwritten")


def _check_scheme(request: FoldsRequest) -> None:
    """Raise when a scheme lacks the column it goes by, or would ignore one that is given."""
    scheme, named = request.scheme, request.columns.by_option
    if scheme is None:
        if "--group" in named and "--time" in named:
            raise refusal("--group and --time", "given one at a time", "both", "Leave out one of them")
        return
    needs = {"--group": scheme in GROUPED, "--time": scheme is SchemeName.FORWARD}
    for option, needed in needs.items():
        given = named.get(option)
        if needed and given is None:
            raise refusal(
                option, f"given for --scheme {scheme}", "none", f"Name the column, as {option} NAME"
            )
        if given is not None and not needed:
            knowing = " or ".join(GROUPED) if option == "--group" else SchemeName.FORWARD
            raise refusal(
                option,
                f"left out for --scheme {scheme}, which ignores it",
                f"{option}={given}",
                f"Use --scheme {knowing}",
            )


def _choose(request: FoldsRequest, rows: TableRows) -> tuple[SchemeName, str]:
    """Return the scheme and why it was chosen."""
    target, group = request.columns.target, request.columns.group
    if request.scheme is not None:
        return request.scheme, "as asked"
    if request.columns.time:
        return SchemeName.FORWARD, "--time is given"
    n_values = rows.target.nunique()
    if rows.has_classes:
        alone, grouped, found = (
            SchemeName.STRATIFIED,
            SchemeName.STRATIFIED_GROUP,
            f"{target} has {n_values} classes",
        )
    else:
        alone, grouped, found = (
            SchemeName.BINNED,
            SchemeName.GROUP,
            f"{target} is a number of {n_values} values",
        )
    return (grouped, f"--group is given, {found}") if group else (alone, found)


def _make(request: FoldsRequest, rows: TableRows, scheme: SchemeName) -> Folds:
    from stackit.folds import make_folds

    gap = request.gap or "0"
    with exit_on_error(ExitCode.DATA), saying_warnings():
        return make_folds(
            rows.target,
            scheme=str(scheme),
            n_splits=request.n_splits,
            n_repeats=request.repeats,
            groups=rows.group,
            time=rows.time,
            gap=int(gap) if gap.removeprefix("-").isdigit() else gap,
            random_state=request.seed,
        )


def _summary(
    request: FoldsRequest, rows: TableRows, folds: Folds, scheme: SchemeName, reason: str
) -> dict[str, Any]:
    """Return all that is to be said of the folds, as plain values."""
    import numpy as np

    splits = zip(folds.labels, folds.splits, strict=True)
    everything = np.arange(folds.n_samples)
    return {
        "table": str(request.table),
        "output": str(request.output),
        "target": request.columns.target,
        "target_holds": "classes" if rows.has_classes else "numbers",
        "id": request.columns.id,
        "scheme": str(scheme),
        "reason": reason,
        "n_samples": folds.n_samples,
        "n_splits": request.n_splits,
        "n_repeats": request.repeats,
        "seed": request.seed,
        "gap": request.gap,
        "never_held_out": int((folds.coverage == 0).sum()),
        "folds_digest": folds.digest,
        "folds": [
            {"repeat": repeat, "fold": fold, "n_train": len(train), **portrait_of(rows, held_out)}
            for (repeat, fold), (train, held_out) in splits
        ],
        "all": portrait_of(rows, everything),
    }
