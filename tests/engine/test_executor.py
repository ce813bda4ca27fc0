"""Where work is done, and in which order."""

import os
import sys
import threading
import time
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.datasets import make_regression
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeRegressor

from stackit import MemoryStore, out_of_fold
from stackit.arrays.isolation import inspect_reader
from stackit.engine import executor, fold_run, fork_safety
from stackit.engine.task_queue import TaskQueue
from stackit.engine.time_limits import TimeLimits

pytestmark = pytest.mark.usefixtures("without_torch")

X, Y = make_regression(120, 6, random_state=0)


class Sleeper(RegressorMixin, BaseEstimator):
    """Takes a while, and remembers where and when it did."""

    def __init__(self, seconds=0.0, log=None):
        self.seconds = seconds
        self.log = log

    def fit(self, X, y):
        started = time.time()
        time.sleep(self.seconds)
        self.mean_ = y.mean()
        self.place_ = (os.getpid(), threading.get_ident())
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{self.seconds} {os.getpid()} {started} {time.time()}\n")
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class Keeper(RegressorMixin, BaseEstimator):
    """Writes into the table that it is given, as some do to save memory."""

    def fit(self, X, y):
        X -= X.mean(axis=0)
        self.coef_ = np.linalg.lstsq(X, y - y.mean(), rcond=None)[0]
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        return X @ self.coef_ + self.mean_


def places(oof):
    return {place for name in oof for place in [one.place_ for one in oof[name].fold_estimators]}


class WellKnown(Sleeper):
    """Passes for an estimator of a library that the engine knows."""

    __module__ = "sklearn.sketch"


def test_short_work_of_well_known_libraries_is_done_here(monkeypatch):
    monkeypatch.setattr(executor, "PROBE", 60)  # short even on a machine that is busy
    oof = out_of_fold([("a", WellKnown()), ("b", WellKnown())], X, Y, cv=5, n_jobs=2)
    assert places(oof) == {(os.getpid(), threading.get_ident())}


def test_work_of_unknown_estimators_is_done_elsewhere_however_short(forks, monkeypatch):
    monkeypatch.setattr(executor, "PROBE", 60)
    oof = out_of_fold([("a", Sleeper()), ("b", WellKnown())], X, Y, cv=5, n_jobs=2)
    pids = {name: {one.place_[0] for one in oof[name].fold_estimators} for name in ("a", "b")}
    assert os.getpid() not in pids["a"]
    assert pids["b"] == {os.getpid()}


def test_one_job_is_done_here_whatever_the_estimator():
    oof = out_of_fold([("a", Sleeper())], X, Y, cv=5, n_jobs=1)
    assert places(oof) == {(os.getpid(), threading.get_ident())}


def test_longer_work_goes_to_children(forks):
    oof = out_of_fold([("a", Sleeper(0.08)), ("b", Sleeper(0.08))], X, Y, cv=5, n_jobs=2)
    assert len({pid for pid, _ in places(oof)}) > 1


def test_large_tables_go_to_children_at_once(forks, monkeypatch):
    monkeypatch.setattr(executor, "LARGE", 1)
    oof = out_of_fold([("a", Sleeper(0.001))], X, Y, cv=5, n_jobs=2)
    assert os.getpid() not in {pid for pid, _ in places(oof)}


def test_large_tables_are_worked_on_in_threads_where_there_are_no_forks(monkeypatch):
    monkeypatch.setattr(executor, "may_fork", lambda: False)
    monkeypatch.setattr(executor, "fork_server", lambda: None)
    monkeypatch.setattr(executor, "LARGE", 1)
    seen = set()

    class WorkerRecordingRidge(Ridge):
        __module__ = "sklearn.watching"

        def fit(self, X, y):
            seen.add((os.getpid(), threading.get_ident()))
            time.sleep(0.05)
            return super().fit(X, y)

    out_of_fold([("r", WorkerRecordingRidge())], X, Y, cv=8, n_jobs=2)
    assert {pid for pid, _ in seen} == {os.getpid()}
    assert len(seen) == 2


