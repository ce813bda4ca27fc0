"""The store: keys, files, resuming, and what goes wrong with disks."""

import errno
import functools
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import threading
import types
from datetime import timedelta
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy
import scipy.stats
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

import stackit
from stackit import DiskStore, MemoryStore, StackingClassifier, StackingRegressor
from stackit.store import Key, NoStore, Stored, versions
from stackit.store.fingerprint import IndescribableError, describe
from stackit.store.record import MAGIC, from_bytes, to_bytes

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3))
Y = X @ [1.0, 2.0, 3.0] + RNG.normal(size=24)
LABELS = np.where(Y > 0, "yes", "no")
X_TEST = RNG.normal(size=(5, 3))
CV = KFold(3)
out_of_fold = partial(stackit.out_of_fold, n_jobs=1)


class LoggedMean(RegressorMixin, BaseEstimator):
    """Writes a line into a file for each fit; fails, or stops the run, while another file is there."""

    def __init__(self, log, scale=1.0, stop=None, error=ValueError):
        self.log = log
        self.scale = scale
        self.stop = stop
        self.error = error

    def fit(self, X, y):
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"{self.scale} {len(X)}\n")
        if self.stop is not None and os.path.exists(self.stop):
            raise self.error("stopped")
        self.mean_ = float(np.mean(y)) * self.scale
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_) + np.asarray(X)[:, 0]


class LoggedMeanClassifier(ClassifierMixin, LoggedMean):
    """The same for two classes."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return LoggedMean.fit(self, X, np.asarray(y) == self.classes_[1])

    def predict_proba(self, X):
        positive = 1 / (1 + np.exp(-LoggedMean.predict(self, X)))
        return np.c_[1 - positive, positive]


class Chance(RegressorMixin, BaseEstimator):
    """Predicts a random number that no seed determines."""

    def fit(self, X, y):
        self.value_ = np.random.default_rng().uniform()
        return self

    def predict(self, X):
        return np.full(len(X), self.value_)


class KeyRecordingStore:
    """An empty store that records the keys that are looked up."""

    def __init__(self):
        self.keys = []

    def get(self, key):
        self.keys.append(key)

    def put(self, key, result):
        pass


def fits(log):
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def assert_equal(a, b):
    assert a.meta_train.to_numpy().tobytes() == b.meta_train.to_numpy().tobytes()
    assert (a.meta_test is None) == (b.meta_test is None)
    if a.meta_test is not None:
        assert a.meta_test.to_numpy().tobytes() == b.meta_test.to_numpy().tobytes()
    pd.testing.assert_frame_equal(a.scores.drop(columns="seconds"), b.scores.drop(columns="seconds"))


@pytest.fixture
def log(tmp_path):
    return tmp_path / "fits.log"


@pytest.fixture
def store(tmp_path):
    return DiskStore(tmp_path / "store")


# --- round trips


ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64]), hnp.array_shapes(max_dims=2, min_side=0, max_side=4)
)


@settings(max_examples=60, deadline=None)
@given(ARRAYS, st.none() | ARRAYS)
def test_results_are_stored_to_the_bit(held_out, test):
    back = from_bytes(to_bytes(Stored(held_out, test, {"estimator": "é", "seconds": 0.1})))
    assert (back.held_out.dtype, back.held_out.shape) == (held_out.dtype, held_out.shape)
    assert back.held_out.tobytes() == held_out.tobytes()
    assert (back.test is None) == (test is None)
    assert test is None or back.test.tobytes() == test.tobytes()
    assert back.metadata == {"estimator": "é", "seconds": 0.1}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_byte_that_is_altered_is_noticed_and_any_that_is_missing(data):
    whole = to_bytes(Stored(np.eye(2), np.ones((1, 2))))
    at = data.draw(st.integers(0, len(whole) - 1))
    altered = bytearray(whole)
    altered[at] ^= data.draw(st.integers(1, 255))
    for wrong in (bytes(altered), whole[:at]):
        with pytest.raises(ValueError, match="the checksum is wrong"):
            from_bytes(wrong)


def test_nan_and_an_empty_test_table_survive_the_disk(store):
    held_out = np.array([[np.nan, -0.0], [np.inf, 5e-324]])
    store.put(Key("ab1", "t"), Stored(held_out, np.zeros((0, 2)), {"seconds": 1.0}))
    back = store.get(Key("ab1", "t"))
    assert back.held_out.tobytes() == held_out.tobytes()
    assert back.test.shape == (0, 2)


@pytest.mark.parametrize("make", [DiskStore, lambda path: MemoryStore()], ids=["disk", "memory"])
def test_a_result_without_test_predictions_is_found_under_any_test_table(make, tmp_path):
    store = make(tmp_path)
    assert store.get(Key("ab1")) is None
    store.put(Key("ab1", "t"), Stored(np.ones((2, 1)), np.zeros((3, 1))))
    assert store.get(Key("ab1")).held_out.tolist() == [[1.0], [1.0]]
    assert store.get(Key("ab1", "u")) is None
    assert store.get(Key("ab2")) is None


def test_no_store_keeps_nothing():
    store = NoStore()
    store.put(Key("ab1"), Stored(np.ones((2, 1))))
    assert store.get(Key("ab1")) is None


# --- no pickle


class MakesFolderWhenUnpickled:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def test_objects_are_neither_written_nor_read(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        store.put(Key("ab1"), Stored(np.array([[MakesFolderWhenUnpickled()]], dtype=object)))
    assert not list(store.path.rglob("*.result"))
    body = io.BytesIO()
    body.write(json.dumps({"arrays": 1, "key": "ab1", "seconds": 0.0}).encode() + b"\n")
    np.lib.format.write_array(body, np.array([[MakesFolderWhenUnpickled()]], dtype=object), allow_pickle=True)
    path = store.path / "ab" / "ab1.result"
    path.parent.mkdir(parents=True)
    digest = hashlib.sha256(body.getvalue()).hexdigest().encode()
    path.write_bytes(MAGIC + b" " + digest + b"\n" + body.getvalue())
    with pytest.warns(UserWarning, match="Object arrays cannot be loaded"):
        assert store.get(Key("ab1")) is None
    assert store.verify() == [path]
    assert not (tmp_path / "unpickled").exists()


def test_files_are_json_and_npy_that_numpy_reads_without_pickle(store):
    out_of_fold([("ridge", Ridge())], X, Y, X_TEST, cv=CV, store=store)
    files = list(store.path.rglob("*.result"))
    assert len(files) == 3
    for path in files:
        file = io.BytesIO(path.read_bytes())
        assert file.readline().startswith(MAGIC)
        assert json.loads(file.readline())["estimator"] == "ridge"
        assert [np.load(file, allow_pickle=False).shape for _ in range(2)] == [(8, 1), (5, 1)]
        assert file.read() == b""


def test_neither_writing_nor_reading_calls_pickle(store, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("pickle was called")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for _ in range(2):
        out_of_fold([("ridge", Ridge())], X, Y, X_TEST, cv=CV, store=store)


# --- keys


BASE = {"X": X, "y": Y, "X_test": X_TEST, "cv": CV, "random_state": 0}
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
SHIFT = 1.0


def keys_of(estimator, name="a", others=(), **changes):
    """Return the keys of estimator `name` that a run looks up, one per fold."""
    recorder = KeyRecordingStore()
    estimators = [*others, (name, estimator)]
    out_of_fold(estimators, **{**BASE, **changes}, store=recorder)
    n = len(estimators)
    return recorder.keys[n - 1 :: n]


def with_cell(table, value):
    table = table.copy()
    table[3, 1] = value
    return table


def plus(amount):
    return FunctionTransformer(lambda x: x + amount)


def make_class(body):
    """A class of the caller's, with this line in its fit."""
    space = {"Base": LoggedMean, "SHIFT": SHIFT, "np": np, "__name__": "mine"}
    source = (
        f"class Mine(Base):\n    'Doc.'\n    level = 1\n    def fit(self, X, y):\n{body}\n        return self"
    )
    exec(source, space)
    return space["Mine"]("x.log")


