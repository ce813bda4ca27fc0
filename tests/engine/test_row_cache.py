"""Slices of a table: taken once for all, and never written over while anybody holds them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Lasso
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from stackit import out_of_fold
from stackit.engine.row_cache import COUNTED, RowCache

TABLE = np.arange(600.0).reshape(200, 3)
X, Y = TABLE[:60], np.arange(60.0)


def address(part):
    return part.__array_interface__["data"][0]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 200), st.sampled_from(["drop", "keep", "view"])), max_size=12))
def test_a_slice_that_anybody_holds_keeps_its_rows(steps):
    cache, held, random = RowCache(TABLE), [], np.random.default_rng(0)
    for n_rows, fate in steps:
        rows = np.sort(random.permutation(200)[:n_rows])
        part = cache.shared(rows)
        np.testing.assert_array_equal(part, TABLE[rows])
        if fate != "drop":
            held.append((part if fate == "keep" else part[:, 1:].T, rows, fate))
        del part
    for part, rows, fate in held:
        np.testing.assert_array_equal(part, TABLE[rows] if fate == "keep" else TABLE[rows][:, 1:].T)


@pytest.mark.parametrize("table", [TABLE, np.asfortranarray(TABLE), TABLE.astype(object), TABLE.astype("U5")])
def test_slices_lie_in_memory_as_plain_ones_do(table):
    rows = np.arange(0, 200, 3)
    part = RowCache(table).shared(rows)
    assert part.flags.c_contiguous == table[rows].flags.c_contiguous
    assert part.flags.f_contiguous == table[rows].flags.f_contiguous
    assert not part.flags.writeable
    np.testing.assert_array_equal(part, table[rows])


@pytest.mark.skipif(not COUNTED, reason="no counts of references here")
def test_memory_that_is_free_is_used_again():
    cache = RowCache(TABLE)
    first = address(cache.shared(np.arange(100)))
    cache.shared(np.arange(30))
    assert address(cache.shared(np.arange(50, 150))) == first


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["drop", "keep", "view"])), max_size=12))
def test_a_copy_of_ones_own_can_be_written_into_and_is_not_shared(steps):
    table, held, random = TABLE.copy(), [], np.random.default_rng(0)
    cache = RowCache(table)
    for number, (n_rows, fate) in enumerate(steps):
        rows = None if n_rows == 200 else np.sort(random.permutation(200)[:n_rows])
        shared, own = cache.shared(np.arange(n_rows)), cache.copied(rows)
        if own is not None:
            np.testing.assert_array_equal(own, TABLE if rows is None else TABLE[rows])
            own[:] = -number
            held += [] if fate == "drop" else [(own if fate == "keep" else own[1:].T, -number)]
        np.testing.assert_array_equal(shared, TABLE[:n_rows])
        del own
    assert all((part == value).all() for part, value in held)
    np.testing.assert_array_equal(table, TABLE)


@pytest.mark.skipif(not COUNTED, reason="no counts of references here")
def test_copies_of_ones_own_take_no_new_memory_once_they_are_dropped():
    cache = RowCache(TABLE)
    first = address(cache.copied(np.arange(100)))
    assert address(cache.copied(np.arange(50, 151))) == first
    kept = cache.copied(np.arange(100))
    assert address(cache.copied(np.arange(100))) != address(kept)


def test_memory_held_by_a_memoryview_is_left_alone():
    cache = RowCache(TABLE)
    view = memoryview(cache.shared(np.arange(100)))
    cache.shared(np.arange(30))
    assert address(cache.shared(np.arange(50, 150))) != address(np.asarray(view))


class AddressRecorder(RegressorMixin, BaseEstimator):
    """Remembers where the rows lie that it is fitted on."""

    def fit(self, X, y):
        self.address_, self.writeable_ = address(X), X.flags.writeable
        self.rows_ = X
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Seeing(AddressRecorder):
    """The same, of a library that is known to read only."""

    __module__ = "sklearn.doubles"


class Careless(Seeing):
    """Wants memory that it may write into, and says so in its own words."""

    __module__ = "sklearn.doubles"

    def __init__(self, error=None):
        self.error = error

    def fit(self, X, y):
        if not X.flags.writeable:
            raise self.error
        X[:] = 0
        return super().fit(X, y)


def test_estimators_of_known_libraries_are_fitted_on_one_slice_of_each_fold():
    oof = out_of_fold([("a", Seeing()), ("b", Seeing())], X, Y, cv=3, n_jobs=1)
    for a, b in zip(oof["a"].fold_estimators, oof["b"].fold_estimators, strict=True):
        assert a.address_ == b.address_
        assert not a.writeable_
    assert len({one.address_ for one in oof["a"].fold_estimators}) == 3


@pytest.mark.parametrize(
    "error", [TypeError("a readonly array"), ValueError("buffer source array is read-only")]
)
def test_a_known_library_that_wants_to_write_gets_rows_of_its_own(error):
    oof = out_of_fold([("a", Seeing()), ("c", Careless(error)), ("b", Seeing())], X, Y, cv=3, n_jobs=1)
    for fold, (train, _) in enumerate(oof.folds.splits):
        assert oof["c"].fold_estimators[fold].writeable_
        for name in "ab":
            np.testing.assert_array_equal(oof[name].fold_estimators[fold].rows_, X[train])


def test_estimators_of_unknown_libraries_are_fitted_on_rows_of_their_own():
    oof = out_of_fold([("a", AddressRecorder()), ("b", AddressRecorder())], X, Y, cv=3, n_jobs=1)
    for a, b in zip(oof["a"].fold_estimators, oof["b"].fold_estimators, strict=True):
        assert a.address_ != b.address_
        assert a.writeable_


def test_a_function_in_a_transformer_may_write_into_what_it_is_given():
    def zeroed(part):
        part.flags.writeable = True  # as torch does not even need to
        part[:] = 0
        return part

    line_up = [("f", make_pipeline(FunctionTransformer(zeroed), Lasso())), ("lasso", Lasso())]
    among_others = out_of_fold(line_up, X, Y, cv=3, n_jobs=1).meta_train["lasso"]
    alone = out_of_fold([("lasso", Lasso())], X, Y, cv=3, n_jobs=1).meta_train["lasso"]
    np.testing.assert_array_equal(among_others, alone)


class Standardiser(RegressorMixin, BaseEstimator):
    """Standardises what it is given in place, in `predict` too, and keeps what it was fitted on."""

    def fit(self, X, y):
        self.mean_ = X.mean(axis=0)
        X -= self.mean_
        self.X_, self.y_ = X, y
        return self

    def predict(self, X):
        X -= self.mean_
        return self.y_[((X[:, np.newaxis] - self.X_) ** 2).sum(axis=2).argmin(axis=1)]


class Nearest(Standardiser):
    """The same, in copies."""

    def fit(self, X, y):
        return super().fit(X.copy(), y)

    def predict(self, X):
        return super().predict(X.copy())


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_memory_used_again_is_nobodys_who_keeps_it_and_nothing_is_standardised_twice(kind):
    table = np.sin(X).astype(kind)
    before = table.copy()
    line_up = [(f"s{at}", Standardiser()) for at in range(3)] + [("lasso", Lasso())]
    oof = out_of_fold(line_up, table, Y, table[5:40], cv=4, n_jobs=1)
    plain = out_of_fold([("s", Nearest())], table, Y, table[5:40], cv=4, n_jobs=1)
    for at in range(3):
        np.testing.assert_array_equal(oof.meta_train[f"s{at}"], plain.meta_train["s"])
        np.testing.assert_array_equal(oof.meta_test[f"s{at}"], plain.meta_test["s"])
        np.testing.assert_array_equal(oof.transform(table[5:40])[f"s{at}"], plain.meta_test["s"])
    np.testing.assert_array_equal(table, before)
