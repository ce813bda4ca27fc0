"""The start of a process includes what it did before the first line of stackit ran."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from stackit.cli.process_start import process_start

SCRIPT = """
import time
time.sleep(0.3)
from stackit.cli.process_start import process_start
print(process_start())
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say when it started")
def test_time_before_the_import_counts():
    before = time.monotonic()
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=root
    )
    started = float(done.stdout)
    assert before - 0.05 <= started <= time.monotonic() - 0.3


def test_where_the_system_does_not_say_it_starts_now(monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules[process_start.__module__], "STATUS", tmp_path / "none")
    before = time.monotonic()
    assert before <= process_start() <= time.monotonic()