LINE = "        self.mean_ = 1.0"
RELEVANT = {
    "a parameter": ((Ridge(),), (Ridge(2.0),)),
    "a type of parameter": ((Ridge(1),), (Ridge(1.0),)),
    "a class": ((Ridge(random_state=0),), (Lasso(random_state=0),)),
    "a nested parameter": (
        (make_pipeline(StandardScaler(), Ridge()),),
        (make_pipeline(StandardScaler(with_mean=False), Ridge()),),
    ),
    "a seed of its own": ((SGDRegressor(random_state=0),), (SGDRegressor(random_state=1),)),
    "the run's seed": ((SGDRegressor(),), (SGDRegressor(), {"random_state": 1})),
    "the name, from which an open seed comes": ((SGDRegressor(),), (SGDRegressor(), {"name": "b"})),
    "the state of a random state": (
        (SGDRegressor(random_state=np.random.RandomState(0)),),
        (SGDRegressor(random_state=np.random.RandomState(1)),),
    ),
    "a lambda": (
        (make_pipeline(FunctionTransformer(lambda x: x + 1), Ridge()),),
        (make_pipeline(FunctionTransformer(lambda x: x + 2), Ridge()),),
    ),
    "what a lambda encloses": ((make_pipeline(plus(1), Ridge()),), (make_pipeline(plus(2), Ridge()),)),
    "a function of numpy": (
        (make_pipeline(FunctionTransformer(np.exp), Ridge()),),
        (make_pipeline(FunctionTransformer(np.tanh), Ridge()),),
    ),
    "a method of one's own": ((make_class(LINE),), (make_class("        self.mean_ = 2.0"),)),
    "a splitter inside a search": (
        (GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=KFold(2)),),
        (GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=KFold(3)),),
    ),
    "a distribution inside a search": (
        (RandomizedSearchCV(Ridge(), {"alpha": scipy.stats.uniform(0, 1)}, n_iter=2, cv=2),),
        (RandomizedSearchCV(Ridge(), {"alpha": scipy.stats.uniform(0, 2)}, n_iter=2, cv=2),),
    ),
    "what a frozen estimator has learned": (
        (FrozenEstimator(Ridge().fit(X, Y)),),
        (FrozenEstimator(Ridge().fit(X, Y + X[:, 0])),),
    ),
    "the smallest change of a value": (
        (Ridge(),),
        (Ridge(), {"X": with_cell(X, np.nextafter(X[3, 1], 9))}),
    ),
    "the type of X": ((Ridge(),), (Ridge(), {"X": X.astype(np.float32)})),
    "the container of X": ((Ridge(),), (Ridge(), {"X": FRAME, "X_test": FRAME[:5]})),
    "a column's name": (
        (Ridge(), {"X": FRAME, "X_test": None}),
        (Ridge(), {"X": FRAME.rename(columns={"a": "z"}), "X_test": None}),
    ),
    "a column's type": (
        (Ridge(), {"X": FRAME.round(), "X_test": None}),
        (Ridge(), {"X": FRAME.round().astype({"a": int}), "X_test": None}),
    ),
    "the index": ((Ridge(), {"X": FRAME, "X_test": None}), (Ridge(), {"X": FRAME[::-1], "X_test": None})),
    "a sparse value": (
        (Ridge(), {"X": sparse.csr_array(X), "X_test": None}),
        (Ridge(), {"X": sparse.csr_array(with_cell(X, 7)), "X_test": None}),
    ),
    "the target": ((Ridge(),), (Ridge(), {"y": Y + np.eye(24)[0]})),
    "the weights": ((Ridge(),), (Ridge(), {"sample_weight": np.ones(24)})),
    "one weight": (
        (Ridge(), {"sample_weight": np.ones(24)}),
        (Ridge(), {"sample_weight": np.ones(24) + np.eye(24)[0]}),
    ),
    "the folds": ((Ridge(),), (Ridge(), {"cv": KFold(3, shuffle=True, random_state=0)})),
    "the order of training rows": (
        (Ridge(), {"cv": [(np.arange(12), np.arange(12, 24))]}),
        (Ridge(), {"cv": [(np.arange(12)[::-1], np.arange(12, 24))]}),
    ),
    "the rows held out": (
        (Ridge(), {"cv": [(np.arange(12), np.arange(12, 24))]}),
        (Ridge(), {"cv": [(np.arange(12), np.arange(12, 20))]}),
    ),
    "stack method": (
        (LogisticRegression(), {"y": LABELS}),
        (LogisticRegression(), {"y": LABELS, "stack_method": "decision_function"}),
    ),
}
RELEVANT["the labels"] = (
    (LogisticRegression(), {"y": LABELS}),
    (LogisticRegression(), {"y": np.where(LABELS == "no", "not", LABELS)}),
)
IRRELEVANT = {
    "nothing": ((Ridge(),), (Ridge(),)),
    "a parameter left at its default": ((Ridge(),), (Ridge(alpha=1.0),)),
    "its n_jobs": ((KNeighborsRegressor(),), (KNeighborsRegressor(n_jobs=2),)),
    "its verbosity": (
        (RandomForestRegressor(3),),
        (RandomForestRegressor(3, verbose=0, n_jobs=2),),
    ),
    "the cache of a pipeline": (
        (make_pipeline(StandardScaler(), Ridge()),),
        (make_pipeline(StandardScaler(), Ridge(), memory=joblib.Memory(None)),),
    ),
    "the store of a stack inside": (
        (StackingRegressor([("a", Ridge())]),),
        (StackingRegressor([("a", Ridge())], store=MemoryStore()),),
    ),
    "another estimator": ((SGDRegressor(),), (SGDRegressor(), {"others": [("b", Ridge())]})),
    "the run's seed where nothing is open": (
        (SGDRegressor(random_state=3),),
        (SGDRegressor(random_state=3), {"random_state": 1, "name": "b"}),
    ),
    "the order in memory": ((Ridge(),), (Ridge(), {"X": np.asfortranarray(X)})),
    "the same state of a random state": (
        (SGDRegressor(random_state=np.random.RandomState(0)),),
        (SGDRegressor(random_state=np.random.RandomState(0)),),
    ),
    "the same lambda on another line": (
        (make_pipeline(plus(1), Ridge()),),
        (make_pipeline(plus(1), Ridge()),),
    ),
    "a comment and a moved line": (
        (make_class(LINE),),
        (make_class("\n        # Why not.\n\n" + LINE),),
    ),
    "a frame's copy": ((Ridge(), {"X": FRAME}), (Ridge(), {"X": FRAME.copy(), "X_test": X_TEST})),
    "how the run is done": ((Ridge(),), (Ridge(), {"n_jobs": 2, "on_error": "skip"})),
    "how it is scored": ((Ridge(),), (Ridge(), {"scoring": "neg_mean_absolute_error"})),
    "folds given in another way": ((Ridge(),), (Ridge(), {"cv": list(CV.split(X))})),
}


