"""`stackit folds`: assign the rows of a table to folds, and write the folds file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackit.cli.completion import complete_columns
from stackit.cli.errors import ExitCode, exit_on_error, print_warnings, usage_error
from stackit.cli.options import AsJson, GroupsOption
from stackit.cli.output import print_json
from stackit.cli.paths import check_file
from stackit.cli.summary import print_folds, summarize_rows
from stackit.cli.table import ColumnOptions, TableColumns, read_columns

if TYPE_CHECKING:
    from stackit.folds import Folds

__all__ = ["SchemeName", "folds_command"]


class SchemeName(StrEnum):
    """The fold schemes, as in `stackit.folds.SCHEMES`."""

    KFOLD = "kfold"
    STRATIFIED = "stratified"
    BINNED = "binned"
    GROUP = "group"
    STRATIFIED_GROUP = "stratified-group"
    FORWARD = "forward"


GROUPED = (SchemeName.GROUP, SchemeName.STRATIFIED_GROUP)


@dataclass(frozen=True)
class FoldsOptions:
    """The options of the command."""

    table: Path
    columns: ColumnOptions
    scheme: SchemeName | None
    n_splits: int
    n_repeats: int
    random_state: int
    gap: str | None
    output: Path


def folds_command(  # noqa: PLR0913 - the options of a command
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="The training table: .csv, .zip, .parquet ...")
    ],
    target: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="The column to predict.",
            show_default=False,
            autocompletion=complete_columns,
        ),
    ],
    id: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column of ids. Default: the row number.",
            show_default=False,
            autocompletion=complete_columns,
        ),
    ] = None,
    scheme: Annotated[
        SchemeName | None,
        typer.Option(
            metavar="NAME",
            help="kfold, stratified, binned, group, stratified-group or forward. Default: by the target, "
            "--groups and --time.",
            show_default=False,
        ),
    ] = None,
    n_splits: Annotated[int, typer.Option(min=2, metavar="N", help="How many folds.")] = 5,
    n_repeats: Annotated[int, typer.Option(min=1, metavar="N", help="How many repeats, with new folds.")] = 1,
    random_state: Annotated[int, typer.Option(min=0, metavar="N", help="The seed.")] = 42,
    groups: GroupsOption = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Train on earlier rows, by this column.",
            show_default=False,
            autocompletion=complete_columns,
        ),
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option(
            metavar="ROWS|TIME",
            help="With --time: 10 rows, or a time such as 7D, that are left out before each fold.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The folds file.")] = Path(
        "folds.csv"
    ),
    as_json: AsJson = False,
) -> None:
    """Assign the rows of a table to folds, and show how even they are.

    $ stackit folds train.csv --target Survived --id PassengerId -o folds.csv
    $ stackit folds visits.csv --target ill --groups patient --n-repeats 3
    $ stackit run train.csv --target Survived --folds folds.csv

    Writes the columns id and kfold, and the scheme and seed into a .json file.
    """
    columns = ColumnOptions(target, id, groups, time)
    options = FoldsOptions(table, columns, scheme, n_splits, n_repeats, random_state, gap, output)
    _check_files(table, output)
    _check_options(options)
    rows = read_columns(table, columns)
    chosen, reason = _choose_scheme(options, rows)
    folds = _make(options, rows, chosen)
    summary = _summary(options, rows, folds, chosen, reason)
    with exit_on_error(ExitCode.DATA):
        folds.save(output, rows.ids)
    if as_json:
        print_json("folds", summary)
    else:
        print_folds(summary)
    ids = "range(n)" if id is None else f"train[{id!r}]"
    typer.echo(f"Wrote {output}. In Python: Folds.load({str(output)!r}, ids={ids})", err=True)


def _check_files(table: Path, output: Path) -> None:
    check_file("TABLE", table)
    if output.suffix != ".csv" or output.is_dir():
        raise usage_error("--output", "a .csv file", f"--output={output}", "Pass for example -o folds.csv")
    if not output.parent.is_dir():
        advice = f"Make {output.parent}"
        raise usage_error("--output", "in a folder that exists", f"--output={output}", advice)
    if output.exists() and output.samefile(table):
        advice = "It would be overwritten"
        raise usage_error("--output", "another file than TABLE", f"--output={output}", advice)


def _check_options(options: FoldsOptions) -> None:
    """Raise if options contradict each other."""
    (_, target), *others = options.columns.by_option.items()
    for option, column in others:
        if column == target:
            expected, advice = f"another column than {option}", "Name the column to predict"
            raise usage_error("--target", expected, f"--target={column}", advice)
    _check_scheme(options.scheme, options.columns.by_option)
    is_forward = options.scheme is SchemeName.FORWARD or (options.scheme is None and options.columns.time)
    if options.gap is not None and not is_forward:
        advice = "Only forward folds have a gap"
        raise usage_error("--gap", "left out without --time", f"--gap={options.gap}", advice)
    if options.n_repeats > 1 and is_forward:
        advice = "There is only one order of time"
        raise usage_error("--n-repeats", "1 for forward folds", f"--n-repeats={options.n_repeats}", advice)


def _check_scheme(scheme: SchemeName | None, columns: dict[str, str]) -> None:
    """Raise if a scheme lacks the column that it needs, or would ignore one that is passed."""
    if scheme is None:
        if "--groups" in columns and "--time" in columns:
            raise usage_error("--groups and --time", "given one at a time", "both", "Leave out one of them")
        return
    for option, schemes in {"--groups": GROUPED, "--time": (SchemeName.FORWARD,)}.items():
        if scheme in schemes and option not in columns:
            advice = f"Name the column, as {option} NAME"
            raise usage_error(option, f"given for --scheme {scheme}", "none", advice)
        if scheme not in schemes and option in columns:
            expected = f"left out for --scheme {scheme}, which ignores it"
            advice = f"Use --scheme {' or '.join(schemes)}"
            raise usage_error(option, expected, f"{option}={columns[option]}", advice)


def _choose_scheme(options: FoldsOptions, rows: TableColumns) -> tuple[SchemeName, str]:
    """Return the scheme and why it was chosen."""
    if options.scheme is not None:
        return options.scheme, "--scheme is given"
    if options.columns.time:
        return SchemeName.FORWARD, "--time is given"
    target, n_values = options.columns.target, rows.target.nunique()
    if rows.has_classes:
        plain, grouped = SchemeName.STRATIFIED, SchemeName.STRATIFIED_GROUP
        found = f"{target} has {n_values} classes"
    else:
        plain, grouped = SchemeName.BINNED, SchemeName.GROUP
        found = f"{target} is a number of {n_values} values"
    return (grouped, f"--groups is given, {found}") if options.columns.groups else (plain, found)


def _make(options: FoldsOptions, rows: TableColumns, scheme: SchemeName) -> Folds:
    from stackit.folds import make_folds

    gap = options.gap or "0"
    with exit_on_error(ExitCode.DATA), print_warnings():
        return make_folds(
            rows.target,
            scheme=str(scheme),
            n_splits=options.n_splits,
            n_repeats=options.n_repeats,
            groups=rows.groups,
            time=rows.time,
            gap=int(gap) if gap.removeprefix("-").isdigit() else gap,
            random_state=options.random_state,
        )


def _summary(
    options: FoldsOptions, rows: TableColumns, folds: Folds, scheme: SchemeName, reason: str
) -> dict[str, Any]:
    """Return the summary of the folds, as plain values for JSON."""
    splits = zip(folds.labels, folds.splits, strict=True)
    return {
        "table": str(options.table),
        "output": str(options.output),
        "target": options.columns.target,
        "target_holds": "classes" if rows.has_classes else "numbers",
        "id": options.columns.id,
        "scheme": str(scheme),
        "reason": reason,
        "n_samples": folds.n_samples,
        "n_splits": options.n_splits,
        "n_repeats": options.n_repeats,
        "random_state": options.random_state,
        "gap": options.gap,
        "never_held_out": int((folds.coverage == 0).sum()),
        "folds_digest": folds.digest,
        "folds": [
            {"repeat": repeat, "fold": fold, "n_train": len(train), **summarize_rows(rows, held_out)}
            for (repeat, fold), (train, held_out) in splits
        ],
        "all": summarize_rows(rows, slice(None)),
    }
