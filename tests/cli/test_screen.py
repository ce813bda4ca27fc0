"""The live table goes on while the process of the run is busy, and ends with it."""

import contextlib
import math
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from stackit.cli.screen import TICK, Screen
from stackit.progress import ProgressEvent
from tests.cli.calls import ROOT

pty = pytest.importorskip("pty")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

EVENTS = [
    ProgressEvent(kind="members", members=("linear", "net"), n_splits=2),
    ProgressEvent(kind="start", member="net", splits=(0,), elapsed=60.0, remaining=600.0),
]
BUSY = """
import sys, time
from stackit.cli.screen import Screen
from stackit.progress.events import ProgressEvent
screen = Screen(sys.stderr)
screen(ProgressEvent(kind="members", members=("linear", "net"), n_splits=2))
print(screen._process.pid, flush=True)
time.sleep(60)
"""


def read_all(terminal):
    """Return what was written to a terminal, until it is closed."""
    found = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # of a terminal that is closed, on Linux
            return found.decode()
        if not part:
            return found.decode()
        found += part


def test_it_ticks_while_the_run_does_nothing_but_fit():
    terminal, file = pty.openpty()
    os.set_blocking(terminal, False)
    text, end = "", time.monotonic() + 60
    with open(file, "w", encoding="utf-8") as stream:
        screen = Screen(stream)
        for event in EVENTS:
            screen(event)
        while len(set(re.findall(r"1m\d+s so far", text))) < 3 and time.monotonic() < end:
            math.sqrt(2)  # no event comes, as during a fit
            with contextlib.suppress(BlockingIOError):
                text += os.read(terminal, 1 << 16).decode(errors="replace")
        screen.close()
        screen.close()
    os.set_blocking(terminal, True)
    text += read_all(terminal)
    assert len(set(re.findall(r"1m\d+s so far", text))) >= 3
    assert len(set(re.findall(r"fitting net \((\d+\.\d)s\)", text))) >= 2
    assert re.search(r"9m5\ds left", text)
    assert "fitting" not in text[text.rindex("member") :]


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_ends_with_a_run_that_is_killed_and_shows_the_cursor_again():
    terminal, file = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=-1, stderr=file, env=environment) as run:
        os.close(file)
        drawing = int(run.stdout.readline())
        assert is_alive(drawing)
        time.sleep(TICK)
        run.send_signal(signal.SIGKILL)
    text = read_all(terminal)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    end = time.monotonic() + 10
    while is_alive(drawing) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(drawing)


def test_a_drawing_process_that_is_killed_does_not_stop_the_run():
    _, file = pty.openpty()
    with open(file, "w", encoding="utf-8") as stream:
        screen = Screen(stream)
        screen._process.kill()
        screen._process.join()
        for event in EVENTS:
            screen(event)
        screen.close()
    assert screen.board.running == ["net"]
