"""Upload a submission with the `kaggle` command, and wait for the server's verdict."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from stackit.arrays import FilePath
from stackit.submission.checks import check_submission
from stackit.submission.kaggle_command import KaggleCommand, UploadError
from stackit.submission.sample import Sample
from stackit.validation import invalid_value

__all__ = ["Upload", "upload_submission"]

ADDRESS = re.compile(r"kaggle\.com/(?:c|competitions)/([\w-]+)")
NAME = re.compile(r"[a-zA-Z0-9][\w-]*")
REF = re.compile(r"Submission ref: (\d+)")
LONGEST_PAUSE = 30.0  # seconds between two calls
LATEST_ARRIVAL = 60.0  # seconds after which a submission that is not listed has not arrived


@dataclass(frozen=True)
class Upload:
    """What the server says of a submission.

    Parameters
    ----------
    competition : str
        The name of the competition in its address.
    ref : str
        The number of the submission; "" where the command does not print it.
    status : {"complete", "pending"}
        Whether the server has scored it.
    score : str
        The public score, as the server writes it; "" where there is none yet.

    Examples
    --------
    >>> Upload("titanic", "56073536", "complete", "0.77511").score
    '0.77511'
    """

    competition: str
    ref: str
    status: Literal["complete", "pending"]
    score: str


def upload_submission(
    path: FilePath,
    competition: str,
    *,
    message: str | None = None,
    sample: FilePath | pd.DataFrame | Sample | None = None,
    timeout: float = 600.0,
    poll_interval: float = 5.0,
) -> Upload:
    """Upload a submission with the `kaggle` command, and return what the server says of it.

    Only the server's list of submissions counts. The exit code does not, since the command has ended with 0
    after failed uploads, nor what it prints: it has reported success where no submission was left.

    Parameters
    ----------
    path : path
        The file.
    competition : str
        The name of the competition, or the address of its page.
    message : str, optional
        The description of the submission. Default: the name of the file.
    sample : path, data frame or Sample, optional
        The sample submission, or what `sample_of_test` makes; `check_submission` is called with it first.
    timeout : float
        The seconds after which a submission that is not scored yet is returned as pending.
    poll_interval : float
        The seconds between the first calls that ask for the status.

    Returns
    -------
    Upload
        The status and the public score.

    Raises
    ------
    UploadError
        With one sentence and a `reason`, if the command is missing or fails, credentials are missing, the
        rules of the competition are not accepted, no submission is left today, the upload did not arrive, or
        the server refuses the file; then with its words.
    ValueError
        If the file is not valid like the sample, or the name of the competition cannot be one.

    Examples
    --------
    >>> import os, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "submission.csv"
    >>> _ = file.write_text("PassengerId,Survived\\n892,0\\n")
    >>> os.environ["PATH"], path = "", os.environ["PATH"]
    >>> upload_submission(file, "titanic")
    Traceback (most recent call last):
        ...
    stackit.submission.kaggle_command.UploadError: The command kaggle is not installed. Install it with: ...
    >>> os.environ["PATH"] = path
    """
    file = Path(path)
    if sample is not None:
        check_submission(file, sample)
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}. Write the submission first.")
    kaggle = KaggleCommand(_name_of(competition), timeout)
    description = message or file.name
    before = {_key(row) for row in kaggle.submissions()}
    ref, failure = _submit(kaggle, str(file), description)
    start, pause = time.monotonic(), poll_interval
    while True:
        row = _find(kaggle.submissions(), ref, description, before)
        waited = time.monotonic() - start
        if row is None:
            _check_arrival(kaggle, failure, waited)
        elif _status(row) == "error":
            raise _refused(kaggle, row)
        if row is not None and (_status(row) == "complete" or waited + pause > timeout):
            status: Literal["complete", "pending"] = "complete" if _status(row) == "complete" else "pending"
            return Upload(kaggle.competition, row.get("ref", ref), status, row.get("publicScore", ""))
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _name_of(competition: str) -> str:
    """Return the name of a competition in its address, given that or the address."""
    found = ADDRESS.search(competition)
    name = found[1] if found else competition
    if not NAME.fullmatch(name):
        expected = "the name of a competition in the address of its page"
        raise invalid_value("competition", expected, f"{competition=}", "Pass competition='titanic'")
    return name


def _submit(kaggle: KaggleCommand, file: str, description: str) -> tuple[str, UploadError | None]:
    """Upload a file; return the number of the submission, "" if it is not printed, and what failed."""
    try:
        printed = kaggle.submit(file, description)
    except UploadError as error:
        return "", error
    found = REF.search(printed)
    return found[1] if found else "", None


def _key(row: dict[str, str]) -> tuple[str, ...]:
    """Return what tells submissions apart, and stays the same while they are scored."""
    return tuple(row.get(name, "") for name in ("ref", "fileName", "date", "description"))


def _find(
    rows: list[dict[str, str]], ref: str, description: str, before: set[tuple[str, ...]]
) -> dict[str, str] | None:
    """Return the submission with a number, or else the newest one with the description."""
    if ref and rows and "ref" in rows[0]:
        return next((row for row in rows if row["ref"] == ref), None)
    new = (row for row in rows if _key(row) not in before and row.get("description") == description)
    return next(new, None)


def _status(row: dict[str, str]) -> str:
    """Return a status in the words of all versions of the command: "SubmissionStatus.ERROR" is "error"."""
    return row.get("status", "").rpartition(".")[2].lower()


def _check_arrival(kaggle: KaggleCommand, failure: UploadError | None, waited: float) -> None:
    """Raise an UploadError if a submission that the server does not list will not appear there."""
    if failure is None and waited < LATEST_ARRIVAL and not kaggle.is_at_limit():
        return
    if kaggle.is_at_limit():
        raise UploadError(
            f"No submission to {kaggle.competition} is left today. Submit again tomorrow (UTC).", "refused"
        )
    raise failure or UploadError(
        f"The command kaggle reports no error, but Kaggle does not list the submission. See "
        f"https://www.kaggle.com/competitions/{kaggle.competition}/submissions."
    )


def _refused(kaggle: KaggleCommand, row: dict[str, str]) -> UploadError:
    """Return the error of a submission that the server could not score, with its words."""
    reason = kaggle.reason(row["ref"]) if row.get("ref") else ""
    page = f"https://www.kaggle.com/competitions/{kaggle.competition}/submissions"
    why = f": {reason}" if reason else ""
    return UploadError(f"Kaggle refuses the submission{why}. Correct the file; {page} shows more.", "refused")
