"""The `kaggle` command: its calls, and one sentence for each way in which they fail."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

__all__ = ["KaggleCommand", "UploadError"]

LIMIT_REACHED = re.compile(r"Remaining today: 0\b")
ERROR_OF_SUBMISSION = re.compile(r"^Error: *(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
Reason = Literal["no kaggle", "unreachable", "refused", "failed"]
# The reason and what is said where the output of a call shows one of these, in this order; {name} is the
# competition, and {0} what the first group of the pattern holds.
FAILURES: dict[str, tuple[Reason, str]] = {
    r"No module named '(\w+)'": (
        "no kaggle",
        "kaggle does not start without {0}. Install it with: pip install {0}",
    ),
    r"\b401\b|Unauthorized|Authentication required|kaggle\.json|kaggle auth login": (
        "no kaggle",
        "kaggle has no valid credentials. Log in with: kaggle auth login",
    ),
    r"\b403\b|Forbidden|accept (?:its|the) rules": (
        "refused",
        "Kaggle refuses access to the competition {name}. Accept its rules on "
        "https://www.kaggle.com/competitions/{name}/rules, or correct its name",
    ),
    r"\b404\b|Not Found|Could not find competition": (
        "refused",
        "Kaggle has no competition {name} that takes submissions. Look for its name with: "
        "kaggle competitions list -s {name}",
    ),
    r"\b429\b|rate.limit": (
        "refused",
        "Kaggle refuses so many calls in such a short time. Wait a minute, and submit again",
    ),
    r"(?i)\b(?:daily|maximum|no) (?:\w+ ){0,3}submissions?|submission limit": (
        "refused",
        "No submission to {name} is left today. Submit again tomorrow (UTC)",
    ),
    r"Could not submit to competition": ("failed", "The upload to {name} failed on its way. Submit again"),
    r"ConnectionError|Max retries|NameResolution|timed out|Temporary failure": (
        "unreachable",
        "Kaggle cannot be reached. Check the network, and submit again",
    ),
}


class UploadError(OSError):
    """An upload that failed, or a submission that the server refuses.

    Attributes
    ----------
    reason : {"no kaggle", "unreachable", "refused", "failed"}
        Whether the `kaggle` command is missing or not logged in, Kaggle did not reply in time, or it refuses
        the submission; "failed" is all else.
    """

    def __init__(self, text: str, reason: Reason = "failed") -> None:
        super().__init__(text)
        self.reason: Reason = reason


@dataclass(frozen=True)
class KaggleCommand:
    """The `kaggle` command for one competition; exit codes are not relied on.

    Parameters
    ----------
    competition : str
        The name of the competition in its address.
    timeout : float
        The seconds that one call may take.
    """

    competition: str
    timeout: float

    def submit(self, file: str, message: str) -> str:
        """Upload a file, and return what the command printed; this does not say that it was successful."""
        return self._call("submit", f"--file={file}", f"--message={message}")

    def submissions(self) -> list[dict[str, str]]:
        """Return the newest submissions, with the names that the command gives to their parts."""
        printed = self._call("submissions", "--csv")
        lines = printed.splitlines()
        starts = [at for at, line in enumerate(lines) if "status" in line.split(",")]
        # Warnings are printed to the same place, before the table.
        return [*csv.DictReader(lines[starts[0] :])] if starts else []

    def reason(self, ref: str) -> str:
        """Return why the server refuses a submission; "" where the command does not say it."""
        try:
            found = ERROR_OF_SUBMISSION.search(self._call("submission", ref, of_competition=False))
        except UploadError:
            return ""
        return "" if found is None else _one_line(found[1])

    def is_at_limit(self) -> bool:
        """Whether no submission is left today; False where the command does not say it."""
        try:
            return bool(LIMIT_REACHED.search(self._call("submission-limits")))
        except UploadError:
            return False

    def _call(self, action: str, *options: str, of_competition: bool = True) -> str:
        """Run the command, and return what it prints; raise an UploadError where it failed in a known way."""
        program = shutil.which("kaggle")
        if program is None:
            raise UploadError(
                "The command kaggle is not installed. Install it with: pip install kaggle", "no kaggle"
            )
        name = [self.competition] if of_competition else []
        command = [program, "competitions", action, *name, *options]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UploadError(
                f"kaggle competitions {action} took more than {self.timeout:g} seconds. Check the network, "
                "and submit again.",
                "unreachable",
            ) from error
        if done.returncode or "Could not submit" in done.stdout:
            raise self._failure(action, f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def _failure(self, action: str, printed: str) -> UploadError:
        for pattern, (reason, sentence) in FAILURES.items():
            found = re.search(pattern, printed)
            if found:
                return UploadError(sentence.format(*found.groups(), name=self.competition) + ".", reason)
        lines = [line for line in printed.splitlines() if line.strip()]
        last = _one_line(lines[-1]) if lines else "it printed nothing"
        return UploadError(f"kaggle competitions {action} failed ({last}). Run it yourself to see more.")


def _one_line(text: str) -> str:
    """Return a text of the server in one line that a terminal shows as it is."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
