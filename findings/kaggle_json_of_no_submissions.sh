#!/usr/bin/env bash
# kaggle 2.2.5: `kaggle competitions submissions NAME --format json` prints no JSON where there are no submissions.
#
# Expected: `--format json` always prints JSON: an empty array where there is nothing, and a status as the server has it,
#   "COMPLETE" or "complete".
# Observed: without submissions it prints the sentence "No submissions found", with exit code 0, so that what reads the
#   output breaks for the first submission to a competition. With submissions, the status is the text of a member of a
#   Python enumeration, "SubmissionStatus.COMPLETE".
# The command is called with two lists of submissions in place of the server's; nothing is sent.
# Output seen:
#   none: 'No submissions found'
#   one: '[{"ref": 7, "status": "SubmissionStatus.COMPLETE"}]'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME="$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    kaggle==2.2.5 kagglesdk==0.1.38 python-dateutil==4.0.0 six==1.17.0
cat > "$folder/submissions.py" <<'PYTHON'
import contextlib
import io
import json

with contextlib.redirect_stdout(io.StringIO()):  # the import prints how to log in
    from kaggle.api.kaggle_api_extended import KaggleApi
from kagglesdk.competitions.types.competition_api_service import ApiSubmission
from kagglesdk.competitions.types.submission_status import SubmissionStatus


def printed(submissions):
    api = KaggleApi()
    api.competition_submissions = lambda *arguments, **options: submissions
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        api.competition_submissions_cli("titanic", output_format="json(ref,status)")
    return output.getvalue().strip()


one = ApiSubmission()
one.ref = 7
one.status = SubmissionStatus.COMPLETE
none = printed([])
some = json.dumps(json.loads(printed([one])))
print(f"none: {none!r}\none: {some!r}")
assert none == "No submissions found"
assert some == '[{"ref": 7, "status": "SubmissionStatus.COMPLETE"}]'
PYTHON
"$folder/venv/bin/python" "$folder/submissions.py"
