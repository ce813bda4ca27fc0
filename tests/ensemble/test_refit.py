"""Levels refitted on all rows: what they equal, what they cost, and which labels still reach a prediction."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from stackit import (
    DiskStore,
    Level,
    LevelsClassifier,
    LevelsRegressor,
    StackingClassifier,
    StackingRegressor,
    make_folds,
)
from stackit.combine import ConvexClassifier, MeanRegressor, NonNegativeRegressor
from tests.doubles import CountingRidge, RidgeOnFewerRows

N = 90
X, Y = make_regression(N, 5, n_informative=3, noise=30.0, random_state=0)
XC, YC = make_classification(N, 6, n_informative=4, n_classes=3, random_state=1)
NEW, NEWC = X[:20] + 0.3, XC[:20] + 0.3
FOLDS = make_folds(Y, scheme="kfold", n_splits=4, random_state=0)
FIRST = [("tree", DecisionTreeRegressor(max_depth=5, random_state=0)), ("knn", KNeighborsRegressor(3))]
SECOND = [("ridge", Ridge()), ("stump", DecisionTreeRegressor(max_depth=3, random_state=0))]
FORESTS = [("forest", RandomForestRegressor(5)), ("knn", KNeighborsRegressor(3))]
FORESTSC = [("forest", RandomForestClassifier(5)), ("nb", GaussianNB()), ("knn", KNeighborsClassifier(3))]


# --- what they equal


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("final", [None, RandomForestRegressor(5), NonNegativeRegressor()])
def test_one_level_is_a_stack_to_the_bit(final, refit):
    options = {"cv": FOLDS, "random_state": 3, "refit": refit}
    one = LevelsRegressor([FORESTS], final, **options).fit(X, Y)
    stack = StackingRegressor(FORESTS, final, **options).fit(X, Y)
    assert_array_equal(one.predict(NEW), stack.predict(NEW))
    assert_array_equal(one.transform(NEW), stack.transform(NEW))
    assert one.oof_.meta_train.equals(stack.oof_.meta_train)
    assert list(one.oof_.refitted) == list(stack.oof_.refitted)


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("final", [None, ConvexClassifier()])
def test_one_level_of_classifiers_is_a_stack_to_the_bit(final, refit):
    options = {"cv": 4, "random_state": 1, "refit": refit, "n_jobs": 2}
    one = LevelsClassifier([FORESTSC], final, **options).fit(XC, YC)
    stack = StackingClassifier(FORESTSC, final, **options).fit(XC, YC)
    assert_array_equal(one.predict_proba(NEWC), stack.predict_proba(NEWC))


def test_refitted_levels_are_fits_on_all_rows_one_upon_the_other():
    found = LevelsRegressor([FIRST, SECOND], LinearRegression(), cv=FOLDS, refit=True).fit(X, Y)
    average = LevelsRegressor([FIRST, SECOND], LinearRegression(), cv=FOLDS).fit(X, Y)
    for own, other in zip(found.levels_, average.levels_, strict=True):
        assert own.meta_train.equals(other.meta_train)  # what is learned from is out of fold all the same
    below = np.column_stack([clone(one).fit(X, Y).predict(NEW) for _, one in FIRST])
    meta = found.levels_[0].meta_train.to_numpy()
    above = np.column_stack([clone(one).fit(meta, Y).predict(below) for _, one in SECOND])
    assert_allclose(found.transform(NEW), above, rtol=1e-12)
    assert_allclose(found.predict(NEW), average.final_estimator_.predict(above), rtol=1e-12)
    assert np.abs(found.predict(NEW) - average.predict(NEW)).max() > 1


@pytest.mark.parametrize("refitted", [0, 1])
def test_a_level_may_say_for_itself_whether_it_is_refitted(refitted):
    levels = [Level(FIRST, refit=refitted == 0), Level(SECOND, refit=refitted == 1)]
    found = LevelsRegressor(levels, cv=FOLDS).fit(X, Y)
    assert [bool(one.refitted) for one in found.levels_] == [refitted == 0, refitted == 1]
    other = LevelsRegressor([Level(FIRST), *levels[1:]], cv=FOLDS, refit=refitted == 0).fit(X, Y)
    assert_array_equal(found.predict(NEW), other.predict(NEW))
    first, second = found.levels_
    below = (first.transform_refitted if refitted == 0 else first.transform)(NEW).to_numpy()
    above = second.predict(below, refitted=refitted == 1)
    assert_allclose(found.transform(NEW), second.to_frame(above), rtol=1e-12)


def test_above_ordered_folds_levels_are_refitted_on_the_rows_that_are_covered():
    folds = make_folds(Y, scheme="forward", n_splits=4)
    found = LevelsRegressor([FIRST, SECOND], cv=folds, refit=True).fit(X, Y)
    rows = np.flatnonzero(found.levels_[0].coverage)
    assert len(rows) < N
    meta = found.levels_[0].meta_train.to_numpy()[rows]
    below = np.column_stack([clone(one).fit(X, Y).predict(NEW) for _, one in FIRST])
    assert_allclose(found.transform(NEW)[:, 0], Ridge().fit(meta, Y[rows]).predict(below), rtol=1e-12)


def test_each_fold_of_a_nested_level_is_on_a_refitted_stack_inside_its_training_part():
    members = [("ridge", Ridge()), ("knn", KNeighborsRegressor(5))]
    found = LevelsRegressor([FIRST, Level(members, nested=True)], cv=FOLDS, refit=True).fit(X, Y)
    for train, out in FOLDS.splits:
        inner = [
            (np.searchsorted(train, np.intersect1d(fit, train)), np.searchsorted(train, held_out))
            for fit, held_out in FOLDS.splits
            if not np.array_equal(held_out, out)
        ]
        stack = StackingRegressor(FIRST, Ridge(), cv=inner, refit=True).fit(X[train], Y[train])
        assert_allclose(found.oof_.meta_train["ridge"][out], stack.predict(X[out]), rtol=1e-9)
    shared = LevelsRegressor([FIRST, members], cv=FOLDS, refit=True).fit(X, Y)
    assert_allclose(found.transform(NEW), shared.transform(NEW), rtol=1e-12)  # on all rows nothing is nested


@pytest.mark.parametrize(
    "levels",
    [
        [FIRST, Level(SECOND, nested=True)],
        [FIRST, Level(SECOND, nested=True), Level(SECOND, nested=True, refit=False)],
        [Level(FIRST, refit=False), SECOND, Level(SECOND, nested=True)],
    ],
)
def test_nested_predictions_know_nothing_of_the_labels_of_their_rows(levels):
    out = FOLDS.splits[1][1]
    other = Y.copy()
    other[out] += np.linspace(-90, 120, len(out))
    before, after = (
        LevelsRegressor(levels, cv=FOLDS, refit=True).fit(X, y).oof_.meta_train for y in (Y, other)
    )
    assert_array_equal(before.to_numpy()[out], after.to_numpy()[out])
    assert (before.to_numpy() != after.to_numpy()).any()


def test_a_refit_watches_rows_as_its_folds_do():
    boosting = HistGradientBoostingRegressor(max_iter=20, early_stopping=True, random_state=0)
    folds = make_folds(Y, scheme="forward", n_splits=4)
    levels = [[("ridge", Ridge())], [("boosting", boosting)]]
    found = LevelsRegressor(levels, cv=folds, refit=True).fit(X, Y)
    rows = np.flatnonzero(found.levels_[0].coverage)
    meta = found.levels_[0].meta_train.to_numpy()[rows]
    n_watched = round(0.1 * len(rows))
    last = slice(len(rows) - n_watched, None)
    alone = clone(boosting).fit(
        meta[:-n_watched], Y[rows][:-n_watched], X_val=meta[last], y_val=Y[rows][last]
    )
    assert_allclose(found.oof_["boosting"].refitted.predict(meta), alone.predict(meta))


# --- what they cost


@pytest.mark.parametrize("nested", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize(
    "refit", [(True, None, None), (None, True, None), (None, None, True), (None, None, False)]
)
def test_fits_are_as_many_as_counted_before(nested, refit):
    levels = [
        Level([("a", CountingRidge("1")), ("b", CountingRidge("1", 2.0))], refit=refit[0]),
        Level([("a", CountingRidge("2"))], nested=nested[0], refit=refit[1]),
        Level([("a", CountingRidge("3"))], nested=nested[1], refit=refit[2]),
    ]
    found = LevelsRegressor(levels, LinearRegression(), cv=FOLDS, refit=refit[2] is False).fit(X, Y)
    assert found.count_fits(4) == [CountingRidge.fits[name] for name in "123"]


@pytest.mark.parametrize("nested", [False, True])
def test_estimators_that_are_not_read_are_neither_refitted_nor_predict(nested):
    first = [("a", CountingRidge("a")), ("b", CountingRidge("b", 5.0)), ("c", CountingRidge("c", 9.0))]
    second = [("ab", MeanRegressor({"a": 1, "b": 2})), ("bc", MeanRegressor({"b": 1, "c": 1}))]
    levels = [first, Level(second, nested=nested)]
    found = LevelsRegressor(levels, MeanRegressor({"bc": 1}), cv=FOLDS, refit=True).fit(X, Y)
    assert [list(level.refitted) for level in found.levels_] == [["b", "c"], ["bc"]]
    if not nested:
        assert CountingRidge.fits == {"a": 4, "b": 5, "c": 5}
    CountingRidge.predictions = {}
    some = found.predict(NEW)
    assert CountingRidge.predictions == {"b": 1, "c": 1}
    both = [Ridge(alpha).fit(X, Y).predict(NEW) for alpha in (5.0, 9.0)]
    assert_allclose(some, np.mean(both, axis=0), rtol=1e-12)


@pytest.mark.parametrize("nested", [False, True])
def test_stored_folds_are_not_fitted_again_for_a_refit(nested, tmp_path):
    options = {"cv": FOLDS, "store": DiskStore(tmp_path), "refit": True}
    levels = [FIRST, Level(SECOND, nested=nested)]
    first, again = (LevelsRegressor(levels, Ridge(), **options).fit(X, Y) for _ in range(2))
    assert_array_equal(again.predict(NEW), first.predict(NEW))
    assert [level.n_stored for level in again.levels_] == [8, 8]
    if nested:
        assert [part.below.oof.n_stored for part in again.top_.parts] == [6] * 4


# --- failures


@pytest.mark.parametrize("nested", [False, True])
def test_one_that_cannot_be_refitted_predicts_by_the_average_of_its_folds(nested):
    levels = [
        [("big", RidgeOnFewerRows(N)), ("tree", FIRST[0][1])],
        Level([("big", RidgeOnFewerRows(N))], nested=nested),
    ]
    skips = LevelsRegressor(levels, cv=FOLDS, refit=True, on_error="skip")
    with pytest.warns(
        UserWarning, match="'big' failed and predicts by the average of its folds: MemoryError"
    ):
        found = skips.fit(X, Y)
    assert [list(level.refitted) for level in found.levels_] == [[] if nested else ["tree"], []]
    assert np.isfinite(found.predict(NEW)).all()
    folds = LevelsRegressor(
        [Level(levels[0], refit=False), Level([("big", RidgeOnFewerRows(N))], nested=nested)], cv=FOLDS
    ).fit(X, Y)
    assert_allclose(found.levels_[0].transform(NEW)["big"], folds.levels_[0].transform(NEW)["big"])
    with pytest.raises(MemoryError, match="too large"):
        LevelsRegressor(levels, cv=FOLDS, refit=True).fit(X, Y)