def test_another_thread_of_the_program_forbids_forking(monkeypatch):
    monkeypatch.setattr(fork_safety, "is_only_thread", lambda: True)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert executor.may_fork()
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert not executor.may_fork()


def device(is_there):
    return SimpleNamespace(is_available=lambda: is_there)


@pytest.mark.parametrize(
    ("library", "module", "may"),
    [
        ("numba.np.ufunc.omppool", threading, False),
        ("torch", SimpleNamespace(cuda=device(False), xpu=device(False)), True),
        ("torch", SimpleNamespace(cuda=device(True), xpu=device(False)), False),
        ("torch", SimpleNamespace(), False),  # being imported
    ],
)
def test_libraries_that_do_not_work_in_a_child_forbid_forking(library, module, may, monkeypatch):
    monkeypatch.setattr(fork_safety, "is_only_thread", lambda: True)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setitem(sys.modules, library, module)
    assert executor.may_fork() is may


class OwnTransformer(TransformerMixin, BaseEstimator):
    """As a user writes one."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


@pytest.mark.parametrize("step", [FunctionTransformer(lambda X: X), OwnTransformer()])
def test_short_work_with_steps_of_the_users_starts_no_new_processes(step, monkeypatch):
    monkeypatch.setattr(executor, "may_fork", lambda: False)
    monkeypatch.setattr(executor, "fork_server", lambda: None)
    monkeypatch.setattr(executor, "PROBE", 60)
    handed_on = []
    monkeypatch.setattr(
        executor, "run_by_joblib", lambda queue, *_, **__: handed_on.extend(queue.waiting) or []
    )
    members = [("p", make_pipeline(step, WellKnown()))]
    oof = out_of_fold(members, X, Y, cv=3, n_jobs=2)
    assert {one[-1].place_[0] for one in oof["p"].fold_estimators} == {os.getpid()}
    assert handed_on == []


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (Ridge(), True),
        (make_pipeline(FunctionTransformer(len), Ridge()), True),
        (make_pipeline(OwnTransformer(), Ridge(copy_X=False)), True),
        (GridSearchCV(Ridge(), {"alpha": [1]}, scoring=device), True),
        (Sleeper(), False),
        (make_pipeline(OwnTransformer(), Sleeper()), False),
        (GridSearchCV(Ridge(), {"alpha": [Sleeper()]}), False),
    ],
)
def test_who_can_be_expected_not_to_end_the_process(estimator, expected):
    assert inspect_reader(estimator).is_unlikely_to_exit is expected


def test_a_thread_of_a_library_forbids_forking(monkeypatch, tmp_path):
    monkeypatch.setattr(fork_safety, "THREADS", tmp_path)
    for thread, name in ((os.getpid(), "python"), (os.getpid() + 1, "jemalloc_bg_thd")):
        (tmp_path / str(thread)).mkdir()
        (tmp_path / str(thread) / "comm").write_text(f"{name}\n")
    assert fork_safety.is_only_thread()
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "comm").write_text("polars-0\n")
    assert not fork_safety.is_only_thread()
    monkeypatch.setattr(fork_safety, "THREADS", tmp_path / "on another system")
    assert not fork_safety.is_only_thread()


@pytest.mark.parametrize("backend", ["threading", "loky", "sequential"])
def test_a_backend_chosen_outside_is_used(backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        oof = out_of_fold([("a", Sleeper(0.05))], X, Y, cv=4, n_jobs=None)
        here = {pid for pid, _ in places(oof)} == {os.getpid()}
    assert here == (backend != "loky")


def test_never_more_fits_at_once_than_jobs(tmp_path):
    log = tmp_path / "log"
    out_of_fold([(f"s{at}", Sleeper(0.05, str(log))) for at in range(4)], X, Y, cv=4, n_jobs=2)
    spans = [tuple(map(float, line.split()[2:])) for line in log.read_text().splitlines()]
    moments = sorted({start for start, _ in spans})
    assert len(spans) == 16
    assert max(sum(start <= moment < end for start, end in spans) for moment in moments) == 2


def test_the_longest_come_first_once_their_time_is_known(tmp_path):
    log = tmp_path / "log"
    members = [("quick", Sleeper(0.02, str(log))), ("slow", Sleeper(0.4, str(log)))]
    out_of_fold(members, X, Y, cv=5, n_jobs=2)
    lines = sorted((line.split() for line in log.read_text().splitlines()), key=lambda line: float(line[2]))
    order = [float(seconds) for seconds, *_ in lines]
    # One of each is needed to know; a few quick ones may be under way by then.
    assert order[-2:] == [0.02, 0.02]


def test_what_a_store_knows_of_the_time_orders_the_rest():
    tasks = [SimpleNamespace(name=name) for name in ("quick", "slow", "middling")]
    known = {"quick": 0.1, "slow": 9.0, "middling": 1.0}
    queue = TaskQueue(tasks, {}, known)
    assert [tasks[queue.take()].name for _ in tasks] == ["slow", "middling", "quick"]
    assert queue.take() is None


def test_where_time_is_short_the_order_is_that_of_the_list():
    tasks = [SimpleNamespace(name=name) for name in ("quick", "slow", "middling")]
    known = {"quick": 0.1, "slow": 9.0, "middling": 1.0}

    def order(seconds, known=known):
        queue = TaskQueue(tasks, {}, known, TimeLimits(deadline=time.monotonic() + seconds))
        return [tasks[queue.take()].name for _ in tasks]

    assert order(100) == ["slow", "middling", "quick"]
    assert order(5) == ["quick", "slow", "middling"]
    assert order(100, {"quick": 0.1, "slow": 9.0}) == ["quick", "slow", "middling"]
    assert TaskQueue(tasks, {}, known, TimeLimits(deadline=time.monotonic())).take() is None


def test_the_seconds_of_stored_fits_are_known():
    members, store = [("quick", Sleeper(0.02)), ("slow", Sleeper(0.1))], MemoryStore()
    out_of_fold(members, X, Y, cv=3, n_jobs=1, store=store)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold_run, "run_all", lambda *args: seen.append(args[4]) or executor.run_all(*args))
        out_of_fold(members, X, Y, cv=3, n_jobs=1, store=store)
    assert seen[0]["slow"] > seen[0]["quick"] > 0


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("table", [X, X.astype(np.float32)])
def test_results_are_the_same_wherever_the_work_is_done(n_jobs, table, monkeypatch):
    members = [
        ("forest", RandomForestRegressor(5)),
        ("knn", KNeighborsRegressor()),
        ("hist", HistGradientBoostingRegressor(max_iter=5)),
    ]
    inline = out_of_fold(members, table, Y, table[:9], cv=4, n_jobs=1)
    for place in ("PROBE", "SHORT", "LARGE"):
        with monkeypatch.context() as patch:
            patch.setattr(executor, place, 0)
            other = out_of_fold(members, table, Y, table[:9], cv=4, n_jobs=n_jobs)
        assert other.meta_train.equals(inline.meta_train)
        assert other.meta_test.equals(inline.meta_test)


def test_an_estimator_that_writes_into_the_table_disturbs_no_other():
    members = [("keeper", Keeper()), ("tree", DecisionTreeRegressor(random_state=0)), ("again", Keeper())]
    together = out_of_fold(members, X.copy(), Y, X[:9].copy(), cv=4, n_jobs=1)
    for name, member in members:
        alone = out_of_fold([(name, clone(member))], X.copy(), Y, X[:9].copy(), cv=4, n_jobs=1)
        np.testing.assert_array_equal(together.meta_train[name], alone.meta_train[name])
        np.testing.assert_array_equal(together.meta_test[name], alone.meta_test[name])


def test_a_fold_estimator_keeps_its_own_rows():
    oof = out_of_fold([("a", KNeighborsRegressor(1)), ("b", KNeighborsRegressor(1))], X, Y, cv=3, n_jobs=1)
    for (train, _), knn in zip(oof.folds.split(), oof["a"].fold_estimators, strict=True):
        np.testing.assert_array_equal(knn.predict(X[train]), Y[train])
