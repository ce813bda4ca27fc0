"""The server's list of submissions decides: not the exit code of `kaggle`, and not what it prints."""

import os

import pandas as pd
import pytest

from stackit.submission import Upload, UploadError, upload_submission

# Prints what the real command prints, from the files next to it: ACTION.out, ACTION.err and ACTION.rc; the
# calls of "submissions" are numbered from 0, and the last numbered file stays.
STAND_IN = """#!/bin/sh
here=${0%/*}
name=$2
printf '%s\\n' "$*" >> "$here/calls"
if [ "$name" = submissions ]; then
    n=0
    while [ -e "$here/seen.$n" ] && [ -e "$here/submissions.$((n + 1)).out" ]; do n=$((n + 1)); done
    : > "$here/seen.$n"
    name=submissions.$n
fi
print() {
    if [ -e "$1" ]; then while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done < "$1"; fi
}
print "$here/$name.out"
print "$here/$name.err" >&2
code=0
[ -e "$here/$name.rc" ] && read -r code < "$here/$name.rc"
exit "$code"
"""
NAMES = "ref,fileName,date,description,status,publicScore,privateScore\n"
OLD = "1,s.csv,2026-11-01 10:00:00,s.csv,SubmissionStatus.COMPLETE,0.70000,\n"
PENDING = "7,s.csv,2026-11-30 10:00:00,s.csv,SubmissionStatus.PENDING,,\n"
COMPLETE = "7,s.csv,2026-11-30 10:00:00,s.csv,SubmissionStatus.COMPLETE,0.77511,\n"
ERROR = "7,s.csv,2026-11-30 10:00:00,s.csv,SubmissionStatus.ERROR,,\n"
SUBMITTED = "Submission ref: 7\n9 submissions remaining today.\nSuccessfully submitted to Titanic\n"
OUTDATED = (
    "Warning: Looks like you're using an outdated `kaggle` version (installed: 2.2.4), please consider\n"
)
SCORED = {
    "submissions.0.out": NAMES + OLD,
    "submit.out": SUBMITTED,
    "submissions.1.out": NAMES + COMPLETE + OLD,
}
DETAILS = """Submission Ref:  7
Status:          ERROR
Error:           ERROR: Unexpected Column:  'NotAnId' (Line 1, Column 1)
                 ERROR: Required column 'PassengerId' could not be found
Public Score:
Private Score:
Description:     s.csv
"""