def both_keys(pair):
    return [keys_of(case[0], **(case[1] if len(case) > 1 else {})) for case in pair]


@pytest.mark.parametrize("what", RELEVANT)
@pytest.mark.filterwarnings("ignore:X has feature names", "ignore:X.* does not have valid feature names")
def test_key_changes_with(what):
    a, b = both_keys(RELEVANT[what])
    assert not {key.fit for key in a} & {key.fit for key in b}


@pytest.mark.parametrize("what", IRRELEVANT)
@pytest.mark.filterwarnings("ignore:X(_test)? does not have valid feature names")
def test_key_does_not_change_with(what):
    with joblib.parallel_config("threading"):
        a, b = both_keys(IRRELEVANT[what])
    assert a == b
    assert len({key.fit for key in a}) == 3


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(float, (4, 2)), st.integers(0, 3), st.integers(0, 1), st.floats())
def test_a_table_is_described_by_each_of_its_values(table, row, column, value):
    other = table.copy()
    other[row, column] = value
    equal = table.tobytes() == other.tobytes()
    assert (describe(table) == describe(other)) == equal
    assert (describe(pd.DataFrame(table)) == describe(pd.DataFrame(other))) == equal
    assert (describe(table.tolist()) == describe(other.tolist())) == (repr(table) == repr(other) or equal)


