#!/usr/bin/env bash
# distributed 2026.8.0 (with tblib 3.2.2): once it is imported, a pickled UnicodeDecodeError comes back empty.
#
# Expected: importing a library does not change how Python's own exceptions are pickled; a UnicodeDecodeError
#   comes out of a pickle with its message.
# Observed: distributed has tblib register its own way for all exceptions, which rebuilds them without calling
#   their constructor; what a UnicodeDecodeError keeps in C (encoding, object, start, end) is lost, and its
#   text is empty, also for code that knows nothing of distributed.
# Output seen:
#   before: 'utf-8' codec can't decode byte 0xff in position 0: no start
#   after:
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check distributed==2026.8.0 tblib==3.2.2
cat > "$folder/errors.py" <<'PYTHON'
import pickle

error = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no start")
before = str(pickle.loads(pickle.dumps(error)))
import distributed

after = str(pickle.loads(pickle.dumps(error)))
print(f"before: {before}")
print(f"after: {after}")
assert before == str(error) and after == ""
PYTHON
"$folder/venv/bin/python" "$folder/errors.py"
