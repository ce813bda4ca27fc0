"""Runs that are stopped: nothing half-written is seen, and the next call ends with the same files."""

import os

import pandas as pd
import pytest

from stackit.runs import RunConfig, RunFolder, compare_runs, predict_table, run
from tests.runs.conftest import tiny_members

WITH_TIMES = {"manifest.json", "report.html", "report.json", "report.md"}


def contents(folder):
    """Return the bytes of all files but those with times and the store."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith("store/") and name not in WITH_TIMES:
            found[name] = path.read_bytes()
    return found


def assert_equal(resumed, whole):
    """Assert that a run that was stopped has the files of one that was not, and a stack as good.

    The bytes of the stack depend on which fits share an object, which those out of a store do not.
    """
    mine, other = contents(resumed.path), contents(whole.path)
    assert mine.pop("model.stackit")
    assert other.pop("model.stackit")
    assert mine.keys() == other.keys()
    assert [name for name in mine if mine[name] != other[name]] == []
    rows = pd.read_csv(whole.config.test)
    assert predict_table(resumed, rows).equals(predict_table(whole, rows))


def stop_after(n, stop):
    """Return an observer that stops the run at the n-th fit that is done."""
    seen = []

    def observer(event):
        seen.append(event.kind)
        if seen.count("finish") == n:
            stop()

    return observer


def interrupt():
    raise KeyboardInterrupt


def test_two_runs_of_the_same_settings_give_the_same_files(finished, settings, tmp_path):
    with tiny_members():
        again = run(RunConfig(**settings, output=tmp_path / "again"))
    mine, other = contents(finished.path), contents(again.path)
    assert mine.keys() == other.keys()
    assert [name for name in mine if mine[name] != other[name]] == []


def test_an_interrupted_run_goes_on_where_it_was(finished, settings, tmp_path):
    config = RunConfig(**settings, output=tmp_path / "run")
    with tiny_members(), pytest.raises(KeyboardInterrupt):
        run(config, progress=stop_after(6, interrupt))
    stopped = RunFolder.open(config.folder)
    assert stopped.manifest["status"] == "interrupted"
    assert not stopped.is_finished
    for use in (
        lambda: stopped.scores,
        stopped.report,
        lambda: predict_table(stopped, settings["test"]),
        lambda: compare_runs(stopped, finished),
    ):
        with pytest.raises(ValueError, match=r"is not finished \(interrupted\)\. .* with: stackit run "):
            use()
    events = []
    with tiny_members():
        done = run(config, progress=events.append)
    fits = [event for event in events if event.kind == "finish"]
    assert sum(event.from_store for event in fits) == 6
    assert len(fits) == 9
    assert_equal(done, finished)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes can be forked here")
def test_a_killed_run_goes_on_where_it_was(finished, settings, tmp_path):
    config = RunConfig(**settings, output=tmp_path / "run")
    child = os.fork()
    if not child:
        try:
            with tiny_members():
                run(config, progress=stop_after(4, lambda: os._exit(9)))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert RunFolder.open(config.folder).manifest["status"] == "running"
    (config.folder / ".scores.csv.1-ab.part").write_text("half")
    with tiny_members():
        done = run(config)
    assert not [*done.path.rglob(".*.part")]
    assert_equal(done, finished)


def test_a_failed_run_says_why_and_can_be_repeated(settings, tmp_path, monkeypatch):
    from stackit.runs import runner

    config = RunConfig(**settings, output=tmp_path / "run")

    def fail(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch, tiny_members():
        patch.setattr(runner, "write_results", fail)
        with pytest.raises(OSError, match="no space left"):
            run(config)
    assert RunFolder.open(config.folder).manifest["error"] == "no space left on device"
    with tiny_members():
        assert run(config).is_finished