@pytest.mark.parametrize("library", [np, sklearn, scipy, stackit], ids=lambda module: module.__name__)
def test_another_version_of_a_library_is_another_key(library, monkeypatch):
    before = keys_of(Ridge())
    monkeypatch.setattr(library, "__version__", "99.0")
    versions._version_of_package.cache_clear()
    try:
        assert not set(keys_of(Ridge())) & set(before)
    finally:
        monkeypatch.undo()
        versions._version_of_package.cache_clear()


def test_the_container_of_transforms_counts():
    before = keys_of(Ridge())
    with sklearn.config_context(transform_output="pandas"):
        assert not set(keys_of(Ridge())) & set(before)


def test_a_method_of_a_fitted_estimator_counts_with_what_it_has_learned():
    first, second = (Ridge().fit(X, Y + shift * X[:, 0]).predict for shift in (0, 1))
    assert describe(partial(first)) != describe(partial(second))
    assert describe(partial(first)) == describe(partial(Ridge().fit(X, Y).predict))


def test_a_global_that_an_estimators_code_uses_is_in_its_key(monkeypatch):
    pipe = make_pipeline(FunctionTransformer(shifted), Ridge())
    before = keys_of(pipe)
    monkeypatch.setitem(globals(), "SHIFT", 2.0)
    assert not set(keys_of(pipe)) & set(before)


def shifted(x):
    return further(x) + SHIFT


def further(x):
    return shifted(x[:0]) if len(x) < 0 else x


def test_another_test_table_changes_the_other_half_of_the_key():
    a, b, c = (keys_of(Ridge(), X_test=table) for table in (X_TEST, X_TEST[:4], None))
    assert [key.fit for key in a] == [key.fit for key in b] == [key.fit for key in c]
    assert len({key.test for key in (*a, *b, *c)}) == 3
    assert {key.test for key in c} == {""}


class SlottedValue:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Odd:
    """A class with all that a class may hold."""

    table = np.eye(2)

    def __init__(self, value):
        self.value = value
        self.me = self

    @property
    def a(self):
        return self.value

    @functools.cached_property
    def b(self):
        return self.value

    @staticmethod
    @functools.lru_cache
    def c():
        return 1

    @classmethod
    def d(cls):
        return super().__init__


@pytest.mark.parametrize(
    "make",
    [
        lambda: SlottedValue(1),
        lambda: Odd(1),
        lambda: partial(shifted, 1),
        lambda: Odd(1).d,
        lambda: {1, "a", (2, None)},
        lambda: frozenset("abcdefgh"),
        lambda: np.ma.masked_array([1, 2], [True, False]),
        lambda: np.array([("a", 1)], dtype=[("x", "U1"), ("y", int)]),
        lambda: np.array([1, "a", None, SlottedValue(1)], dtype=object),
        lambda: np.datetime64("2020-01-01"),
        lambda: np.array(["2020-01-01", "NaT"], dtype="M8[s]"),
        lambda: np.dtype([("x", float)]),
        lambda: pd.Series(["a", None, "b"], dtype="str"),
        lambda: pd.Series(["a", None, "b"], dtype="category"),
        lambda: pd.Series([1, None], dtype="Int64"),
        lambda: pd.Series(pd.to_datetime(["2020-01-01"]).tz_localize("CET")),
        lambda: pd.MultiIndex.from_tuples([(1, "a")], names=["x", None]),
        lambda: np.random.default_rng(0),
        lambda: timedelta(1),
        lambda: Path("x"),
        lambda: types.SimpleNamespace(a=1),
        lambda: clone,
        lambda: len,
        lambda: str.upper,
        lambda: np.linalg,
    ],
)
def test_description_is_the_same_each_time_and_without_addresses(make):
    text = describe(make())
    assert text == describe(make())
    assert " at 0x" not in text


