"""A run that is killed leaves a stack that predicts, and goes on where it was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stackit import DiskStore, TabularStackClassifier
from stackit.presets import tabular_stack
from stackit.presets.scheduler import checkpoint as checkpoint_module
from tests.presets.tiny_members import SlowClassifier, classifiers, member, raw_table

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from stackit import DiskStore, TabularStackClassifier
from tests.presets.scheduler import test_checkpoint as here
here.checkpoint_module.EARLY = 0.0
here.tabular_stack.portfolio = here.portfolio_with_a_slow_member(seconds=3.0)
here.fit(DiskStore(sys.argv[1]))
"""


def portfolio_with_a_slow_member(seconds):
    return lambda preset, shape: [classifiers()[0], member("slow", SlowClassifier(seconds))]


def fit(store, **kwargs):
    frame, labels, _ = raw_table(150)
    options = {"preset": "quick", "cv": 5, "n_jobs": 1, "verbose": 0, "time_limit": 60, **kwargs}
    return TabularStackClassifier(**options, store=store).fit(frame, labels)


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setattr(checkpoint_module, "EARLY", 0.0)  # what is saved early, too
    monkeypatch.setattr(tabular_stack, "portfolio", portfolio_with_a_slow_member(seconds=0.01))


def n_linear(store):
    return int((store.list()["estimator"] == "linear").sum())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process")
def test_a_killed_run_leaves_a_stack_that_predicts_and_goes_on(tmp_path, slow):
    store, file = DiskStore(tmp_path), tmp_path / "stack.stackit"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    child = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and child.poll() is None:
            if file.exists() and n_linear(store) == 5:
                break
            time.sleep(0.05)
        was_killed = child.poll() is None
    finally:
        child.kill()
        child.wait()
    frame, labels, _ = raw_table(100, seed=1)
    loaded = TabularStackClassifier.load(file, trusted=["tests.presets.tiny_members.SlowClassifier"])
    assert (loaded.predict(frame) == labels).mean() > 0.65
    assert not np.isnan(loaded.score_)
    assert was_killed
    assert n_linear(store) == 5
    again = fit(store)
    assert again.oof_["linear"].fold_estimators.n_missing == 5
    assert again.oof_["slow"].fold_estimators[0].steps[-1][1].seconds == 0.01


def test_what_came_out_of_the_store_is_not_fitted_again_to_be_saved(tmp_path, slow, monkeypatch):
    monkeypatch.setattr(tabular_stack, "portfolio", lambda preset, shape: classifiers()[:1])
    store, file = DiskStore(tmp_path), tmp_path / "stack.stackit"
    fit(store)
    written = file.stat().st_mtime_ns
    assert fit(store).oof_["linear"].fold_estimators.n_missing == 5
    assert file.stat().st_mtime_ns == written


def test_nothing_is_saved_in_the_first_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(tabular_stack, "portfolio", lambda preset, shape: classifiers()[:1])
    monkeypatch.setattr(checkpoint_module, "EARLY_SECONDS", 1000.0)
    fit(DiskStore(tmp_path), time_limit=None)
    assert not (tmp_path / "stack.stackit").exists()
    monkeypatch.setattr(checkpoint_module, "EARLY_SECONDS", 0.0)
    fit(DiskStore(tmp_path / "other"), time_limit=None)
    assert (tmp_path / "other" / "stack.stackit").exists()


def test_a_folder_that_cannot_be_written_costs_no_results(tmp_path, slow, monkeypatch):
    monkeypatch.setattr(tabular_stack, "portfolio", lambda preset, shape: classifiers()[:1])
    (tmp_path / "stack.stackit").mkdir()
    assert fit(DiskStore(tmp_path)).score_ > 0.5


def test_where_nothing_can_be_forked_it_is_saved_in_this_process(tmp_path, slow, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "may_fork", lambda: False)
    monkeypatch.setattr(checkpoint_module, "MOST", 10.0)
    monkeypatch.setattr(tabular_stack, "portfolio", lambda preset, shape: classifiers()[:1])
    fit(DiskStore(tmp_path))
    assert (tmp_path / "stack.stackit").exists()
