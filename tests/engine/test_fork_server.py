"""A process without threads that is forked in place of a program with threads."""

import os
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stackit import out_of_fold
from stackit.engine import executor, forks
from stackit.engine.fold_run import FoldRun
from stackit.engine.fork_server import HasThreadsError, fork_server
from stackit.engine.run_config import RunConfig
from stackit.engine.training_data import TrainingData
from stackit.engine.worker import enter, surroundings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has fork servers")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
Y = X[:, 0] + X[:, 1] ** 2


@pytest.fixture
def served(monkeypatch):
    """Have all fits done by forks of the server."""
    monkeypatch.setattr(executor, "may_fork", lambda: False)
    monkeypatch.setattr(executor, "PROBE", -1)
    monkeypatch.setattr(executor, "SHORT", -1)
    fork_server().call(os.getpid)  # it has started


class Place(RegressorMixin, BaseEstimator):
    """Remembers its process, and what it found around it."""

    def fit(self, X, y):
        self.pids_ = (os.getpid(), os.getppid())
        self.found_ = os.getcwd(), os.environ.get("OF_A_TEST"), sklearn.get_config()["transform_output"]
        self.is_writable_ = X.flags.writeable if isinstance(X, np.ndarray) else None
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


# --- the server


def test_copies_have_what_their_original_has_and_change_nothing_in_it():
    server = fork_server()
    assert fork_server() is server
    assert server.is_ready or server.call(os.getpid) == server.process_id
    copy = server.fork()
    copy.call(os.chdir, "/")
    second = copy.fork()
    assert second.call(os.getcwd) == "/" != server.call(os.getcwd)
    assert [one.call(os.getppid) for one in (copy, second)] == [server.process_id, copy.process_id]
    assert second.exitcode is None
    second.kill()
    second.join()
    assert second.exitcode == -signal.SIGKILL
    copy.close()
    copy.join()
    assert copy.exitcode == 0


def test_copies_end_with_their_original():
    original = fork_server().fork()
    copy = original.fork()
    original.kill()
    with pytest.raises((EOFError, OSError)):
        copy.call(time.sleep, 10)
    assert copy.exitcode == -signal.SIGKILL
    original.join()


def test_a_process_with_threads_is_not_forked():
    copy = fork_server().fork()
    copy.call(start_thread)
    with pytest.raises(HasThreadsError):
        copy.fork()
    copy.close()


def start_thread():
    threading.Thread(target=time.sleep, args=(10,), daemon=True).start()


def test_a_server_that_was_killed_is_replaced(served):
    before = fork_server()
    before.kill()
    before.join()
    oof = out_of_fold([("a", Place())], X, Y, cv=3, n_jobs=2)
    assert fork_server() is not before
    assert os.getpid() not in pids(oof, "a")


# --- what workers do


def pids(oof, name):
    return {one.pids_[0] for one in oof[name].fold_estimators}


@pytest.mark.parametrize("table", [X, np.asfortranarray(X), pd.DataFrame(X, columns=[*"abc"])])
def test_results_are_those_of_one_worker_to_the_bit(table, served):
    class Local(Place):
        def fit(self, X, y):
            self.rule_ = lambda: 1  # pickle alone cannot send it
            return super().fit(X, y)

    members = [("a", Local()), ("p", make_pipeline(StandardScaler(), Ridge())), ("b", Local())]
    one = out_of_fold(members, table, Y, table[:9], cv=4, n_jobs=1, random_state=0)
    two = out_of_fold(members, table, Y, table[:9], cv=4, n_jobs=2, random_state=0)
    assert two.meta_train.equals(one.meta_train)
    assert two.meta_test.equals(one.meta_test)
    assert os.getpid() not in pids(two, "a")
    assert {type(fitted) for fitted in two["a"].fold_estimators} == {Local}


def test_libraries_that_only_a_warnings_filter_names_are_not_imported(monkeypatch):
    class Rare(Warning):
        __module__ = "antigravity"

    monkeypatch.setattr(warnings, "filters", [("ignore", None, Rare, None, 0), *warnings.filters])
    copy = fork_server().fork()
    copy.call(enter, surroundings())
    assert copy.call(actions) == [one[0] for one in warnings.filters[1:]]
    copy.close()