def test_descriptions_are_the_same_in_another_process():
    code = (
        "import numpy as np; from sklearn.ensemble import RandomForestClassifier as F\n"
        "from stackit.store.fingerprint import describe; import hashlib\n"
        "value = [F(random_state=np.random.RandomState(0)), {'a', 'b', 'c'}, lambda x: x in {'p', 'q'}]\n"
        "print(hashlib.sha256(describe(value).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: threading.Lock(), "a lock"),
        (lambda: (i for i in [1]), "a generator"),
        (lambda: np.frompyfunc(shifted, 1, 1), "of which numpy shows no code"),
        (lambda: [{"a": sys.stdout.buffer}], "a .*(Buffer|IO)"),
        (lambda: (lambda lock: lambda: lock)(threading.Lock()), "a lock .*, which .*<lambda> uses"),
    ],
)
def test_what_cannot_be_described_is_refused(make, why):
    with pytest.raises(IndescribableError, match=why):
        describe(make())


def test_what_cannot_be_described_is_fitted_each_time_and_reported_once(store, log):
    locked = (lambda lock: lambda text: lock)(threading.Lock())
    members = [("locked", LoggedMean(log, error=locked)), ("ridge", Ridge())]
    text = r"not possible for locked \(a lock .*lambda> uses\)\. They are not stored, and fitted each time"
    for _ in range(2):
        with pytest.warns(UserWarning, match=text) as caught:
            oof = out_of_fold(members, X, Y, cv=CV, store=store)
        assert len(caught) == 1
        assert caught[0].filename == __file__
    assert fits(log) == 6
    assert oof.n_stored == 3
    assert store.list()["estimator"].unique().tolist() == ["ridge"]


def test_data_that_cannot_be_described_are_reported_once():
    table = np.array([[1.0, threading.Lock()]] * 6, dtype=object)
    with pytest.warns(UserWarning, match="its data hold a lock") as caught:
        out_of_fold([("c", Chance())], table, range(6), cv=CV, store=MemoryStore())
    assert len(caught) == 1


# --- resuming


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_what_is_finished_is_not_fitted_again(kind, store, log):
    store = store if kind == "disk" else MemoryStore()
    members = [("c", LoggedMean(log)), ("tree", DecisionTreeRegressor())]
    plain = out_of_fold(members, X, Y, X_TEST, cv=CV)
    first = out_of_fold(members, X, Y, X_TEST, cv=CV, store=store)
    assert fits(log) == 6
    again = out_of_fold(members, X, Y, X_TEST, cv=CV, store=store)
    assert fits(log) == 6
    assert_equal(first, plain)
    assert_equal(again, plain)
    assert (first.n_stored, again.n_stored) == (0, 6)
    assert repr(again).endswith("6 fits from the store)")
    assert again.scores["seconds"].tolist() == first.scores["seconds"].tolist()


def test_only_new_estimators_are_fitted(store, log):
    out_of_fold([("a", LoggedMean(log))], X, Y, cv=CV, store=store)
    out_of_fold([("b", LoggedMean(log, 2.0)), ("a", LoggedMean(log))], X, Y, cv=CV, store=store)
    out_of_fold([("b", LoggedMean(log, 2.0))], X, Y, cv=CV, store=store)
    assert fits(log) == 6


def test_without_a_test_table_any_stored_fit_serves(store, log):
    first = out_of_fold([("a", LoggedMean(log))], X, Y, X_TEST, cv=CV, store=store)
    again = out_of_fold([("a", LoggedMean(log))], X, Y, cv=CV, store=store)
    assert fits(log) == 3
    assert again.meta_test is None
    assert again.meta_train.equals(first.meta_train)
    other = out_of_fold([("a", LoggedMean(log))], X, Y, X_TEST[:2], cv=CV, store=store)
    assert fits(log) == 6
    assert other.meta_test.equals(first.meta_test[:2])


def test_folds_that_stay_are_not_fitted_again(store, log):
    splits = list(KFold(4).split(X))
    out_of_fold([("a", LoggedMean(log))], X, Y, cv=splits[:3], store=store)
    out_of_fold([("a", LoggedMean(log))], X, Y, cv=splits, store=store)
    assert fits(log) == 4


def test_results_are_kept_before_an_error_stops_the_run(store, log, tmp_path):
    switch = tmp_path / "stop"
    members = [("a", LoggedMean(log)), ("b", LoggedMean(log, 2.0, stop=switch))]
    switch.touch()
    with pytest.raises(ValueError, match="stopped"):
        out_of_fold(members, X, Y, cv=CV, store=store)
    assert store.list()[["estimator", "fold"]].to_numpy().tolist() == [["a", 0]]
    switch.unlink()
    oof = out_of_fold(members, X, Y, cv=CV, store=store)
    assert fits(log) == 2 + 5
    assert_equal(oof, out_of_fold(members, X, Y, cv=CV))


