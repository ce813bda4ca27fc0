"""A run ends at its deadline, a task after its seconds; what was finished before is kept and correct."""

import os
import threading
import time
from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

import stackit
from stackit import MemoryStore, make_folds
from stackit.engine import executor
from stackit.engine.fold_run import FoldRun
from stackit.engine.fork_server import ForkServer
from stackit.engine.run_config import RunConfig
from stackit.engine.training_data import TrainingData

X, Y = np.arange(24.0).reshape(12, 2), np.arange(12.0)
FOLDS = make_folds(Y, scheme="kfold", n_splits=4, random_state=0)
HOME = os.getpid()
# Seconds more than are promised: many on a busy machine, where a run that is stopped late still differs from
# one that waits for its fits, which sleep for half a minute; few on an idle one.
SLACK = [15.0, pytest.param(0.2, marks=pytest.mark.slow)]
out_of_fold = partial(stackit.out_of_fold, X=X, y=Y, cv=FOLDS, random_state=0)


class Sleeper(RegressorMixin, BaseEstimator):
    """Predicts the mean of y and noise from its seed, after some seconds, or many more on some folds.

    Where the file `is_quick` exists, no fold is slow.
    """

    def __init__(self, seconds=0.0, slow=(), log=None, random_state=None, is_quick=None):
        self.seconds = seconds
        self.slow = slow
        self.log = log
        self.random_state = random_state
        self.is_quick = is_quick

    def fit(self, X, y):
        fold = next(at for at, (_, held_out) in enumerate(FOLDS.splits) if Y[held_out[0]] not in y)
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{fold}")
        is_slow = fold in self.slow and not (self.is_quick and self.is_quick.exists())
        time.sleep(30 if is_slow else self.seconds)
        self.mean_ = np.mean(y) + np.random.default_rng(self.random_state).normal()
        self.process_ = os.getpid()
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class Unpicklable(Sleeper):
    def fit(self, X, y):
        self.lock_ = threading.Lock()
        return super().fit(X, y)


class Interrupted(Unpicklable):
    """Raises an interrupt in place of the error that stops it, as catboost does."""

    def fit(self, X, y):
        try:
            return super().fit(X, y)
        except BaseException:  # noqa: BLE001 - what the timer raises is no Exception
            raise KeyboardInterrupt from None


class Persistent(Unpicklable):
    """Tries again after an error, as searches and fits on encoded labels do."""

    def fit(self, X, y):
        try:
            return super().fit(X, y)
        except Exception:  # noqa: BLE001 - a fit that tries again after any error
            return super().fit(X, y)


def timed(call, *args, **options):
    started = time.monotonic()
    result = call(*args, **options)
    return result, time.monotonic() - started


def fold_run(**config):
    data = TrainingData.of(X, Y, classify=False)
    return FoldRun(data, FOLDS, config=RunConfig(seed=0, **config), warns=False)


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("slack", SLACK)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_run_returns_at_its_time_limit_with_what_is_finished(n_jobs, slack):
    members = [("quick", Sleeper()), ("slow", Sleeper(slow=(1, 3)))]
    with pytest.warns(UserWarning, match="The time limit of 1.5 seconds was over before slow were finished"):
        oof, seconds = timed(out_of_fold, members, n_jobs=n_jobs, time_limit=1.5)
    assert 1.5 <= seconds < 1.8 + slack
    assert list(oof) == ["quick"]
    assert isinstance(oof.failures["slow"], TimeoutError)
    assert f"{n_jobs} of 4 folds were done" in str(oof.failures["slow"])
    unlimited = out_of_fold([("quick", Sleeper())], n_jobs=1)
    assert oof.meta_train.equals(unlimited.meta_train)


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_run_that_ends_in_time_is_what_it_is_without_a_limit(n_jobs, tmp_path):
    members = [("first", Sleeper(log=tmp_path / "a")), ("second", Sleeper(log=tmp_path / "a"))]
    limited = out_of_fold(members, n_jobs=n_jobs, time_limit=60)
    order = (tmp_path / "a").read_text()
    unlimited = out_of_fold(members, n_jobs=1)
    assert limited.meta_train.equals(unlimited.meta_train)
    assert limited.failures == {}
    if n_jobs == 1:  # in one process, each estimator on all folds before the next one
        assert (order, (tmp_path / "a").read_text()) == ("01230123", "0123012300112233")
        assert len({fitted.process_ for one in limited.values() for fitted in one.fold_estimators}) == 1


@pytest.mark.usefixtures("forks")
def test_a_second_call_continues_from_the_store(tmp_path):
    log, store = tmp_path / "log", MemoryStore()
    members = [("slow", Sleeper(slow=(1,), log=log, is_quick=tmp_path / "quick"))]
    with pytest.raises(
        TimeoutError, match=r"'slow' was not finished .* 1 of 4 folds were done. Raise time_limit"
    ):
        out_of_fold(members, n_jobs=1, time_limit=1.5, store=store)
    assert log.read_text() == "01"
    (tmp_path / "quick").touch()
    oof = out_of_fold(members, n_jobs=1, time_limit=60, store=store)
    assert (log.read_text(), oof.n_stored) == ("01123", 1)
    assert oof.meta_train.equals(out_of_fold(members, n_jobs=2).meta_train)


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("slack", SLACK)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_task_that_takes_too_long_is_killed_alone(n_jobs, slack):
    run = fold_run(n_jobs=n_jobs, on_error="skip")
    members = [("quick", Sleeper(0.05)), ("stuck", Sleeper(slow=(1,)))]
    results, seconds = timed(lambda: [*run.fit(members, task_seconds=1.5)])
    assert seconds < 3 + slack
    assert list(run.result()) == ["quick"]
    (error,) = [one.error for one in results if one.error is not None]
    assert isinstance(error, TimeoutError)
    assert str(error).startswith(
        "The fit of 'stuck' in repeat 0 fold 1 was stopped: it took more than the 1.5 s"
    )
    unlimited = out_of_fold([("quick", Sleeper())], n_jobs=1)
    assert run.result().meta_train.equals(unlimited.meta_train)