@pytest.fixture
def kaggle(tmp_path, monkeypatch):
    """Return a function that puts a stand-in for `kaggle` on the path, and uploads a file by it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "kaggle"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    file = tmp_path / "s.csv"
    file.write_text("PassengerId,Survived\n892,0\n893,1\n")

    def upload(files, competition="titanic", **options):
        for name, text in files.items():
            (folder / name).write_text(text)
        upload.calls = folder / "calls"
        return upload_submission(file, competition, **{"poll_interval": 0.01, "timeout": 60, **options})

    return upload


def test_a_submission_that_is_scored_returns_its_score(kaggle, tmp_path):
    assert kaggle(SCORED) == Upload("titanic", "7", "complete", "0.77511")
    assert kaggle.calls.read_text().splitlines() == [
        "competitions submissions titanic --csv",
        f"competitions submit titanic --file={tmp_path / 's.csv'} --message=s.csv",
        "competitions submissions titanic --csv",
    ]


def test_the_status_is_polled_until_it_is_final(kaggle):
    later = {"submissions.2.out": NAMES + PENDING + OLD, "submissions.3.out": NAMES + COMPLETE + OLD}
    assert kaggle({**SCORED, "submissions.1.out": NAMES + PENDING + OLD, **later}).score == "0.77511"


def test_what_is_not_scored_in_time_is_pending(kaggle):
    files = {**SCORED, "submissions.1.out": NAMES + PENDING + OLD}
    assert kaggle(files, timeout=30, poll_interval=31) == Upload("titanic", "7", "pending", "")


def test_older_versions_print_no_numbers_and_plain_words(kaggle):
    names = "fileName,date,description,status,publicScore,privateScore\n"
    old = "s.csv,2026-11-01 10:00:00,s.csv,complete,0.70000,None\n"
    new = "s.csv,2026-11-30 10:00:00,s.csv,complete,0.77511,None\n"
    files = {"submissions.0.out": names + old, "submissions.1.out": names + new + old}
    assert kaggle({**files, "submit.out": "Successfully submitted to Titanic"}).score == "0.77511"


def test_warnings_before_the_table_and_a_first_submission_are_understood(kaggle):
    files = {"submissions.0.out": "No submissions found\n", "submissions.1.out": OUTDATED + NAMES + COMPLETE}
    assert kaggle({**SCORED, **files}).status == "complete"


def test_the_address_of_a_competition_is_its_name(kaggle):
    assert kaggle(SCORED, "https://www.kaggle.com/competitions/titanic/overview").competition == "titanic"
    with pytest.raises(ValueError, match="competition must be the name of a competition in the address"):
        kaggle(SCORED, "--help")


def test_a_submission_that_is_refused_is_an_error_with_the_words_of_the_server(kaggle):
    files = {"submissions.1.out": NAMES + ERROR + OLD, "submission.out": DETAILS}
    with pytest.raises(UploadError) as caught:
        kaggle({**SCORED, **files})
    assert caught.value.reason == "refused"
    assert str(caught.value) == (
        "Kaggle refuses the submission: ERROR: Unexpected Column: 'NotAnId' (Line 1, Column 1) ERROR: "
        "Required column 'PassengerId' could not be found. Correct the file; "
        "https://www.kaggle.com/competitions/titanic/submissions shows more."
    )


def test_a_submission_that_arrived_counts_although_the_command_failed(kaggle):
    failed = {"submit.out": "", "submit.err": "ReadTimeout: read timed out\n", "submit.rc": "1"}
    assert kaggle({**SCORED, **failed}).score == "0.77511"


FAILURES = {
    "an upload that fails with exit code 0": (
        {"submit.out": "Could not submit to competition"},
        "The upload to titanic failed on its way. Submit again.",
    ),
    "an upload that fails with exit code 1": (
        {"submit.out": "", "submit.err": "Could not submit to competition\n", "submit.rc": "1"},
        "The upload to titanic failed on its way. Submit again.",
    ),
    "success where no submission is left": (
        {
            "submit.out": "Successfully submitted to Titanic\n",
            "submission-limits.out": "Remaining today: 0\n",
        },
        "No submission to titanic is left today. Submit again tomorrow (UTC).",
    ),
    "a daily limit": (
        {
            "submit.out": "",
            "submit.err": "400 Client Error: Bad Request for url: https://api.kaggle.com\n",
            "submit.rc": "1",
            "submission-limits.out": "Submissions today: 10\nLifetime submissions: 47\nRemaining today: 0\n",
        },
        "No submission to titanic is left today. Submit again tomorrow (UTC).",
    ),
    "no credentials": (
        {
            "submissions.0.out": "Authentication required to call the Kaggle API.\n\nFirst, ",
            "submissions.0.rc": "1",
        },
        "kaggle has no valid credentials. Log in with: kaggle auth login.",
    ),
    "rules that are not accepted": (
        {
            "submissions.0.out": "",
            "submissions.0.err": "403 Client Error: Forbidden for url: https://api.kaggle.com/v1/competitions\n",
            "submissions.0.rc": "1",
        },
        "Kaggle refuses access to the competition titanic. Accept its rules on "
        "https://www.kaggle.com/competitions/titanic/rules, or correct its name.",
    ),
    "a name that does not exist": (
        {
            "submissions.0.out": "",
            "submissions.0.err": "404 Client Error: Not Found for url\n",
            "submissions.0.rc": "1",
        },
        "Kaggle has no competition titanic that takes submissions. Look for its name with: "
        "kaggle competitions list -s titanic.",
    ),
    "too many calls": (
        {
            "submissions.0.out": "",
            "submissions.0.err": "429 Client Error: Too Many\n",
            "submissions.0.rc": "1",
        },
        "Kaggle refuses so many calls in such a short time. Wait a minute, and submit again.",
    ),
    "no network": (
        {
            "submissions.0.out": "",
            "submissions.0.err": "ConnectionError: HTTPSConnectionPool(host='api.kaggle.com'): Max retries\n",
            "submissions.0.rc": "1",
        },
        "Kaggle cannot be reached. Check the network, and submit again.",
    ),
    "an installation that lacks a module": (
        {
            "submissions.0.out": "",
            "submissions.0.err": "  File x\nModuleNotFoundError: No module named 'six'\n",
            "submissions.0.rc": "1",
        },
        "kaggle does not start without six. Install it with: pip install six.",
    ),
    "anything else": (
        {"submissions.0.out": "", "submissions.0.err": "x\n\x1b[31mOops\n", "submissions.0.rc": "1"},
        "kaggle competitions submissions failed ([31mOops). Run it yourself to see more.",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_each_failure_is_one_sentence(kaggle, case):
    files, text = FAILURES[case]
    with pytest.raises(UploadError) as caught:
        kaggle({"submissions.0.out": NAMES + OLD, "submit.out": SUBMITTED, **files})
    assert str(caught.value) == text
    refused = "refuses" in text or "has no competition" in text or "is left today" in text
    missing = "pip install" in text or "credentials" in text
    unreachable = "cannot be reached" in text
    expected = [refused * "refused", missing * "no kaggle", unreachable * "unreachable"]
    assert caught.value.reason == ("".join(expected) or "failed")


def test_a_submission_that_never_appears_did_not_arrive(kaggle, monkeypatch):
    monkeypatch.setattr("stackit.submission.upload.LATEST_ARRIVAL", 0.0)
    with pytest.raises(UploadError, match="reports no error, but Kaggle does not list the submission"):
        kaggle({"submissions.0.out": NAMES + OLD, "submit.out": SUBMITTED})


def test_a_command_that_hangs_is_stopped(kaggle):
    script = f"#!/bin/sh\nexec {os.path.realpath('/bin/sleep')} 30\n"
    with pytest.raises(UploadError, match=r"kaggle competitions submissions took more than 0\.2 seconds"):
        kaggle({"kaggle": script}, timeout=0.2)


def test_without_the_command_its_installation_is_named(kaggle, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UploadError, match=r"kaggle is not installed\. Install it with: pip install kaggle"):
        kaggle({})


def test_a_file_that_is_not_valid_is_not_uploaded(kaggle):
    sample = pd.DataFrame({"PassengerId": [892, 893, 894], "Survived": [0, 1, 0]})
    with pytest.raises(ValueError, match="Submission must have 3 rows"):
        kaggle(SCORED, sample=sample)
    assert not kaggle.calls.exists()
    assert kaggle(SCORED, sample=sample.iloc[:2]).status == "complete"
