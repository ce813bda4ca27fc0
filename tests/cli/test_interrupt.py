"""Ctrl-C ends a run within seconds, wherever the interrupt arrives and whatever swallows it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from stackit.cli.errors import ExitCode
from stackit.cli.interrupt import Interrupt
from stackit.runs import RunFolder
from tests.cli.calls import ROOT
from tests.cli.quick_run import write_tables

STUBBORN = """
import time
from stackit.cli import interrupt
interrupt.PATIENCE = {patience}
def wait():
    print("ready", flush=True)
    while True:
        time.sleep(0.01)  # a signal just before a long sleep would be seen after it only
with interrupt.Interrupt(lambda: print("last words", flush=True)):
    while True:
        try:
            wait()
        except KeyboardInterrupt:
            print("swallowed", flush=True)
"""
RUN = """
from stackit.cli import interrupt, main
from tests.cli.quick_run import *
interrupt.PATIENCE = 1.0
use(stubborn_portfolio)
main()
"""


def started(code, *arguments, cwd=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, cwd=cwd, env=environment)


def test_an_interrupt_that_was_swallowed_is_raised_at_the_next_event():
    seen = []
    with Interrupt(lambda: None) as interrupt:
        observer = interrupt.watch(seen.append)
        observer("before")
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            observer("after")
    assert seen == ["before"]


class Interrupted:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_where_exceptions_are_ignored_is_not_lost(monkeypatch):
    """As in `__del__`; after a fork `logging` has a hook in which a signal that arrived meanwhile is lost."""
    swallowed = []
    monkeypatch.setattr(sys, "unraisablehook", swallowed.append)
    with Interrupt(lambda: None) as interrupt:
        observer = interrupt.watch(lambda event: None)
        observer("before")
        Interrupted()
        assert len(swallowed) == 1
        with pytest.raises(KeyboardInterrupt):
            observer("after")


def test_the_handler_from_before_is_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_leaves_signals_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with Interrupt(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_what_goes_on_after_an_interrupt_is_ended_by_force():
    with started(STUBBORN.format(patience=0.5)) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert out == "swallowed\nready\nlast words\n"
    assert process.returncode == ExitCode.INTERRUPTED


def test_a_second_interrupt_ends_at_once():
    with started(STUBBORN.format(patience=600)) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "swallowed\n"
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert out == "last words\n"
    assert process.returncode == ExitCode.INTERRUPTED


def test_a_fit_that_swallows_the_interrupt_does_not_keep_a_run_alive(tmp_path):
    options = "run train.csv --target bought --id key --preset quick --folds 3 --n-jobs 1 -o it".split()
    with started(RUN, *options, cwd=write_tables(tmp_path)) as process:
        for line in process.stderr:
            if line.startswith("stubborn"):
                break
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        out, rest = process.communicate(timeout=60)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, ""), rest
    assert rest.endswith("kept. To go on: stackit run it\n")
    assert time.monotonic() - sent < 30
    assert RunFolder.open(tmp_path / "it").manifest["status"] == "interrupted"