@pytest.mark.parametrize("slack", SLACK)
def test_near_a_deadline_no_server_starts_where_this_process_cannot_be_forked(slack, monkeypatch):
    """In a notebook there are always threads; a server would import until the deadline."""
    monkeypatch.setattr(ForkServer, "is_ready", False)
    run, over = fold_run(n_jobs=2, on_error="skip"), threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    estimators = [("quick", Sleeper()), ("stuck", Sleeper(slow=(0,)))]
    results, seconds = timed(lambda: [*run.fit(estimators, deadline=time.monotonic() + 1.0)])
    over.set()
    thread.join()
    assert seconds < 1 + slack
    assert {one.estimator.process_ for one in results if one.estimator} == {HOME}
    assert list(run.result()) == ["quick"]


@pytest.mark.usefixtures("forks")
def test_no_process_is_forked_while_the_caller_runs_a_thread():
    """A child would wait for ever for a lock that the thread holds, such as that of an import."""
    run, over = fold_run(n_jobs=2, on_error="skip"), threading.Event()
    thread = threading.Thread(target=over.wait)
    processes = set()
    for result in run.fit([("stuck", Sleeper(slow=(0,))), ("quick", Sleeper(0.5))], task_seconds=1.5):
        processes |= {result.estimator.process_} if result.estimator else set()
        if thread.ident is None:
            thread.start()
    over.set()
    thread.join()
    assert list(run.result()) == ["quick"]
    assert len(processes) == 1  # the other was killed, and none took its place


@pytest.mark.usefixtures("forks")
def test_results_that_came_before_the_deadline_are_read_after_it():
    run, splits = fold_run(n_jobs=2), []
    for result in run.fit([("quick", Sleeper(0.2))], deadline=time.monotonic() + 2.0):
        splits.append(result.split)
        time.sleep(2.0 if len(splits) == 2 else 0)  # the caller is busy until the deadline has passed
    assert sorted(splits) == [0, 1, 2, 3]


def test_missing_splits_are_no_failure_and_are_fitted_later():
    run = fold_run(n_jobs=1)
    first = [*run.fit([("slow", Sleeper(slow=(1, 2, 3)))], deadline=time.monotonic() + 1.5)]
    assert [one.split for one in first] == [0]
    assert (run.result(), run.failures) == (None, {})
    assert len([*run.fit([("slow", Sleeper())], [1, 2, 3])]) == 3
    assert run.result().meta_train.equals(out_of_fold([("slow", Sleeper())], n_jobs=1).meta_train)


def test_nothing_starts_after_the_deadline(tmp_path):
    run, log = fold_run(n_jobs=2), tmp_path / "log"
    assert [*run.fit([("late", Sleeper(log=log))], deadline=time.monotonic())] == []
    assert not log.exists()


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("slack", SLACK)
@pytest.mark.parametrize("kind", [Unpicklable, Interrupted, Persistent])
def test_what_cannot_be_sent_is_stopped_in_this_process(kind, slack):
    members = [("quick", Sleeper()), ("local", kind(slow=(3,)))]
    with pytest.warns(UserWarning, match="over before local were finished"):
        oof, seconds = timed(out_of_fold, members, n_jobs=2, time_limit=1.5)
    assert 1.5 <= seconds < 1.8 + slack
    assert list(oof) == ["quick"]


@pytest.mark.parametrize("time_limit", [0, -1, "60", True, float("nan")])
def test_a_time_limit_is_a_number_above_zero(time_limit):
    with pytest.raises(ValueError, match="time_limit must be a number of seconds above 0, or None; got"):
        out_of_fold([("quick", Sleeper())], time_limit=time_limit)


@pytest.mark.parametrize("slack", SLACK)
@pytest.mark.parametrize("place", ["served", pytest.param("loky", marks=pytest.mark.slow)])
def test_where_this_process_cannot_be_forked_others_are_stopped_or_killed(place, slack, monkeypatch):
    monkeypatch.setattr(executor, "may_fork", lambda: False)
    monkeypatch.setattr(executor, "IMPORTS", 0.0)
    monkeypatch.setattr(executor, "START", 0.0)
    if place == "loky":
        monkeypatch.setattr(executor, "fork_server", lambda: None)
    run = fold_run(n_jobs=2, on_error="skip")
    _ = [*run.fit([("quick", Sleeper(0.01)), ("stuck", Sleeper(slow=(1,)))], task_seconds=1.0)]
    assert list(run.result()) == ["quick"]
    assert isinstance(run.failures["stuck"], TimeoutError)
    members = [("quick", Sleeper()), ("slow", Sleeper(slow=(3,)))]
    with pytest.warns(UserWarning, match="The time limit of 3 seconds"):
        oof, seconds = timed(out_of_fold, members, n_jobs=1, time_limit=3)
    assert 3 <= seconds < 3.3 + slack
    assert {fitted.process_ for fitted in oof["quick"].fold_estimators}.isdisjoint({HOME})
    assert oof.meta_train.equals(run.result().meta_train)