def test_results_are_kept_before_the_user_stops_the_run(store, log, tmp_path):
    switch = tmp_path / "stop"
    members = [("a", LoggedMean(log)), ("b", LoggedMean(log, 2.0, stop=switch, error=KeyboardInterrupt))]
    switch.touch()
    with pytest.raises(KeyboardInterrupt):
        out_of_fold(members, X, Y, cv=CV, store=store)
    assert len(store.list()) == 1
    switch.unlink()
    out_of_fold(members, X, Y, cv=CV, store=store)
    assert fits(log) == 2 + 5


def test_an_estimator_that_is_skipped_is_tried_again(store, log, tmp_path):
    switch = tmp_path / "stop"
    members = [("a", LoggedMean(log)), ("b", LoggedMean(log, 2.0, stop=switch))]
    switch.touch()
    with pytest.warns(UserWarning, match="'b' failed and is left out"):
        oof = out_of_fold(members, X, Y, cv=CV, store=store, on_error="skip")
    assert list(oof) == ["a"]
    assert store.list()["estimator"].tolist() == ["a"] * 3
    switch.unlink()
    assert list(out_of_fold(members, X, Y, cv=CV, store=store)) == ["a", "b"]


def test_several_threads_share_a_store(store, log):
    with joblib.parallel_config("threading"):
        first = out_of_fold([("a", LoggedMean(log)), ("b", Ridge())], X, Y, X_TEST, n_jobs=2, store=store)
        again = out_of_fold([("a", LoggedMean(log)), ("b", Ridge())], X, Y, X_TEST, n_jobs=2, store=store)
    assert fits(log) == 5
    assert_equal(first, again)


def test_two_unseeded_estimators_differ(store):
    forests = [(name, RandomForestRegressor(2)) for name in "ab"]
    for _ in range(2):
        oof = out_of_fold(forests, X, Y, cv=CV, store=store, random_state=None)
    assert oof.n_stored == 6
    assert not oof.meta_train["a"].equals(oof.meta_train["b"])


def test_a_store_must_have_get_and_put():
    with pytest.raises(
        ValueError, match=r"store must be None or a store .*; got store='runs'\. Pass store=D"
    ):
        out_of_fold([("a", Ridge())], X, Y, store="runs")


# --- fold estimators of stored results


def test_fold_estimators_are_fitted_on_first_access_and_once(store, log):
    first = out_of_fold([("a", LoggedMean(log)), ("b", Ridge())], X, Y, X_TEST, cv=CV, store=store)
    again = out_of_fold([("a", LoggedMean(log)), ("b", Ridge())], X, Y, X_TEST, cv=CV, store=store)
    assert repr(again["a"].fold_estimators) == ("LazyFoldEstimators(0 of 3 fitted, the others on first use)")
    assert len(again["a"].fold_estimators) == 3
    assert again.of_repeat(0).meta_train.equals(first.meta_train)
    assert fits(log) == 3
    pd.testing.assert_frame_equal(again.transform(X_TEST), first.transform(X_TEST), rtol=1e-9)
    assert fits(log) == 6
    pd.testing.assert_frame_equal(again.transform(X_TEST), first.meta_test, rtol=1e-9)
    assert [est.mean_ for est in again["a"].fold_estimators] == [
        est.mean_ for est in first["a"].fold_estimators
    ]
    assert fits(log) == 6


def test_a_part_shares_the_fold_estimators_of_the_whole(store, log):
    out_of_fold([("a", LoggedMean(log))], X, Y, cv=CV, store=store)
    again = out_of_fold([("a", LoggedMean(log))], X, Y, cv=CV, store=store)
    part = again.of_repeat(0)
    assert part["a"].fold_estimators[0] is again["a"].fold_estimators[0]
    assert part["a"].fold_estimators == again["a"].fold_estimators
    assert part["a"].fold_estimators != 3
    assert fits(log) == 6


def test_only_missing_fold_estimators_are_fitted(store, log):
    splits = list(KFold(4).split(X))
    out_of_fold([("a", LoggedMean(log))], X, Y, cv=splits[:3], store=store)
    oof = out_of_fold([("a", LoggedMean(log))], X, Y, cv=splits, store=store)
    assert oof.n_stored == 3
    assert len(oof["a"].fold_estimators[1:3]) == 2
    assert fits(log) == 3 + 1 + 3


def test_a_memory_store_keeps_fold_estimators(log):
    store = MemoryStore()
    for _ in range(2):
        oof = out_of_fold([("a", LoggedMean(log))], X, Y, cv=CV, store=store)
        assert isinstance(oof["a"].fold_estimators, list)
    assert fits(log) == 3


def test_an_unseeded_fit_is_reported_when_it_is_repeated(store):
    for _ in range(2):
        oof = out_of_fold([("a", Chance())], X, Y, cv=CV, store=store)
    with pytest.warns(
        UserWarning, match="estimators of 'a', fitted again, do not predict what the store has"
    ):
        oof.transform(X_TEST)


