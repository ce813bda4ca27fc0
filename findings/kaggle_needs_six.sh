#!/usr/bin/env bash
# kaggle 2.2.5: a new installation does not start, since it imports six, which it does not require.
#
# Expected: after `pip install kaggle`, the command `kaggle --version` prints the version.
# Observed: kaggle/models/upload_file.py imports six. It is not among the requirements; python-dateutil, which is, brought
#   it along until version 4.0.0. Without six, every command ends in a traceback. With six installed, all is well.
# Output seen:
#   alone: exit code 1, ModuleNotFoundError: No module named 'six'
#   with six: exit code 0, Kaggle CLI 2.2.5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME="$folder"
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip --quiet --disable-pip-version-check"
$pip install kaggle==2.2.5 kagglesdk==0.1.38 python-dateutil==4.0.0
outcome() {
    local code=0
    "$folder/venv/bin/kaggle" --version > "$folder/printed" 2>&1 || code=$?
    echo "exit code $code, $(tail -n 1 "$folder/printed")"
}
alone=$(outcome)
echo "alone: $alone"
$pip install six==1.17.0
with_six=$(outcome)
echo "with six: $with_six"
[ "$alone" = "exit code 1, ModuleNotFoundError: No module named 'six'" ]
[ "$with_six" = "exit code 0, Kaggle CLI 2.2.5" ]
