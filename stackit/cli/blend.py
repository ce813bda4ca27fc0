"""`stackit blend`: out-of-fold files of any origin, and the honest score of their blend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackit.cli.errors import CommandError, ExitCode, exit_on_error, print_warnings
from stackit.cli.options import AsJson, GroupsOption, IdOption, MetricOption, OptionalTarget, given
from stackit.cli.output import plain_text, print_json, print_message, print_table
from stackit.cli.paths import check_file, check_folder

if TYPE_CHECKING:
    from stackit.runs import FileBlend

__all__ = ["blend_command"]


def blend_command(  # noqa: PLR0913 - the options of a command
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Out-of-fold predictions, with ids.")
    ],
    train: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The training table. Default: that of the run.", show_default=False
        ),
    ] = None,
    target: OptionalTarget = None,
    id: IdOption = None,
    test: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Test predictions, in a file of the same name; may be repeated.",
            show_default=False,
        ),
    ] = None,
    metric: MetricOption = None,
    folds: Annotated[
        str | None,
        typer.Option(metavar="N|FILE", help="The folds of the members, or how many.", show_default=False),
    ] = None,
    groups: GroupsOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="A folder for the blend's predictions.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Blend out-of-fold predictions, and score the blend on rows that it has not seen.

    $ stackit blend runs/a/oof/net.csv runs/b/oof/forest.csv
    $ stackit blend oof/*.csv --train train.csv --target Survived --id PassengerId
    $ stackit blend oof/a.csv oof/b.csv --test test/a.csv --test test/b.csv
        --train train.csv --target Survived -o both

    A file has the ids in its first column, then the probability of the second
    class, or one column per class, or a number. Files of runs need no --train.
    With -o, writes oof.csv and, with --test, test.csv.
    """
    for path in (*files, *(test or ())):
        check_file("FILE", path)
    options = given(target=target, id=id, metric=metric, folds=folds, groups=groups)
    if "folds" in options:
        options["folds"] = int(options["folds"]) if options["folds"].isdigit() else Path(options["folds"])
    if train is not None:
        check_file("--train", train)
        options["train"] = train
    options = _settings_of_run(files[0]) | options
    for name, example in (("train", "--train train.csv"), ("target", "--target NAME")):
        if name not in options:
            raise CommandError(ExitCode.USAGE, f"The files are not those of a run. Pass {example}")
    if output is not None:
        check_folder("--output", output)
    from stackit.runs import blend_files

    with exit_on_error(ExitCode.DATA), print_warnings():
        found = blend_files(files, test=test or (), **options)
    written = [] if output is None else _write(output, found)
    _print_blend(found, written, as_json)


def _settings_of_run(file: Path) -> dict[str, Any]:
    """Return the table, the target and the ids of the run that a file in ``oof`` belongs to."""
    folder = file.absolute().parent.parent
    if not (folder / "manifest.json").is_file():
        return {}
    from stackit.runs import RunFolder

    with exit_on_error(ExitCode.DATA):
        config = RunFolder.open(folder).config
    return given(train=config.train, target=config.target, id=config.id, groups=config.groups)


def _write(folder: Path, found: FileBlend) -> list[Path]:
    """Write the predictions of the blend; return the files."""
    from stackit.files import atomic_write

    tables = {"oof.csv": found.oof} | ({} if found.test is None else {"test.csv": found.test})
    with exit_on_error(ExitCode.DATA):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            atomic_write(folder / name, table.to_csv(lineterminator="\n"))
    return [folder / name for name in tables]


def _print_blend(found: FileBlend, written: list[Path], as_json: bool) -> None:
    scores = found.scores.reset_index(names="member")
    if as_json:
        facts = {"score": found.blend.score, "sem": found.blend.sem, "blend": found.blend.name}
        rows = {"rows": len(found.oof), "left_out": found.n_left_out, "files": written}
        members = scores.to_dict("records")
        print_json("blend", {"scoring": found.scoring, **facts, **rows, "members": members})
        return
    typer.echo(plain_text(found.sentence))
    if found.n_left_out:
        typer.echo(f"{found.n_left_out} training rows are left out: some file does not predict them.")
    print_table([*scores], scores.to_numpy().tolist())
    for path in written:
        print_message(f"Wrote {path}.")
