"""Pickled and saved ensembles hold what predicts, and tables of rows only if wanted."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_backend
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB

from stackit import (
    Level,
    LevelsClassifier,
    StackingClassifier,
    average_or_refit,
    make_folds,
    out_of_fold,
    overfitting_alarm,
)
from stackit.results.placeholders import MissingDataError, Placeholder

N = 5_000
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4))
Y = (X[:, 0] + RNG.normal(size=N) > 0).astype(int)
MEMBERS = [("nb", GaussianNB()), ("lr", LogisticRegression())]
ENSEMBLES = {
    "stack": StackingClassifier(MEMBERS, cv=3, random_state=0),
    "refitted": StackingClassifier(MEMBERS, cv=3, random_state=0, refit=True),
    "levels": LevelsClassifier([MEMBERS, MEMBERS], cv=3, random_state=0),
    "nested levels": LevelsClassifier([MEMBERS, Level(MEMBERS, nested=True)], cv=3, random_state=0),
    "a stack of stacks": StackingClassifier([("inner", StackingClassifier(MEMBERS, cv=2))], cv=2),
}


LEVELS = pytest.param("levels", marks=pytest.mark.slow)  # nested ones have all that these have


@pytest.fixture(scope="module", params=[LEVELS if name == "levels" else name for name in ENSEMBLES])
def fitted(request):
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(N)[::-1])
    return clone(ENSEMBLES[request.param]).fit(frame, Y), frame


def test_neither_pickle_nor_file_grows_with_the_rows(fitted, tmp_path):
    ensemble, frame = fitted
    small = clone(ensemble).fit(frame[:500], Y[:500])
    pickled, saved = len(pickle.dumps(ensemble)), ensemble.save(tmp_path / "it").stat().st_size
    assert pickled < 1.1 * len(pickle.dumps(small)) < N * 8
    assert saved < 1.1 * small.save(tmp_path / "small").stat().st_size + 2_000


def test_what_was_left_out_raises_and_new_rows_are_predicted_the_same(fitted, tmp_path):
    ensemble, frame = fitted
    right = ensemble.predict_proba(frame[:50])
    for lean in (pickle.loads(pickle.dumps(ensemble)), type(ensemble).load(ensemble.save(tmp_path / "it"))):
        np.testing.assert_array_equal(lean.predict_proba(frame[:50]), right)
        assert "without out-of-fold" in repr(lean.oof_)
        for ask in ("meta_train", "meta_test", "scores", "summary", "coverage"):
            with pytest.raises(MissingDataError, match=r"save\(path, oof=True\)"):
                getattr(lean.oof_, ask)
        with pytest.raises(ValueError, match="without out-of-fold predictions"):
            overfitting_alarm(lean, frame)
        again = pickle.loads(pickle.dumps(lean))
        np.testing.assert_array_equal(again.predict_proba(frame[:50]), right)
        clone(lean).fit(frame[:300], Y[:300])


def test_tables_are_kept_where_that_is_wanted(fitted, tmp_path):
    ensemble, frame = fitted
    whole = type(ensemble).load(ensemble.save(tmp_path / "it", oof=True))
    np.testing.assert_array_equal(whole.oof_.meta_train, ensemble.oof_.meta_train)
    lean, oof = pickle.loads(pickle.dumps((ensemble, ensemble.oof_)))
    pd.testing.assert_frame_equal(oof.meta_train, ensemble.oof_.meta_train)
    np.testing.assert_array_equal(lean.predict(frame), ensemble.predict(frame))


def test_copies_in_this_process_have_the_tables(fitted):
    ensemble, _ = fitted
    for copied in (copy.copy(ensemble), copy.deepcopy(ensemble)):
        pd.testing.assert_frame_equal(copied.oof_.meta_train, ensemble.oof_.meta_train)
    copied.oof_.meta_train.iloc[:] = 0
    assert (ensemble.oof_.meta_train != 0).to_numpy().any()


def test_pickling_leaves_the_ensemble_as_it_is(fitted):
    ensemble, _ = fitted
    before = ensemble.oof_
    pickle.dumps(ensemble)
    assert ensemble.oof_ is before
    assert len(before.meta_train) == N


def test_folds_given_as_cv_are_a_parameter_of_a_pickle_and_not_in_a_file(tmp_path):
    stack = StackingClassifier(MEMBERS, cv=make_folds(Y, n_splits=3)).fit(X, Y)
    assert pickle.loads(pickle.dumps(stack)).cv.n_samples == N
    loaded = StackingClassifier.load(stack.save(tmp_path / "it"))
    assert loaded.cv is None
    assert (tmp_path / "it").stat().st_size < 30_000


def test_average_or_refit_works_on_what_was_pickled():
    stack = StackingClassifier(MEMBERS, cv=3, refit=True).fit(X[:500], Y[:500])
    pd.testing.assert_frame_equal(
        average_or_refit(pickle.loads(pickle.dumps(stack)), X[500:600]).table,
        average_or_refit(stack, X[500:600]).table,
    )


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_scikit_learns_tools_ship_stacks_to_workers(backend):
    stack = StackingClassifier(MEMBERS, cv=2, n_jobs=1)
    with parallel_backend(backend, n_jobs=2):
        search = GridSearchCV(stack, {"nb__var_smoothing": [1e-9, 1e-3]}, cv=2).fit(X[:300], Y[:300])
        found = cross_validate(stack, X[:300], Y[:300], cv=2, return_estimator=True)
    assert len(search.best_estimator_.oof_.meta_train) == 300
    assert all(len(one.predict(X[:5])) == 5 for one in found["estimator"])


def test_stacks_that_are_members_have_their_tables_wherever_they_were_fitted():
    inner = [("inner", StackingClassifier(MEMBERS, cv=2, n_jobs=1))]
    here = out_of_fold(inner, X[:300], Y[:300], cv=2, n_jobs=1)
    with parallel_backend("loky", n_jobs=2):
        there = out_of_fold(inner, X[:300], Y[:300], cv=2)
    for one, other in zip(here["inner"].fold_estimators, there["inner"].fold_estimators, strict=True):
        pd.testing.assert_frame_equal(one.oof_.meta_train, other.oof_.meta_train)


def test_a_placeholder_says_what_is_missing():
    with pytest.raises(MissingDataError, match="saved or pickled without the folds"):
        len(Placeholder("the folds"))
