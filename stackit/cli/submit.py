"""`stackit submit`: check a submission as the server does, and hand it over to the `kaggle` command."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackit.cli.completion import complete_run_folders
from stackit.cli.errors import CommandError, ExitCode, exit_on_error, print_warnings, usage_error
from stackit.cli.options import AsJson
from stackit.cli.output import plain_text, print_json, print_message
from stackit.cli.paths import check_file

if TYPE_CHECKING:
    from stackit.runs import RunFolder
    from stackit.submission import Sample

__all__ = ["submit_command"]

UPLOAD_FAILED = {
    "no kaggle": ExitCode.NO_KAGGLE,
    "unreachable": ExitCode.TIMED_OUT,
    "refused": ExitCode.REFUSED,
    "failed": ExitCode.FAILED,
}


def submit_command(
    submission: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="The folder of a run, or a CSV file.", autocompletion=complete_run_folders
        ),
    ],
    sample: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The sample submission. Default: that of the run.", show_default=False
        ),
    ] = None,
    upload: Annotated[
        bool, typer.Option("--upload", metavar="", help="Upload it with the `kaggle` command.")
    ] = False,
    competition: Annotated[
        str | None,
        typer.Option(
            "--competition",
            "-c",
            metavar="NAME",
            help="Its name, or the address of its page.",
            show_default=False,
        ),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option(
            "--message",
            "-m",
            metavar="TEXT",
            help="What the server shows next to the score.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a submission as Kaggle's server does, and upload it on request.

    $ stackit submit runs/titanic
    $ stackit submit runs/titanic --sample gender_submission.csv
    $ stackit submit runs/titanic --upload --competition titanic -m "a try"
    $ stackit submit mine.csv --sample gender_submission.csv

    With --sample, the submission of a run is written again: in its order and
    with its columns. An upload needs the kaggle command (pip install kaggle),
    and counts as accepted when the server says so.
    """
    if upload and competition is None:
        raise usage_error("--competition", "given for --upload", "none", "Pass for example -c titanic")
    if competition is not None and not upload:
        raise usage_error("--competition", "left out without --upload", competition, "Pass --upload too")
    if sample is not None:
        check_file("--sample", sample)
    path, changes = _checked(submission, sample)
    facts: dict[str, Any] = {"file": path, "is_valid": True, "sample": sample, "changes": changes}
    if not as_json:
        _print_checked(submission, path, sample, changes, to_upload=upload)
    if competition is not None:
        facts |= _upload(path, competition, message)
        if not as_json:
            typer.echo(plain_text(_in_words(facts)))
    if as_json:
        print_json("submit", facts)
    if facts.get("status") == "pending":
        raise typer.Exit(ExitCode.TIMED_OUT)


def _checked(submission: Path, sample: Path | None) -> tuple[Path, list[str]]:
    """Return a file that is valid, and what is different in it now; that of a run gets like a sample."""
    from stackit.submission import check_submission

    changes: list[str] = []
    if sample is None or not submission.is_dir():
        path, expected = _submission_of(submission, sample)
    else:
        path = submission / "submission.csv"
        expected, changes = _write_like(submission, sample)
    with exit_on_error(ExitCode.SUBMISSION), print_warnings():
        check_submission(path, expected)
    return path, changes


def _print_checked(
    submission: Path, path: Path, sample: Path | None, changes: list[str], *, to_upload: bool
) -> None:
    like = f" like {sample}" if sample is not None else ""
    if changes:
        typer.echo(plain_text(f"{path} is written again{like}. {' '.join(changes)}"))
    typer.echo(plain_text(f"{path} is valid{like}."))
    if not to_upload:
        option = "" if sample is None else f" --sample {shlex.quote(str(sample))}"
        name = shlex.quote(str(submission))
        print_message(f"To hand in: stackit submit {name}{option} --upload --competition NAME")


def _submission_of(submission: Path, sample: Path | None) -> tuple[Path, Path | Sample]:
    """Return the file, and the sample that it must be like: for a run, that of its settings."""
    if not submission.is_dir():
        check_file("RUN", submission)
        if sample is None:
            raise usage_error("--sample", "given for a file", "none", "Pass --sample sample_submission.csv")
        return submission, sample
    run = _run_with_submission(submission)
    from stackit.runs.run_tables import read_tables
    from stackit.runs.submission_file import sample_of_run

    with exit_on_error(ExitCode.DATA):
        return run.path / "submission.csv", sample_of_run(run.config, read_tables(run.config))


def _write_like(submission: Path, sample: Path) -> tuple[Sample, list[str]]:
    """Write the submission of a run like a sample; return what it must have, and what is different now."""
    run = _run_with_submission(submission)
    from stackit.runs.resubmission import Resubmission

    with exit_on_error(ExitCode.DATA), print_warnings():
        again = Resubmission.of(run, sample)
    with exit_on_error(ExitCode.SUBMISSION):
        return again.sample, again.write()


def _run_with_submission(folder: Path) -> RunFolder:
    """Return a finished run with predictions of test rows."""
    from stackit.runs import RunFolder

    with exit_on_error(ExitCode.DATA):
        run = RunFolder.open(folder)
    if run.submission is None or not run.is_finished:
        what = "is not finished" if not run.is_finished else "has no test table"
        again = shlex.quote(str(folder))
        raise CommandError(ExitCode.DATA, f"The run in {folder} {what}. Type: stackit run {again}")
    return run


def _upload(path: Path, competition: str, message: str | None) -> dict[str, Any]:
    from stackit.submission import UploadError, upload_submission

    print_message(f"Uploading {path} ...")
    try:
        with exit_on_error(ExitCode.FAILED):
            done = upload_submission(path, competition, message=message)
    except CommandError as error:
        if isinstance(error.__cause__, UploadError):
            error.code = UPLOAD_FAILED[error.__cause__.reason]
        raise
    return {"competition": done.competition, "ref": done.ref, "status": done.status, "score": done.score}


def _in_words(facts: dict[str, Any]) -> str:
    if facts["status"] == "complete":
        return f"{facts['competition']} has scored it: {facts['score'] or 'the score is not public'}."
    return f"{facts['competition']} has accepted it and not scored it yet."