def test_an_error_in_a_repeated_fit_says_what_it_was_for(store, log, tmp_path):
    members = [("a", LoggedMean(log, stop=tmp_path / "stop"))]
    for _ in range(2):
        oof = out_of_fold(members, X, Y, cv=CV, store=store)
    (tmp_path / "stop").touch()
    with pytest.raises(ValueError, match="stopped") as caught:
        oof.transform(X_TEST)
    assert "fitted again" in caught.value.__notes__[-1]


# --- stacks


def test_another_final_estimator_refits_nothing_below_it(store, log):
    plain = StackingClassifier([("a", LoggedMeanClassifier(log)), ("b", GaussianNB())], cv=CV).fit(X, LABELS)
    log.unlink()
    stack = StackingClassifier([("a", LoggedMeanClassifier(log)), ("b", GaussianNB())], cv=CV, store=store)
    stack.fit(X, LABELS)
    assert fits(log) == 3
    other = clone(stack).set_params(final_estimator=GaussianNB()).fit(X, LABELS)
    assert fits(log) == 3
    again = clone(stack).fit(X, LABELS)
    assert again.fit_transform(X, LABELS).tolist() == plain.fit_transform(X, LABELS).tolist()
    log.unlink()
    assert again.predict_proba(X_TEST).tolist() == plain.predict_proba(X_TEST).tolist()
    assert fits(log) == 3
    again.predict(X_TEST)
    assert fits(log) == 3
    assert other.predict(X_TEST).shape == (5,)


def test_a_memory_store_serves_a_search_over_final_estimators(log):
    stack = StackingClassifier([("a", LoggedMeanClassifier(log))], cv=CV, store=MemoryStore())
    search = GridSearchCV(stack, {"final_estimator": [GaussianNB(), LogisticRegression()]}, cv=2)
    search.fit(X, LABELS).predict(X_TEST)
    assert fits(log) == (2 + 1) * 3


def test_with_refit_the_fit_on_all_rows_is_done_each_time(store, log):
    stack = StackingRegressor([("a", LoggedMean(log))], cv=CV, store=store, refit=True)
    stack.fit(X, Y)
    assert fits(log) == 4
    again = clone(stack).fit(X, Y)
    assert fits(log) == 5
    assert again.predict(X_TEST).tolist() == stack.predict(X_TEST).tolist()
    assert fits(log) == 5


def test_a_pickled_stack_has_all_its_fold_estimators(store, log):
    for _ in range(2):
        stack = StackingRegressor([("a", LoggedMean(log))], cv=CV, store=store).fit(X, Y)
    back = pickle.loads(pickle.dumps(stack))
    assert fits(log) == 6
    assert isinstance(back.estimators_[0], list)
    assert back.predict(X_TEST).tolist() == stack.predict(X_TEST).tolist()


def test_a_stack_with_a_store_is_cloned_and_compared(store):
    stack = StackingRegressor([("a", Ridge())], store=store)
    assert clone(stack).store == store == DiskStore(str(store.path))
    assert store != DiskStore("elsewhere")
    assert len({store, DiskStore(store.path)}) == 1
    assert pickle.loads(pickle.dumps(store)) == store
    assert repr(DiskStore("runs")) == "DiskStore('runs')"
    assert clone(StackingRegressor([("a", Ridge())], store=(memory := MemoryStore()))).store is memory


def test_a_store_that_nothing_was_put_into_makes_no_folder(store):
    assert store.list().empty
    assert store.verify() == []
    assert store.prune() == []
    assert not store.path.exists()


# --- list, verify, prune


def test_list_has_one_row_per_result(store):
    out_of_fold([("b", Ridge()), ("a", Lasso())], X, Y, cv=KFold(2), store=store)
    table = store.list()
    assert table.columns.tolist() == ["key", "estimator", "repeat", "fold", "seconds", "size", "when"]
    assert table[["estimator", "repeat", "fold"]].to_numpy().tolist() == [
        ["a", 0, 0],
        ["a", 0, 1],
        ["b", 0, 0],
        ["b", 0, 1],
    ]
    assert (table["seconds"] > 0).all()
    assert table["size"].sum() == sum(path.stat().st_size for path in store.path.rglob("*.result"))
    assert (pd.Timestamp.now("UTC") - table["when"] < timedelta(minutes=5)).all()


def damaged(store):
    """Truncate one file, alter one, give one the content of another; add one that is not a result."""
    files = sorted(store.path.rglob("*.result"))
    files[0].write_bytes(files[0].read_bytes()[:-1])
    content = bytearray(files[1].read_bytes())
    content[-1] ^= 1
    files[1].write_bytes(content)
    files[2].write_bytes(files[3].read_bytes())
    strange = files[0].with_name("strange.result")
    strange.write_bytes(b"hello")
    return {*files[:3]}


