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
        typer.Option(help="The sample submission. Default: that of the run.", show_default=False),
    ] = None,
    upload: Annotated[bool, typer.Option("--upload", help="Upload it with the `kaggle` command.")] = False,
    competition: Annotated[
        str | None,
        typer.Option("--competition", "-c", help="Its name, or the address of its page.", show_default=False),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("--message", "-m", help="What the server shows next to the score.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a submission, and upload it on request.

    $ stackit submit runs/titanic --sample gender_submission.csv

    $ stackit submit runs/titanic --upload --competition titanic -m "quick preset"

    The check gives the reasons that Kaggle's server would give. Whether an upload was accepted is decided by
    the status that the server reports.
    """
    if upload and competition is None:
        raise usage_error("--competition", "given for --upload", "none", "Pass for example -c titanic")
    if competition is not None and not upload:
        raise usage_error("--competition", "left out without --upload", competition, "Pass --upload too")
    if sample is not None:
        check_file("--sample", sample)
    path, expected = _submission_of(submission, sample)
    from stackit.submission import check_submission

    with exit_on_error(ExitCode.SUBMISSION), print_warnings():
        check_submission(path, expected)
    facts: dict[str, Any] = {"file": path, "is_valid": True, "sample": sample}
    if not as_json:
        checked_by = f" like {sample}" if sample is not None else ""
        typer.echo(plain_text(f"{path} is valid{checked_by}."))
    if competition is not None:
        facts |= _upload(path, competition, message)
        if not as_json:
            typer.echo(plain_text(_in_words(facts)))
    elif not as_json:
        name = shlex.quote(str(submission))
        print_message(f"To hand in: stackit submit {name} --upload --competition NAME")
    if as_json:
        print_json("submit", facts)
    if facts.get("status") == "pending":
        raise typer.Exit(ExitCode.TIMED_OUT)


def _submission_of(submission: Path, sample: Path | None) -> tuple[Path, Path | Sample]:
    """Return the file, and the sample that it must be like."""
    if not submission.is_dir():
        check_file("RUN", submission)
        if sample is None:
            raise usage_error("--sample", "given for a file", "none", "Pass --sample sample_submission.csv")
        return submission, sample
    from stackit.runs import RunFolder

    with exit_on_error(ExitCode.DATA):
        run = RunFolder.open(submission)
    path = run.submission
    if path is None:
        what = "is not finished" if not run.is_finished else "has no test table"
        again = shlex.quote(str(submission))
        raise CommandError(ExitCode.DATA, f"The run in {submission} {what}. Type: stackit run {again}")
    if sample is not None:
        return path, sample
    from stackit.runs.run_tables import read_tables
    from stackit.runs.submission_file import sample_of_run

    with exit_on_error(ExitCode.DATA):
        return path, sample_of_run(run.config, read_tables(run.config))


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
