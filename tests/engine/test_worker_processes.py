"""Where worker processes come from, that they end with their parent, and that none is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import make_pipeline

import stackit
from stackit import out_of_fold
from stackit.engine import executor
from stackit.engine.parent_death import watch_parent

SCRIPT = Path(__file__).with_name("processes.py")
ROOT = Path(stackit.__file__).parent.parent
X, Y = np.arange(24.0).reshape(12, 2), np.arange(12.0)


class Place(RegressorMixin, BaseEstimator):
    """Remembers its process."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def fit(self, X, y):
        time.sleep(self.seconds)
        self.pid_ = os.getpid()
        return self

    def predict(self, X):
        return np.zeros(len(X))


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def started(scenario, folder):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), scenario, str(folder)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def workers_of(process):
    """The processes that do fits, and servers that fork them; joblib has others that clean up after it."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if is_alive(child) and "resource_tracker" not in str(child.cmdline())]


def is_alive(process):
    """Whether a process runs; one that has ended is a zombie until init takes notice."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --- they end with their parent


OTHER_ENDS = [
    pytest.param("loky", signal.SIGKILL, 2, marks=pytest.mark.slow),
    pytest.param("forked", signal.SIGTERM, 2, marks=pytest.mark.slow),
    pytest.param("served", signal.SIGTERM, 5, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(
    ("scenario", "how", "n_processes"),
    [
        ("forked", signal.SIGKILL, 2),
        ("served", signal.SIGKILL, 5),  # three servers and two workers
        *OTHER_ENDS,
    ],
)
def test_workers_end_with_their_parent_and_the_run_goes_on_where_it_was(scenario, how, n_processes, tmp_path):
    process = started(scenario, tmp_path)
    patience = time.monotonic() + 100
    # Until both workers are in the middle of a fit of minutes: some are finished then.
    while len(list(tmp_path.glob("*.pid"))) < 2:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < patience
        time.sleep(0.01)
    workers = workers_of(process)
    assert len(workers) == n_processes
    process.send_signal(how)
    process.wait()
    process.stderr.close()
    # Within a second, which a busy machine may miss; without their watch they would finish their fits.
    patience = time.monotonic() + (1 if how == signal.SIGTERM else 60)
    while (alive := [worker for worker in workers if is_alive(worker)]) and time.monotonic() < patience:
        time.sleep(0.01)
    assert alive == []
    command = [sys.executable, str(SCRIPT), "resumed", str(tmp_path)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 1


def test_who_is_no_child_of_the_parent_is_not_watched():
    before = threading.active_count()
    watch_parent((os.getpid(), 0))  # a parent of others, and here itself
    assert threading.active_count() == before


# --- and none is left behind


class Fault(Place):
    def fit(self, X, y):
        raise ValueError("on purpose")


class Interrupt(Place):
    def fit(self, X, y):
        raise KeyboardInterrupt


@pytest.mark.parametrize("ending", [Place(), Fault(), Interrupt()])
def test_no_child_thread_or_file_is_left_behind(ending, monkeypatch):
    monkeypatch.setattr(executor, "may_fork", lambda: True)
    this = psutil.Process()
    before = (set(this.children()), threading.active_count(), this.num_fds())
    members = [("slow", Place(0.05)), ("ending", ending)]
    caught = None
    try:
        out_of_fold(members, X, Y, cv=4, n_jobs=2)
    except (ValueError, KeyboardInterrupt) as error:
        caught = error  # with its traceback, which keeps all frames
    assert (caught is None) == (type(ending) is Place)
    assert (set(this.children()), threading.active_count(), this.num_fds()) == before


class Nested(Place):
    """Would start workers of its own."""

    def fit(self, X, y):
        import joblib

        self.n_jobs_ = joblib.effective_n_jobs(2)
        return super().fit(X, y)


def test_workers_have_no_workers(monkeypatch):
    monkeypatch.setattr(executor, "may_fork", lambda: True)
    oof = out_of_fold([("n", Nested())], X, Y, cv=4, n_jobs=2)
    assert {one.n_jobs_ for one in oof["n"].fold_estimators} == {1}
    assert os.getpid() not in {one.pid_ for one in oof["n"].fold_estimators}


# --- where a fork is safe

ALONE = """
import ctypes, os, time
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from stackit import out_of_fold
from stackit.engine.fork_safety import may_fork

X = np.random.default_rng(0).normal(size=(300, 5))
y = X[:, 0] + X[:, 1] ** 2
threads = HistGradientBoostingRegressor(max_iter=5)

# Pools of BLAS and OpenMP are no hindrance, and children have their own.
threads.fit(np.tile(X, (100, 1)), np.tile(y, 100))
np.ones((500, 500)) @ np.ones((500, 500))
assert may_fork()

class Threaded(TransformerMixin, BaseEstimator):
    # As a library that starts a native thread when it is first used, and hands it all work from then on.
    def fit(self, X, y=None):
        if not hasattr(ctypes, "started_by"):
            library, thread = ctypes.CDLL(None), ctypes.c_ulong()
            pause = ctypes.cast(library.pause, ctypes.c_void_p)
            assert library.pthread_create(ctypes.byref(thread), None, pause, None) == 0
            ctypes.started_by = os.getpid()
        while ctypes.started_by != os.getpid():
            time.sleep(1)  # for ever: in a child there is no such thread
        return self

    def transform(self, X):
        return X

members = [("a", threads), ("b", make_pipeline(Threaded(), Ridge()))]
forked = out_of_fold(members, X, y, cv=4, n_jobs=2).meta_train
assert may_fork()  # the library was used in children alone
Threaded().fit(X)
assert not may_fork()
elsewhere = out_of_fold(members, X, y, cv=4, n_jobs=2).meta_train
assert forked.equals(elsewhere)
assert forked.equals(out_of_fold(members, X, y, cv=4, n_jobs=1).meta_train)
print("done")
"""


def test_a_process_with_native_threads_is_not_forked():
    command = [sys.executable, "-c", ALONE]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "done\n", done.stderr


def test_classes_made_in_functions_come_back_from_children_as_what_they_are(monkeypatch):
    class Local(Place):
        def fit(self, X, y):
            self.rule_ = lambda: 1  # pickle alone cannot send it
            return super().fit(X, y)

    monkeypatch.setattr(executor, "may_fork", lambda: True)
    oof = out_of_fold([("a", Local()), ("b", make_pipeline(Local()))], X, Y, cv=3, n_jobs=2)
    assert os.getpid() not in {one.pid_ for one in oof["a"].fold_estimators}
    assert {type(one) for one in oof["a"].fold_estimators} == {Local}
    assert {type(one[-1]) for one in oof["b"].fold_estimators} == {Local}


WITH_TORCH = """
import os, sys
import numpy as np, torch
from sklearn.base import BaseEstimator, RegressorMixin
from stackit import out_of_fold
from stackit.engine.fork_safety import may_fork

class Net(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        X, y = torch.as_tensor(X), torch.as_tensor(y)
        weights = torch.zeros(X.shape[1], dtype=X.dtype, requires_grad=True)
        for _ in range(20):
            loss = ((X @ weights - y) ** 2).mean() + 0 * (torch.ones(300, 300) @ torch.ones(300, 300)).sum()
            (slope,) = torch.autograd.grad(loss, weights)
            weights = (weights - 0.1 * slope).detach().requires_grad_()
        self.weights_, self.pid_ = weights.detach().numpy(), os.getpid()
        return self

    def predict(self, X):
        return X @ self.weights_

class Ends(Net):
    def fit(self, X, y):
        os._exit(3)

X = np.random.default_rng(0).normal(size=(60, 3))
here = out_of_fold([("net", Net())], X, X[:, 0], cv=4, n_jobs=1).meta_train
(torch.randn(600, 600, requires_grad=True) @ torch.randn(600, 600)).sum().backward()
if torch.cuda.is_available():
    sys.exit(print("done"))
assert may_fork()
import warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    oof = out_of_fold([("net", Net()), ("ends", Ends())], X, X[:, 0], cv=4, n_jobs=2, on_error="skip")
assert os.getpid() not in {one.pid_ for one in oof["net"].fold_estimators}
assert np.allclose(oof.meta_train, here, rtol=1e-9) and list(oof.failures) == ["ends"], oof
assert len(said) == 1 and "'ends'" in str(said[0].message)
print("done")
"""


def test_torch_on_the_cpu_works_in_forked_children():
    pytest.importorskip("torch")
    command = [sys.executable, "-c", WITH_TORCH]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "done\n", done.stderr


TORCH_IN_FIT = """
import threading
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from stackit import out_of_fold

class Net(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        import torch
        self.threads_ = torch.get_num_threads(), np.sum(torch.ones(9, 9).numpy())
        return self

    def predict(self, X):
        return np.zeros(len(X))

if {has_other_thread}:
    threading.Thread(target=threading.Event().wait, daemon=True).start()  # workers come from the server
X = np.random.default_rng(0).normal(size=(60, 3))
oof = out_of_fold([("net", Net())], X, X[:, 0], cv=4, n_jobs=2)
assert {{one.threads_[0] for one in oof["net"].fold_estimators}} == {{1}}
print("done")
"""


@pytest.mark.parametrize("has_other_thread", [False, True])
def test_torch_that_a_fit_imports_has_one_thread_in_a_worker(has_other_thread):
    pytest.importorskip("torch")
    command = [sys.executable, "-c", TORCH_IN_FIT.format(has_other_thread=has_other_thread)]
    kept = {name: value for name, value in environment().items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(command, env=kept, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "done\n", done.stderr


WITH_POLARS = """
import os
import numpy as np, polars as pl
from sklearn.base import BaseEstimator, RegressorMixin
from stackit import out_of_fold
from stackit.engine.fork_safety import may_fork

class MeanOfSides(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        frame = pl.DataFrame({"x": X[:, 0], "y": y}).with_columns(right=pl.col("x") > 0)
        means = frame.lazy().group_by("right").agg(pl.col("y").mean()).sort("right").collect()
        self.means_ = dict(means.rows())
        self.pid_ = os.getpid()
        return self

    def predict(self, X):
        return np.where(X[:, 0] > 0, self.means_[True], self.means_[False])

X = np.random.default_rng(0).normal(size=(60, 3))
assert may_fork()  # polars is imported and has done no work
oof = out_of_fold([("sides", MeanOfSides())], X, X[:, 0], cv=4, n_jobs=2)
assert os.getpid() not in {one.pid_ for one in oof["sides"].fold_estimators}
MeanOfSides().fit(X, X[:, 0])
assert not may_fork()
here = out_of_fold([("sides", MeanOfSides())], X, X[:, 0], cv=4, n_jobs=1).meta_train
assert np.allclose(oof.meta_train, here, rtol=1e-12, atol=0)  # its threads add in another order
print("done")
"""


def test_polars_forbids_forking_once_it_has_worked():
    pytest.importorskip("polars")
    command = [sys.executable, "-c", WITH_POLARS]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "done\n", done.stderr


WITH_GROWN_WORKERS = """
import builtins, time, warnings
import numpy as np
from joblib import Parallel, delayed, parallel_config
from sklearn.base import BaseEstimator, RegressorMixin
from stackit import out_of_fold

class Grows(RegressorMixin, BaseEstimator):
    def __init__(self, first):
        self.first = first

    def fit(self, X, y):
        if X[0, 0] != self.first:
            builtins.kept = bytearray(b"x") * 310_000_000  # as a worker grows that imports libraries
        time.sleep(1.1)  # it is measured once per second
        return self

    def predict(self, X):
        return X[:, 0]

X = np.random.default_rng(0).normal(size=(60, 3))
warnings.simplefilter("error")
with parallel_config("loky", n_jobs=2):
    Parallel()(delayed(abs)(number) for number in range(4))
    oof = out_of_fold([("a", Grows(X[0, 0]))], X, X[:, 0], cv=4, n_jobs=None)
assert oof.meta_train["a"].tolist() == X[:, 0].tolist()
print("done")
"""


@pytest.mark.slow
def test_workers_of_loky_that_have_grown_are_replaced_where_warnings_are_errors():
    command = [sys.executable, "-c", WITH_GROWN_WORKERS]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "done\n", done.stderr