@pytest.mark.filterwarnings("always")
def test_damaged_files_are_found_reported_and_fitted_again(store, log):
    members = [("a", LoggedMean(log)), ("b", LoggedMean(log, 2.0))]
    first = out_of_fold(members, X, Y, X_TEST, cv=CV, store=store)
    bad = damaged(store)
    assert set(store.verify()) == bad
    with pytest.warns(UserWarning, match="The stored result .* is damaged") as caught:
        again = out_of_fold(members, X, Y, X_TEST, cv=CV, store=store)
    assert len(caught) == 3
    assert fits(log) == 6 + 3
    assert_equal(first, again)
    assert store.verify() == []
    assert out_of_fold(members, X, Y, X_TEST, cv=CV, store=store).n_stored == 6
    assert len(store.list()) == 6


def test_prune_deletes_damaged_and_partial_files(store):
    out_of_fold([("a", Ridge()), ("b", Lasso())], X, Y, cv=CV, store=store)
    bad = damaged(store)
    torn = next(iter(bad))
    old, young = (torn.with_name(f".{torn.name}.{pid}-0f.part") for pid in (1, 2))
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    assert set(store.prune()) == bad | {old}
    assert young.exists()
    assert torn.with_name("strange.result").exists() or len(list(store.path.rglob("strange.result"))) == 1
    assert len(store.list()) == 3


def test_prune_by_key_and_by_age(store):
    out_of_fold([("a", Ridge())], X, Y, cv=CV, store=store)
    keys = store.list()["key"].tolist()
    assert store.prune(older_than=timedelta(hours=1)) == []
    for path in store.path.rglob("*.result"):
        os.utime(path, (0, 0))
    gone = store.prune(keep=keys[:2], older_than=timedelta(hours=1))
    assert [path.stem for path in gone] == keys[2:]
    assert [path.stem for path in store.prune(keep=keys[:1])] == keys[1:2]
    assert store.list()["key"].tolist() == keys[:1]


def test_prune_refuses_ambiguous_arguments(store):
    with pytest.raises(ValueError, match=r"keep must be a list of keys; got keep='ab'"):
        store.prune(keep="ab")
    with pytest.raises(
        ValueError, match=r"older_than must be a timedelta; got older_than=30\. Pass datetime"
    ):
        store.prune(older_than=30)


# --- disks that fail


def run_on_a_failing_disk(store, log, match):
    """A run that cannot store its results warns once, and still returns them."""
    with pytest.warns(UserWarning, match=match) as caught:
        oof = out_of_fold([("a", LoggedMean(log))], X, Y, X_TEST, cv=CV, store=store)
    assert len(caught) == 1
    assert_equal(oof, out_of_fold([("a", LoggedMean(log))], X, Y, X_TEST, cv=CV))


@pytest.mark.parametrize(
    ("call", "number"),
    [("fsync", errno.ENOSPC), ("replace", errno.EROFS), ("replace", errno.EACCES), ("fsync", errno.EIO)],
)
def test_a_run_continues_when_the_disk_fails(call, number, store, log, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    text = f"The store DiskStore.* cannot be read or written: .*{os.strerror(number)}.* run continues"
    run_on_a_failing_disk(store, log, text)
    assert not [path for path in store.path.rglob("*") if path.is_file()]
    monkeypatch.undo()
    for stored in (0, 3):
        assert out_of_fold([("a", LoggedMean(log))], X, Y, X_TEST, cv=CV, store=store).n_stored == stored


def test_a_folder_that_cannot_be_made(tmp_path, log):
    (tmp_path / "file").touch()
    run_on_a_failing_disk(
        DiskStore(tmp_path / "file" / "store"), log, "The store DiskStore.* cannot be read or written"
    )
    assert DiskStore(tmp_path / "file" / "store").list().empty


def test_a_full_disk_keeps_earlier_results(store, log, monkeypatch):
    left = iter([None, OSError(errno.ENOSPC, "No space left on device"), None])
    fsync = os.fsync

    def sometimes(descriptor):
        if os.path.isfile(f"/proc/self/fd/{descriptor}") and (error := next(left)) is not None:
            raise error
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sometimes)
    run_on_a_failing_disk(store, log, "No space left")
    monkeypatch.undo()
    assert store.list()["fold"].tolist() == [0, 2]
    assert store.verify() == []


def test_files_that_may_not_be_read_are_fitted_again(store, log, monkeypatch):
    out_of_fold([("a", LoggedMean(log))], X, Y, cv=CV, store=store)

    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.warns(UserWarning, match="cannot be read or written: .*Permission denied") as caught:
        out_of_fold([("a", LoggedMean(log))], X, Y, cv=CV, store=store)
    assert len(caught) == 1
    assert fits(log) == 6


# --- processes that are killed, and concurrent ones


@pytest.mark.parametrize("scenario", ["kills", "writers", "full"])
def test_processes(scenario, tmp_path):
    script = Path(__file__).parent.parent / "engine" / "processes.py"
    done = subprocess.run(
        [sys.executable, str(script), scenario, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(stackit.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    if scenario == "kills":
        assert int(done.stdout.split()[0]) >= 10, done.stdout