def actions():
    return [one[0] for one in warnings.filters]


def test_workers_find_the_surroundings_of_the_program(served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OF_A_TEST", "yes")
    with sklearn.config_context(transform_output="pandas"):
        oof = out_of_fold([("a", Place())], X, Y, cv=3, n_jobs=2)
    assert {one.found_ for one in oof["a"].fold_estimators} == {(str(tmp_path), "yes", "pandas")}
    assert {one.is_writable_ for one in oof["a"].fold_estimators} == {True}


MODULE = """
from sklearn.dummy import DummyRegressor

class Edited(DummyRegressor):
    def predict(self, X):
        return super().predict(X) * {factor}
"""


def test_a_module_that_was_edited_is_imported_as_it_is_now(served, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for factor in (1, 20):
        (tmp_path / "edited_module.py").write_text(MODULE.format(factor=factor))
        sys.modules.pop("edited_module", None)
        from edited_module import Edited

        oof = out_of_fold([("e", Edited())], X, Y, cv=3, n_jobs=2)
        alone = out_of_fold([("e", Edited())], X, Y, cv=3, n_jobs=1)
        assert oof.meta_train.equals(alone.meta_train)


def test_calls_of_one_run_load_the_tables_once(served, monkeypatch):
    loaded = []
    monkeypatch.setattr(forks, "_process_with", lambda data: loaded.append(data) or original(data))
    data = TrainingData.of(X, Y, classify=False)
    run = FoldRun(data, data.resolve_folds(4), config=RunConfig(n_jobs=2))
    for splits in ([0, 1], [2, 3]):
        assert len([*run.fit([("a", Place())], splits=splits)]) == 2
    parents = {one.pids_[1] for one in run.result()["a"].fold_estimators}
    assert (len(loaded), len(parents)) == (1, 2)
    process = forks._Latest.process
    assert process.exitcode is None
    loaded.clear()
    del run, data
    process.join(60)
    assert process.exitcode == 0


original = forks._process_with


class Untransportable(np.ndarray):
    """A table that can be pickled, but not loaded."""

    def __reduce__(self):
        return fail, ()


def fail():
    raise OSError("not here")


def test_tables_that_cannot_be_loaded_elsewhere_are_worked_on_here(served):
    oof = out_of_fold([("a", Place())], X.view(Untransportable), Y, cv=3, n_jobs=2)
    assert pids(oof, "a") == {os.getpid()}


class Threaded(np.ndarray):
    """A table of a library that starts a thread when it is loaded."""

    def __reduce__(self):
        return load_with_thread, (np.asarray(self),)


def load_with_thread(table):
    start_thread()
    return table.view(Threaded)


def test_where_loading_starts_threads_each_worker_loads_for_itself(served):
    oof = out_of_fold([("a", Place())], X.view(Threaded), Y, cv=4, n_jobs=2)
    assert oof.meta_train.equals(out_of_fold([("a", Place())], X, Y, cv=4, n_jobs=1).meta_train)
    assert {one.pids_[1] for one in oof["a"].fold_estimators} == {fork_server().process_id}


STARTS_A_THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(10,), daemon=True).start()
class A: pass
"""


def test_modules_that_start_threads_are_left_to_workers(monkeypatch, tmp_path):
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "with_a_thread.py").write_text(STARTS_A_THREAD)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    from with_a_thread import A

    first = fork_server()
    forks._import_libraries({A.__module__})
    assert fork_server() is not first
    forks._import_libraries({A.__module__})
    fork_server().fork().close()


def test_no_process_stays_but_the_server(served):
    import psutil

    server = psutil.Process(fork_server().process_id)
    out_of_fold([("a", Place())], X, Y, cv=3, n_jobs=2)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and any(
        one.status() != psutil.STATUS_ZOMBIE for one in server.children(recursive=True)
    ):
        time.sleep(0.01)
    assert {one.status() for one in server.children(recursive=True)} <= {psutil.STATUS_ZOMBIE}
