"""One process at a time runs in a folder; the lock of one that has ended is taken over."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from stackit.runs import RunConfig, RunFolder, predict_table, run
from stackit.runs.run_lock import LOCK, birth_of, lock_folder
from tests.runs.conftest import tiny_members

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def lock_of(folder, **facts):
    """Write the lock of some process into a folder."""
    folder.mkdir(exist_ok=True)
    known = {"pid": os.getpid(), "host": socket.gethostname(), "started": "2026-01-02T03:04:05+00:00"}
    (folder / LOCK).write_text(json.dumps(known | facts))


def ended_process():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_folder_is_locked_and_free_again(tmp_path):
    with lock_folder(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / LOCK).read_text())["pid"] == os.getpid()
        with pytest.raises(ValueError, match=rf"run is in use: process {os.getpid()} has been running in it"):
            with lock_folder(tmp_path / "run"):
                pass
        (tmp_path / "run" / "kept").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["kept"]


def test_an_empty_folder_does_not_stay(tmp_path):
    with pytest.raises(RuntimeError), lock_folder(tmp_path / "a" / "b"):
        raise RuntimeError
    assert not (tmp_path / "a" / "b").exists()


def test_a_second_run_is_refused_in_one_sentence_and_readers_are_not(finished, settings, tmp_path):
    config = RunConfig(**settings, output=tmp_path / "run")
    lock_of(tmp_path / "run")
    with tiny_members(), pytest.raises(ValueError, match=r"since 2026-01-02T03:04:05\+00:00\. Wait for it"):
        run(config)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]
    lock_of(finished.path)
    try:
        reader = RunFolder.open(finished.path)
        assert reader.report()
        assert len(predict_table(reader, settings["test"])) == 30
        with pytest.raises(ValueError, match="is in use"):
            run(RunConfig(**settings, output=finished.path))
    finally:
        (finished.path / LOCK).unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be looked for")
def test_the_lock_of_a_process_that_has_ended_is_taken_over(tmp_path):
    lock_of(tmp_path, pid=ended_process())
    with lock_folder(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert not [*tmp_path.iterdir()]


@LINUX
def test_a_later_process_of_the_same_number_does_not_hold_the_lock(tmp_path):
    lock_of(tmp_path, born="1")
    with lock_folder(tmp_path):
        pass


@LINUX
def test_a_process_that_has_ended_and_was_not_waited_for_does_not_hold_the_lock(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        lock_of(tmp_path, pid=process.pid, born=birth_of(process.pid))
        with pytest.raises(ValueError, match="is in use"), lock_folder(tmp_path):
            pass
        process.stdin.close()
        while birth_of(process.pid):
            time.sleep(0.01)
        with lock_folder(tmp_path):
            pass


def test_the_lock_of_another_machine_stays(tmp_path):
    lock_of(tmp_path, host="elsewhere", pid=ended_process())
    with pytest.raises(ValueError, match=r"on elsewhere has .* If it has ended, delete .*run\.lock"):
        with lock_folder(tmp_path):
            pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_lock_that_names_no_process_is_taken_over(tmp_path, text):
    (tmp_path / LOCK).write_text(text)
    with lock_folder(tmp_path):
        pass


def test_only_one_of_many_takes_over_a_lock(tmp_path):
    lock_of(tmp_path, pid=ended_process())
    inside, most, refused = [], [], []
    start = threading.Barrier(8)

    def enter():
        start.wait()
        try:
            with lock_folder(tmp_path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.05)
                inside.pop()
        except ValueError:
            refused.append(1)

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) + len(refused) == 8
