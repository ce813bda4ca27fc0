#!/usr/bin/env bash
# torch 2.13.0 with threadpoolctl 3.6.0: a limit of one OpenMP thread does not hold where torch is first used.
#
# Expected: inside threadpool_limits(1) torch computes on one thread, as numpy and scikit-learn do, whether
#   or not it was used before.
# Observed: torch sets the OpenMP threads of a thread of the program at its first use there, to the number
#   given to torch.set_num_threads, over the limit that is in force. Used once before, it keeps to the limit.
# Output seen:
#   first use inside the limit: 2
#   used before the limit: 1
# So a library that limits threads around a fit has to let torch set its number first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 threadpoolctl==3.6.0 numpy==2.4.6
cat > "$folder/threads.py" <<'PYTHON'
import sys

import torch
from threadpoolctl import threadpool_limits

torch.set_num_threads(2)
if sys.argv[1] == "before":
    torch.get_num_threads()
with threadpool_limits(1):
    print(torch.get_num_threads())
PYTHON
inside=$("$folder/venv/bin/python" "$folder/threads.py" inside)
before=$("$folder/venv/bin/python" "$folder/threads.py" before)
echo "first use inside the limit: $inside"
echo "used before the limit: $before"
[ "$inside" = 2 ] && [ "$before" = 1 ]
