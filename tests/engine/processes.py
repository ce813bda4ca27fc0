"""Processes on one store that are killed, write at once, or find the disk full.

Run by test_store.py, and by test_worker_processes.py with two jobs.
"""

import os
import random
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import KFold

from stackit import DiskStore, out_of_fold
from stackit.engine import executor

# The script is given a scenario and a folder; whoever only imports it, neither.
ROOT = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
X, Y, T = np.arange(40.0).reshape(20, 2), np.arange(20.0) ** 0.5, np.ones((3000, 2))


class Slow(RegressorMixin, BaseEstimator):
    def __init__(self, tag, log=None):
        self.tag, self.log = tag, log

    def fit(self, X, y):
        held_out = min(set(np.arange(0.0, 40.0, 2.0)) - set(X[:, 0])) / 2
        with open(ROOT / "fits.log", "a") as log:
            log.write(f"{self.tag} {int(held_out) // 4}\n")
        seconds = float(os.environ.get("SECONDS_OF_A_FIT", "0.002"))
        if "SECONDS_AFTER_FIVE_FITS" in os.environ and len(fits_begun()) > 5:
            (ROOT / f"{os.getpid()}.pid").touch()
            seconds = float(os.environ["SECONDS_AFTER_FIVE_FITS"])
        time.sleep(seconds)
        self.mean_ = np.mean(y) + self.tag
        return self

    def predict(self, X):
        return np.sqrt(X[:, 0] + self.mean_)


MEMBERS = [(str(tag), Slow(tag)) for tag in range(12)]
STORE = DiskStore(ROOT / "store")


def run(store=STORE, n_jobs=1):
    oof = out_of_fold(MEMBERS, X, Y, T, cv=KFold(5), n_jobs=n_jobs, store=store)
    return oof, oof.meta_train.to_numpy().tobytes() + oof.meta_test.to_numpy().tobytes()


def in_a_child(work):
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - a child must not go on as its parent
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    return child


def fits_begun():
    log = ROOT / "fits.log"
    return log.read_text().splitlines() if log.exists() else []


def fitted():
    lines = fits_begun()
    (ROOT / "fits.log").unlink(missing_ok=True)
    return lines


def wait_for(n_fits, child):
    """Wait until that many fits have begun: the loop goes on however slow the machine is."""
    while len(fits_begun()) < n_fits:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.0005)


def kept():
    table = STORE.list()
    return set(table["estimator"] + " " + table["fold"].astype(str))


def kills():
    random.seed(0)
    _, wanted = run(None)
    fitted()
    n_killed = lost = 0
    while len(before := kept()) < 60:
        child = in_a_child(run)
        wait_for(random.randint(0, 5), child)
        time.sleep(random.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        n_killed += os.WIFSIGNALED(status)
        done = fitted()
        assert not set(done) & before, "a finished fit was done again"
        assert len(done) - len(kept() - before) <= 1, "more than one fit was lost"
        lost += len(done) - len(kept() - before)
        assert STORE.verify() == []
    oof, found = run()
    assert found == wanted
    assert oof.n_stored == 60
    assert fitted() == []
    parts = len(list(STORE.path.rglob("*.part")))
    print(n_killed, "killed,", lost, "fits lost,", parts, "partial files left")


def writers():
    _, wanted = run(None)
    children = [in_a_child(lambda: run()[1] == wanted or os._exit(3)) for _ in range(3)]
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert STORE.verify() == []
    assert len(STORE.list()) == 60
    assert not list(STORE.path.rglob("*.part"))
    assert run()[0].n_stored == 60


def full():
    _, wanted = run(None)

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert run()[1] == wanted
        assert len(caught) == 1, caught
        assert "cannot be read or written" in str(caught[0].message), caught[0]

    assert os.waitstatus_to_exitcode(os.waitpid(in_a_child(work), 0)[1]) == 0
    assert not [path for path in STORE.path.rglob("*") if path.is_file()]
    assert run()[1] == wanted
    assert run()[0].n_stored == 60


def forked():
    """Run with two jobs that after a few fits take as long as it takes to be killed."""
    os.environ["SECONDS_OF_A_FIT"] = "0.1"  # no part of the store's keys
    os.environ["SECONDS_AFTER_FIVE_FITS"] = "300"
    run(n_jobs=2)


def served():
    """Have a server fork the workers."""
    executor.may_fork = lambda: False
    forked()


def loky():
    """Have joblib start new processes."""
    executor.fork_server = lambda: None
    served()


def resumed():
    """Finish what was stopped, and see that it is what it would have been."""
    n_stored = len(kept())
    oof, found = run(n_jobs=2)
    assert oof.n_stored == n_stored > 0
    assert found == run(None)[1]
    assert STORE.verify() == []
    print(n_stored, "stored")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
