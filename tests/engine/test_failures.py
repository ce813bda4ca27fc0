"""Estimators that fail in many ways: each is named, and the others are not affected."""

import copyreg
import faulthandler
import os
import pickle
import re
import signal
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from stackit import out_of_fold
from stackit.engine import executor
from stackit.engine.failures import WorkerTraceback, as_failure, pack_exception, unpack_exception

HOME = os.getpid()
X, Y = np.arange(24.0).reshape(12, 2), np.arange(12.0)


class ConstantMean(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class MessagelessError(Exception):
    def __str__(self):
        raise ValueError("no words")


class Shy(Exception):
    def __repr__(self):
        raise ValueError("no name")


class Wants(Exception):
    def __init__(self, code, *, reason):
        super().__init__(f"{reason} ({code})")
        self.code = code


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


class Panic(BaseException):
    """As the errors of libraries that are written in Rust: no Exception."""


class Locked(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


class Twisted(Exception):
    """Comes out of a pickle as something else."""

    def __reduce__(self):
        return int, (3,)


class Unloadable(Exception):
    def __new__(cls, *args):
        if args != ("made here",):
            raise TypeError("not here")
        return super().__new__(cls, *args)

    def __init__(self, text):
        super().__init__("other words")


RAISED = {
    "mute": (
        lambda: MessagelessError(),
        "MessagelessError: its message cannot be made, for its __str__ raises ValueError",
    ),
    "mute in a tuple": (lambda: ValueError("a", Shy()), "its message cannot be made|no name"),
    "shy": (lambda: Shy("quiet"), "Shy: quiet"),
    "wants": (lambda: Wants(7, reason="out of range"), r"out of range \(7\)"),
    "frozen": (lambda: Frozen(5), "Frozen: 5"),
    "exit": (lambda: SystemExit(3), r"called sys.exit\(3\)"),
    "exit without a code": (lambda: SystemExit(), r"called sys.exit\(\)"),
    "generator": (lambda: GeneratorExit("over"), "GeneratorExit: over"),
    "panic": (lambda: Panic("index out of bounds"), "Panic: index out of bounds"),
    "locked": (lambda: Locked("behind a lock"), "behind a lock"),
    "holds a lock": (lambda: ValueError("the real message", threading.Lock()), "the real message"),
    "twisted": (lambda: Twisted("by its pickle"), "by its pickle"),
    "unloadable": (lambda: Unloadable("made here"), "other words"),
    "group": (lambda: ExceptionGroup("two of them", [ValueError("a"), Wants(1, reason="b")]), "two of them"),
    "unicode": (lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no start"), "can't decode byte 0xff"),
    "no module": (lambda: ImportError("no such module", name="missing"), "no such module"),
    "memory": (lambda: MemoryError("too much"), "too much"),
}


class RaisesOnFit(ConstantMean):
    def __init__(self, how="mute"):
        self.how = how

    def fit(self, X, y):
        raise RAISED[self.how][0]()


def elsewhere(place, monkeypatch):
    """Have fits done in this process, in forks of it, in forks of a server or in processes of loky."""
    monkeypatch.setattr(executor, "may_fork", lambda: place == "forked")
    if place == "loky":
        monkeypatch.setattr(executor, "fork_server", lambda: None)
    return {"n_jobs": 1 if place == "here" else 2}


# Where fits are done elsewhere, exceptions travel: all of them from a fork, some from everywhere.
FROM_EVERYWHERE = ("exit", "holds a lock", "twisted", "wants")


@pytest.mark.parametrize(
    ("how", "place"),
    [
        pytest.param(
            how, place, marks=[] if place == "forked" or how in FROM_EVERYWHERE else [pytest.mark.slow]
        )
        for how in RAISED
        for place in ("here", "forked", "served")
    ],
)
def test_whatever_is_raised_is_the_failure_of_its_estimator(how, place, monkeypatch):
    options = elsewhere(place, monkeypatch)
    members = [("good", ConstantMean()), ("bad", RaisesOnFit(how))]
    with pytest.warns(UserWarning, match=RAISED[how][1]) as caught:
        oof = out_of_fold(members, X, Y, cv=3, on_error="skip", **options)
    assert "'bad' failed and is left out" in str(caught[0].message)
    assert list(oof) == ["good"]
    with pytest.raises(Exception, match=RAISED[how][1]) as raised:
        out_of_fold(members[::-1], X, Y, cv=3, **options)
    assert "Raised by estimator 'bad' in repeat 0 fold" in raised.value.__notes__[0]


@pytest.mark.parametrize("how", ["wants", "group", "unicode", "no module", "memory", "twisted"])
def test_an_exception_that_can_travel_is_what_it_was(how):
    error = RAISED[how][0]()
    copy = unpack_exception(pack_exception(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.args if how != "group" else None) == (
        str(error),
        error.args if how != "group" else None,
    )
    assert isinstance(copy.__cause__, WorkerTraceback)
    assert vars(copy).get("code") == vars(error).get("code")


def test_an_exception_travels_where_a_library_has_changed_how_it_is_pickled(monkeypatch):
    """tblib, which distributed brings, rebuilds exceptions without what is held outside their attributes."""
    monkeypatch.setitem(
        copyreg.dispatch_table, UnicodeDecodeError, lambda error: (type(error).__new__, (type(error),))
    )
    error = RAISED["unicode"][0]()
    assert str(pickle.loads(pickle.dumps(error))) != str(error)
    copy = unpack_exception(pack_exception(error))
    assert (type(copy), str(copy), copy.args) == (UnicodeDecodeError, str(error), error.args)


def test_an_exception_without_its_lock_keeps_its_class():
    copy = unpack_exception(pack_exception(Locked("behind a lock")))
    assert (type(copy), str(copy), hasattr(copy, "lock")) == (Locked, "behind a lock", False)


def test_the_original_is_the_cause_of_its_stand_in():
    error = SystemExit(2)
    assert as_failure(error).__cause__ is error
    plain = ValueError("plain")
    assert as_failure(plain) is plain
    assert plain.__cause__ is None
    assert not plain.__suppress_context__


class Interrupted(ConstantMean):
    def fit(self, X, y):
        raise self.error

    error = KeyboardInterrupt()


class InterruptedInAGroup(Interrupted):
    error = BaseExceptionGroup("both", [ValueError("a"), KeyboardInterrupt()])


@pytest.mark.parametrize("place", ["here", "forked", "served", pytest.param("loky", marks=pytest.mark.slow)])
def test_an_interrupt_is_no_failure(place, monkeypatch):
    options = elsewhere(place, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        out_of_fold([("i", Interrupted())], X, Y, cv=3, on_error="skip", **options)


def test_an_interrupt_in_a_group_is_none_either():
    with pytest.raises(BaseExceptionGroup, match="both"):
        out_of_fold([("i", InterruptedInAGroup())], X, Y, cv=3, n_jobs=1, on_error="skip")


class Dies(ConstantMean):
    """Ends its process in the fold that holds a row out, or in all of them; never the tests' own."""

    def __init__(self, how="exit", row=None, home=HOME):
        self.how = how
        self.row = row
        self.home = home

    def fit(self, X, y):
        if self.row is None or self.row not in X[:, 0]:
            assert os.getpid() != self.home, "in the process of the tests"
            if self.how == "exit":
                os._exit(3)
            faulthandler.disable()  # pytest's would print pages for a segmentation fault
            os.kill(os.getpid(), self.how)
        return super().fit(X, y)


DEATHS = [("exit", "exit code 3"), (signal.SIGSEGV, "SIGSEGV"), (signal.SIGKILL, "SIGKILL")]


@pytest.mark.parametrize("place", ["forked", "served"])
@pytest.mark.parametrize("row", [None, 8.0])
@pytest.mark.parametrize(("how", "cause"), DEATHS)
def test_a_forked_fit_that_ends_its_process_has_failed(how, cause, row, place, monkeypatch):
    options = elsewhere(place, monkeypatch)
    members = [("dies", Dies(how, row)), ("good", ConstantMean())]
    with pytest.warns(
        UserWarning,
        match=rf"'dies' failed .*process that fitted 'dies' in repeat 0 fold . has died:.*{cause}",
    ):
        oof = out_of_fold(members, X, Y, cv=3, on_error="skip", **options)
    alone = out_of_fold(members[1:], X, Y, cv=3, n_jobs=1)
    assert oof.meta_train.equals(alone.meta_train)
    with pytest.raises(RuntimeError, match="died") as caught:
        out_of_fold(members, X, Y, cv=3, **options)
    folds = "01" if row is None else "1"  # of two that die at once, either may be noticed first
    assert re.match(rf"Raised by estimator 'dies' in repeat 0 fold [{folds}]", caught.value.__notes__[0])


def test_a_fit_on_all_rows_that_ends_its_process_has_failed(monkeypatch):
    options = elsewhere("forked", monkeypatch)
    with pytest.raises(RuntimeError, match="exit code 3"):
        out_of_fold([("dies", Dies())], X, Y, cv=[(np.arange(6), np.arange(6, 12))], **options)


def test_a_fit_that_ends_a_process_of_loky_has_failed(monkeypatch):
    options = elsewhere("loky", monkeypatch)
    members = [("good", ConstantMean()), ("dies", Dies("exit", 8.0)), ("fine", ConstantMean())]
    with pytest.warns(UserWarning, match="process that fitted 'dies' in repeat 0 fold 1 has died"):
        oof = out_of_fold(members, X, Y, cv=3, on_error="skip", **options)
    assert list(oof) == ["good", "fine"]
    assert oof.meta_train.equals(out_of_fold(members[::2], X, Y, cv=3, n_jobs=1).meta_train)


class OnceKilled(ConstantMean):
    """Is killed the first time, as by the system when all processes together have run out of memory."""

    def __init__(self, log=""):
        self.log = log

    def fit(self, X, y):
        try:
            os.close(os.open(self.log, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().fit(X, y)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("place", ["forked", "served"])
def test_what_the_system_killed_is_tried_once_more_alone(place, tmp_path, monkeypatch):
    options = elsewhere(place, monkeypatch)
    members = [("killed", OnceKilled(str(tmp_path / "log"))), ("good", ConstantMean())]
    oof = out_of_fold(members, X, Y, cv=3, **options)
    assert oof.meta_train["killed"].equals(oof.meta_train["good"].rename("killed"))


class HoldsALock(ConstantMean):
    """Cannot be pickled once it is fitted."""

    def fit(self, X, y):
        self.lock_ = threading.Lock()
        return super().fit(X, y)


class HoldsALockBefore(ConstantMean):
    """Cannot be pickled at all."""

    def __init__(self, lock=None):
        self.lock = lock

    def __deepcopy__(self, memo):
        return type(self)(self.lock)

    def __sklearn_clone__(self):
        return type(self)(self.lock)


class OpensBadly(ConstantMean):
    """Can be pickled, but not loaded again."""

    def __setstate__(self, state):
        raise OSError("the file is gone")


class FrameWithALock(np.ndarray):
    """A table that cannot be pickled."""

    def __reduce__(self):
        raise TypeError("cannot pickle '_thread.lock' object")


UNSENDABLE = {"fitted": HoldsALock, "before": lambda: HoldsALockBefore(threading.Lock()), "bad": OpensBadly}


@pytest.mark.parametrize("place", ["forked", "served", "loky"])
@pytest.mark.parametrize("kind", UNSENDABLE)
def test_what_cannot_be_sent_is_done_here(kind, place, monkeypatch):
    options = elsewhere(place, monkeypatch)
    members = [("odd", UNSENDABLE[kind]()), ("good", ConstantMean())]
    oof = out_of_fold(members, X, Y, X[:3], cv=3, **options)
    assert oof.meta_train["odd"].equals(oof.meta_train["good"].rename("odd"))
    assert all(type(one) is type(members[0][1]) for one in oof["odd"].fold_estimators)


@pytest.mark.parametrize("place", ["forked", "served", "loky"])
def test_tables_that_cannot_be_sent_are_worked_on_here(place, monkeypatch):
    options = elsewhere(place, monkeypatch)
    table = X.view(FrameWithALock)
    oof = out_of_fold([("a", ConstantMean()), ("b", ConstantMean())], table, Y, cv=3, **options)
    assert oof.meta_train["a"].equals(
        out_of_fold([("a", ConstantMean())], X, Y, cv=3, n_jobs=1).meta_train["a"]
    )


@pytest.mark.parametrize("place", ["forked", "served", "loky"])
def test_one_that_fails_after_all_is_skipped_wherever_it_is_done(place, monkeypatch):
    options = elsewhere(place, monkeypatch)

    class HereOnly(HoldsALockBefore):
        def fit(self, X, y):
            raise Locked("in vain")

    with pytest.warns(UserWarning, match="'odd' failed and is left out: .*in vain"):
        out_of_fold(
            [("odd", HereOnly(threading.Lock())), ("m", ConstantMean())],
            X,
            Y,
            cv=3,
            on_error="skip",
            **options,
        )
