"""Levels: what they equal, which labels reach a prediction, what they cost, and what does not predict."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import (
    DiskStore,
    Level,
    LevelsClassifier,
    LevelsRegressor,
    MemoryStore,
    PrecomputedRegressor,
    StackingClassifier,
    StackingRegressor,
    make_folds,
    out_of_fold,
    save_predictions,
)
from stackit.combine import (
    ConvexClassifier,
    IsotonicClassifier,
    MeanClassifier,
    MeanRegressor,
    NonNegativeRegressor,
    TemperatureClassifier,
)
from stackit.ensemble.zero_weights import unused_estimators
from stackit.folds import Folds
from stackit.folds.subset import reindex, restrict
from tests.doubles import CountingRidge, GroupRecordingRidge, RidgeOnFewerRows

N = 90
X, Y = make_regression(N, 5, n_informative=3, noise=30.0, random_state=0)
XC, YC = make_classification(N, 6, n_informative=4, n_classes=3, random_state=1)
NEW, NEWC = X[:20] + 0.3, XC[:20] + 0.3
NAMES = np.array(["b", "a", "c"])[YC]
FRAME = pd.DataFrame(X, columns=["age", "fare", "sibs", "deck", "port"], index=np.arange(N) + 500)
GROUPS = np.arange(N) // 5
FOLDS = make_folds(Y, scheme="kfold", n_splits=4, random_state=0)
FOLDSC = make_folds(NAMES, n_splits=4, random_state=0)
TREE, KNN = DecisionTreeRegressor(max_depth=5, random_state=0), KNeighborsRegressor(3)
FIRST = [("tree", TREE), ("knn", KNN)]
SECOND = [("ridge", Ridge()), ("stump", DecisionTreeRegressor(max_depth=3, random_state=0))]
FIRSTC = [("tree", DecisionTreeClassifier(max_depth=5, random_state=0)), ("knn", KNeighborsClassifier(3))]
SECONDC = [("nb", GaussianNB()), ("stump", DecisionTreeClassifier(max_depth=3, random_state=0))]


class FailsOnFirstRow(Ridge):
    """A ridge that cannot be fitted with the row that stands first in X among its own."""

    def fit(self, X, y):
        if (np.asarray(X)[:, 0] == X_FIRST).any():
            raise MemoryError("that row")
        return super().fit(X, y)


X_FIRST = X[FOLDS.splits[0][1][0], 0]


class AgeWeightedRidge(RegressorMixin, BaseEstimator):
    """A ridge weighted by what it requested, which it remembers."""

    def fit(self, X, y, ages=None):
        self.ages_ = ages
        self.ridge_ = Ridge().fit(X, y, ages)
        return self

    def predict(self, X):
        return self.ridge_.predict(X)


# --- what levels equal


@pytest.mark.parametrize("seed", [None, 3])
def test_one_level_is_a_stack(seed):
    members = [("forest", RandomForestRegressor(5, random_state=None if seed else 0)), ("knn", KNN)]
    one = LevelsRegressor([members], cv=FOLDS, random_state=seed).fit(X, Y)
    stack = StackingRegressor(members, cv=FOLDS, random_state=seed).fit(X, Y)
    assert_array_equal(one.predict(NEW), stack.predict(NEW))
    assert_array_equal(one.transform(NEW), stack.transform(NEW))
    assert one.oof_.meta_train.equals(stack.oof_.meta_train)


@pytest.mark.parametrize("final", [None, RandomForestClassifier(5), MeanClassifier()])
def test_one_level_is_a_stack_of_classifiers(final):
    one = LevelsClassifier([FIRSTC], final, cv=4, random_state=1).fit(XC, NAMES)
    stack = StackingClassifier(FIRSTC, final, cv=4, random_state=1).fit(XC, NAMES)
    assert_array_equal(one.predict_proba(NEWC), stack.predict_proba(NEWC))
    assert_array_equal(one.predict(NEWC), stack.predict(NEWC))
    assert one.classes_.tolist() == ["a", "b", "c"]


def test_two_levels_are_the_engine_twice():
    below = out_of_fold(FIRST, X, Y, NEW, cv=FOLDS)
    above = out_of_fold(SECOND, below.meta_train.to_numpy(), Y, below.meta_test.to_numpy(), cv=FOLDS)
    found = LevelsRegressor([FIRST, SECOND], LinearRegression(), cv=FOLDS).fit(X, Y)
    assert found.levels_[0].meta_train.equals(below.meta_train)
    assert found.levels_[1].meta_train.equals(above.meta_train)
    assert_allclose(found.transform(NEW), above.meta_test, rtol=1e-12)
    assert_array_equal(found.fit_transform(X, Y), above.meta_train)
    final = LinearRegression().fit(above.meta_train.to_numpy(), Y)
    assert_allclose(found.predict(NEW), final.predict(above.meta_test.to_numpy()), rtol=1e-9)
    assert found.get_feature_names_out().tolist() == ["ridge", "stump"]


def test_a_level_may_have_folds_of_its_own():
    other = make_folds(Y, scheme="kfold", n_splits=3, random_state=8)
    below = out_of_fold(FIRST, X, Y, cv=FOLDS)
    above = out_of_fold(SECOND, below.meta_train.to_numpy(), Y, cv=other)
    found = LevelsRegressor([FIRST, Level(SECOND, cv=other)], cv=FOLDS).fit(X, Y)
    assert found.oof_.meta_train.equals(above.meta_train)
    assert found.oof_.folds.digest == other.digest


def inner_splits(train, held_out):
    """The other folds, inside the training part of one."""
    return [
        (np.searchsorted(train, np.intersect1d(fit, train)), np.searchsorted(train, out))
        for fit, out in FOLDS.splits
        if not np.array_equal(out, held_out)
    ]


def test_a_nested_level_is_each_fold_on_a_stack_inside_its_training_part():
    found = LevelsRegressor([FIRST, Level(SECOND, nested=True)], cv=FOLDS).fit(X, Y)
    new = []
    for train, out in FOLDS.splits:
        both = np.r_[X[out], NEW]
        inner = out_of_fold(FIRST, X[train], Y[train], both, cv=inner_splits(train, out))
        ridge = Ridge().fit(inner.meta_train.to_numpy(), Y[train])
        predictions = ridge.predict(inner.meta_test.to_numpy())
        assert_allclose(found.oof_.meta_train["ridge"][out], predictions[: len(out)], rtol=1e-9)
        new.append(predictions[len(out) :])
    assert_allclose(found.transform(NEW)[:, 0], np.mean(new, axis=0), rtol=1e-9)


# --- which label reaches which prediction

NESTED = {
    "the last of two": [FIRST, Level(SECOND, nested=True)],
    "the last of three": [FIRST, SECOND, Level(SECOND, nested=True)],
    "all of three": [FIRST, Level(SECOND, nested=True), Level(SECOND, nested=True)],
    "with X": [FIRST, Level(SECOND, nested=True, passthrough=True)],
    "above other folds": [Level(FIRST, cv=KFold(3)), Level(SECOND, nested=True)],
}
SHARED = {
    "two": [FIRST, SECOND],
    "three": [FIRST, SECOND, SECOND],
    "folds of its own": [Level(FIRST, cv=KFold(3)), SECOND],
}


def moved(levels, fold, folds=FOLDS, **options):
    """How far each level's predictions of held-out rows move with the labels of these rows."""
    out = folds.splits[fold][1]
    other = Y.copy()
    other[out] += np.linspace(-90, 120, len(out))
    tables = [LevelsRegressor(levels, cv=folds, **options).fit(X, y).levels_ for y in (Y, other)]
    return [
        np.abs(before.meta_train.to_numpy()[out] - after.meta_train.to_numpy()[out]).max()
        for before, after in zip(*tables, strict=True)
    ]


@pytest.mark.parametrize("levels", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("fold", [0, 3])
def test_nested_predictions_know_nothing_of_the_labels_of_their_rows(levels, fold):
    assert moved(levels, fold)[-1] == 0


@pytest.mark.parametrize("levels", SHARED.values(), ids=SHARED)
def test_shared_folds_let_a_rows_label_through_at_the_second_level_and_not_at_the_first(levels):
    first, second, *_ = moved(levels, fold=1)
    assert second > 0.1
    if levels[0] is FIRST:
        assert first == 0


def test_a_single_label_does_not_reach_its_own_nested_row_nor_do_those_of_its_group():
    folds = make_folds(Y, scheme="group", n_splits=4, groups=GROUPS)
    levels = [FIRST, Level(SECOND, nested=True)]
    other = np.where(GROUPS == 7, Y + 80, Y)
    tables = [LevelsRegressor(levels, cv=folds).fit(X, y, groups=GROUPS).oof_.meta_train for y in (Y, other)]
    same = (tables[0] == tables[1]).all(axis=1)
    assert same[GROUPS == 7].all()
    assert not same.all()


@pytest.mark.parametrize("nested", [True, False])
def test_flipped_classes_of_a_fold_change_shared_predictions_of_it_and_no_nested_ones(nested):
    out = FOLDSC.splits[2][1]
    flipped = NAMES.copy()
    flipped[out] = np.roll(NAMES[out], 1)
    levels = [FIRSTC, Level(SECONDC, nested=nested)]
    before, after = (
        LevelsClassifier(levels, cv=FOLDSC).fit(XC, y).oof_.meta_train.to_numpy()[out]
        for y in (NAMES, flipped)
    )
    assert np.array_equal(before, after) is nested


def test_repeated_folds_are_nested_too():
    folds = make_folds(Y, scheme="kfold", n_splits=3, n_repeats=2)
    levels = [FIRST, Level(SECOND, nested=True)]
    out = folds.splits[1][1]
    other = Y.copy()
    other[out] += 100
    first, second = (LevelsRegressor(levels, cv=folds).fit(X, y).oof_ for y in (Y, other))
    assert_array_equal(first["ridge"].held_out[1], second["ridge"].held_out[1])
    assert (first.coverage == 2).all()


# --- rows that no fold holds out


@pytest.mark.parametrize("nested", [False, True])
def test_each_level_above_ordered_folds_covers_a_block_less(nested):
    folds = make_folds(Y, scheme="forward", n_splits=5)
    levels = [FIRST, Level(SECOND, nested=nested), Level(SECOND, nested=nested)]
    found = LevelsRegressor(levels, cv=folds).fit(X, Y)
    assert [int((level.coverage > 0).sum()) for level in found.levels_] == [75, 60, 45]
    assert np.isfinite(found.predict(NEW)).all()
    for level in found.levels_:
        assert all(train.max() < out.min() for train, out in level.folds.splits)
        assert_array_equal(level.meta_train.isna().all(axis=1), level.coverage == 0)


def test_the_final_estimator_learns_from_covered_rows_with_their_weights():
    weights = np.linspace(1, 2, N)
    found = LevelsRegressor([FIRST, SECOND], CountingRidge(), cv=TimeSeriesSplit(4))
    with pytest.warns(UserWarning, match="not passed to level_1__knn: they"):
        found.fit(X, Y, sample_weight=weights)
    assert_array_equal(found.final_estimator_.weights_, weights[found.oof_.coverage > 0])


@pytest.mark.parametrize(
    ("cv", "levels", "text"),
    [
        (2, [FIRST, Level(SECOND, nested=True)], r"The nested folds of level 2, . splits, are too few"),
        (
            3,
            [FIRST, *[Level(SECOND, nested=True)] * 2],
            r"The nested folds of level 3, . splits, are too few",
        ),
        (TimeSeriesSplit(2), [FIRST, SECOND, SECOND], r"The folds of level 3, 2 splits, are too few"),
    ],
)
def test_too_few_folds_are_refused_before_anything_is_fitted(cv, levels, text):
    with pytest.raises(ValueError, match=text):
        LevelsRegressor([[("one", CountingRidge())], *levels[1:]], cv=cv).fit(X, Y)
    assert CountingRidge.fits == {}


def test_folds_of_some_rows_keep_what_is_known_of_them():
    folds = make_folds(Y, scheme="group", n_splits=4, groups=GROUPS)
    rows = folds.splits[0][0]
    inner = reindex(folds, rows)
    assert len(inner.splits) == 3
    assert_array_equal(inner.constraints.groups, GROUPS[rows])
    for (train, out), (fit, held_out) in zip(folds.splits[1:], inner.splits, strict=True):
        assert_array_equal(rows[fit], np.intersect1d(train, rows))
        assert_array_equal(rows[held_out], out)
    assert restrict(folds, folds.splits[0][1]) is None
    assert reindex(Folds(4, (([0, 1], [2, 3]),)), np.array([0, 1])) is None


# --- what they cost


@pytest.mark.parametrize("nested", [(False, False), (False, True), (True, False), (True, True)])
def test_fits_are_as_many_as_counted_before(nested):
    levels = [
        Level([("a", CountingRidge("1")), ("b", CountingRidge("1", 2.0))]),
        Level([("a", CountingRidge("2"))], nested=nested[0]),
        Level([("a", CountingRidge("3"))], nested=nested[1]),
    ]
    found = LevelsRegressor(levels, LinearRegression(), cv=FOLDS).fit(X, Y)
    assert found.count_fits(4) == [CountingRidge.fits[name] for name in "123"]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("disk", [False, True])
def test_another_final_estimator_fits_nothing_below_it(nested, disk, tmp_path):
    store = DiskStore(tmp_path) if disk else MemoryStore()
    levels = [FIRST, Level(SECOND, nested=nested)]
    first = LevelsRegressor(levels, Ridge(), cv=FOLDS, store=store).fit(X, Y)
    again = LevelsRegressor(levels, LinearRegression(), cv=FOLDS, store=store).fit(X, Y)
    assert [level.n_stored for level in again.levels_] == [8, 8]
    if nested:
        assert [part.below.oof.n_stored for part in again.top_.parts] == [6] * 4
    assert again.oof_.meta_train.equals(first.oof_.meta_train)
    assert_array_equal(again.transform(NEW), first.transform(NEW))


def test_neither_the_number_of_workers_nor_what_else_is_there_changes_anything():
    forest = [("forest", RandomForestRegressor(4))]
    levels = [[*forest, ("knn", KNN)], Level([*forest, *SECOND], nested=True)]
    one = LevelsRegressor(levels, cv=3, random_state=5).fit(X, Y)
    two = LevelsRegressor(levels, cv=3, random_state=5, n_jobs=2).fit(X, Y)
    assert_array_equal(one.predict(NEW), two.predict(NEW))
    fewer = LevelsRegressor([levels[0], Level(forest, nested=True)], cv=3, random_state=5).fit(X, Y)
    assert_array_equal(fewer.oof_.meta_train["forest"], one.oof_.meta_train["forest"])
    other = LevelsRegressor(levels, cv=3, random_state=6).fit(X, Y)
    assert all(
        (a.meta_train["forest"] != b.meta_train["forest"]).any()
        for a, b in zip(one.levels_, other.levels_, strict=True)
    )
    assert (one.levels_[0].meta_train["forest"] != one.oof_.meta_train["forest"]).any()


# --- which estimators do not predict


def test_estimators_without_weight_do_not_predict():
    members = [("a", CountingRidge("a")), ("b", CountingRidge("b", 5.0))]
    stack = StackingRegressor(members, MeanRegressor({"b": 1}), cv=FOLDS).fit(X, Y)
    CountingRidge.predictions = {}
    found = stack.predict(NEW)
    assert CountingRidge.predictions == {"b": 4}
    assert_array_equal(found, stack.transform(NEW)[:, 1])
    assert CountingRidge.predictions == {"a": 4, "b": 8}


@pytest.mark.parametrize("nested", [False, True])
def test_nothing_predicts_below_an_estimator_without_weight(nested):
    first = [("a", CountingRidge("a")), ("b", CountingRidge("b", 5.0)), ("c", CountingRidge("c", 9.0))]
    second = [("ab", MeanRegressor({"a": 1, "b": 2})), ("bc", MeanRegressor({"b": 1, "c": 1}))]
    levels = [first, Level(second, nested=nested)]
    found = LevelsRegressor(levels, MeanRegressor({"bc": 1}), cv=FOLDS).fit(X, Y)
    CountingRidge.predictions = {}
    some = found.predict(NEW)
    assert set(CountingRidge.predictions) == {"b", "c"}
    assert_allclose(some, found.transform(NEW)[:, 1], rtol=1e-12)
    assert found.final_estimator_.named_weights_ == {"ab": 0.0, "bc": 1.0}


def test_only_what_linear_finals_with_zeros_and_calibrated_combiners_read_predicts():
    members = [
        ("a", CountingRidge("a")),
        ("b", CountingRidge("b", 1e6)),
    ]  # so much penalty leaves next to the mean
    lasso = StackingRegressor(members, Lasso(10.0), cv=FOLDS).fit(X, Y)
    assert (lasso.final_estimator_.coef_ == 0).tolist() == [False, True]
    CountingRidge.predictions = {}
    assert_allclose(lasso.predict(NEW), lasso.final_estimator_.predict(lasso.oof_.transform(NEW).to_numpy()))
    assert CountingRidge.predictions == {"a": 8, "b": 4}
    weighted = TemperatureClassifier(IsotonicClassifier(MeanClassifier({"knn": 1})))
    calm = StackingClassifier(FIRSTC, weighted, cv=FOLDSC).fit(XC, NAMES)
    assert calm._zero_weight() == {"tree"}


def test_gaps_are_refused_also_where_no_estimator_predicts_that_would_refuse_them():
    members = [("ridge", Ridge()), ("tree", TREE)]
    stack = StackingRegressor(members, MeanRegressor({"tree": 1}), cv=FOLDS).fit(X, Y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        stack.predict(np.where(NEW > 1, np.nan, NEW))
    trees = StackingRegressor(members[1:], MeanRegressor(), cv=FOLDS).fit(np.where(X > 1, np.nan, X), Y)
    assert np.isfinite(trees.predict(np.where(NEW > 1, np.nan, NEW))).all()


def test_a_final_estimator_of_unknown_kind_reads_all():
    stack = StackingRegressor(FIRST, CountingRidge(), cv=FOLDS).fit(X, Y)
    assert stack._zero_weight() == set()
    passed = StackingRegressor(FIRST, Lasso(1.0), cv=FOLDS, passthrough=True).fit(X, Y)
    table = np.c_[passed.oof_.transform(NEW), NEW]
    assert_allclose(passed.predict(NEW), passed.final_estimator_.predict(table), rtol=1e-12)


def test_who_has_no_weight_is_not_refitted():
    members = [("a", CountingRidge("a")), ("b", CountingRidge("b", 1e9))]
    stack = StackingRegressor(members, NonNegativeRegressor(), cv=FOLDS, refit=True).fit(X, Y)
    weights = stack.final_estimator_.named_weights_
    assert CountingRidge.fits == {"a": 5, "b": 5 if weights["b"] else 4}
    weighted = StackingRegressor(members, MeanRegressor([1, 0]), cv=FOLDS, refit=True)
    CountingRidge.fits = {}
    weighted.fit(X, Y)
    assert CountingRidge.fits == {"a": 5, "b": 4}
    assert list(weighted.oof_.refitted) == ["a"]
    CountingRidge.predictions = {}
    assert_allclose(weighted.predict(NEW), Ridge().fit(X, Y).predict(NEW))
    assert CountingRidge.predictions == {"a": 1}
    assert_allclose(weighted.transform(NEW)[:, 1], weighted.oof_.transform(NEW)["b"])


def test_a_combiner_learns_again_without_estimators_that_fail_to_refit():
    members = [("big", RidgeOnFewerRows(N)), ("tree", TREE), ("knn", KNN)]
    stack = StackingRegressor(members, MeanRegressor(), cv=FOLDS, refit=True, on_error="skip")
    with pytest.warns(UserWarning, match="'big' failed and is left out"):
        stack.fit(X, Y)
    assert stack.final_estimator_.named_weights_ == {"tree": 0.5, "knn": 0.5}
    assert_allclose(
        stack.predict(NEW), np.mean([est.fit(X, Y).predict(NEW) for est in (clone(TREE), clone(KNN))], 0)
    )
    alone = StackingRegressor(members[:1], MeanRegressor(), cv=FOLDS, refit=True, on_error="skip")
    with pytest.warns(UserWarning, match="'big' failed"), pytest.raises(MemoryError, match="too large"):
        alone.fit(X, Y)


# --- what each level sees


def test_columns_of_a_frame_are_chosen_by_name():
    levels = [
        Level([("one", CountingRidge())], passthrough=["fare", "age"]),
        Level([("two", CountingRidge())], passthrough=["deck"]),
        Level([("three", CountingRidge())], passthrough=True),
    ]
    found = LevelsRegressor(levels, CountingRidge(), cv=FOLDS, passthrough=["port", 0]).fit(FRAME, Y)
    seen = [
        list(level[name].fold_estimators[0].columns_)
        for level, name in zip(found.levels_, ("one", "two", "three"), strict=True)
    ]
    assert seen == [["fare", "age"], ["one", "deck"], ["two", *FRAME.columns]]
    assert list(found.final_estimator_.columns_) == ["three", "port", "age"]
    assert_array_equal(found.oof_.meta_train.index, FRAME.index)
    plain = [
        Level(level.estimators, passthrough=by) for level, by in zip(levels, ([1, 0], [3], True), strict=True)
    ]
    same = LevelsRegressor(plain, CountingRidge(), cv=FOLDS, passthrough=[4, 0]).fit(X, Y)
    assert_allclose(same.predict(NEW), found.predict(pd.DataFrame(NEW, columns=FRAME.columns)), rtol=1e-9)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_columns_of_a_sparse_table_are_chosen_by_position(form):
    levels = [[("ridge", Ridge())], Level(SECOND, passthrough=[2, 0])]
    found = LevelsRegressor(levels, cv=FOLDS).fit(form(X), Y)
    assert found.oof_["ridge"].fold_estimators[0].n_features_in_ == 3
    dense = LevelsRegressor(levels, cv=FOLDS).fit(X, Y)
    assert_allclose(found.predict(form(NEW)), dense.predict(NEW), rtol=1e-3)


def test_combiners_as_estimators_of_a_level_know_those_below_by_name():
    levels = [FIRST, [("both", MeanRegressor({"knn": 3, "tree": 1})), ("tree", MeanRegressor({"tree": 1}))]]
    found = LevelsRegressor(levels, MeanRegressor({"both": 1}), cv=FOLDS).fit(X, Y)
    below = found.levels_[0].meta_train
    assert_allclose(found.oof_.meta_train["both"], 0.25 * below["tree"] + 0.75 * below["knn"])


def test_weights_and_groups_reach_every_level_and_are_cut_to_the_rows_inside():
    weights = np.linspace(1, 2, N)
    levels = [
        [("one", CountingRidge()), ("grouped", GroupRecordingRidge())],
        Level([("two", CountingRidge()), ("grouped", GroupRecordingRidge())], nested=True),
    ]
    found = LevelsRegressor(levels, cv=GroupKFold(4))
    with pytest.warns(UserWarning, match="not passed to level_1__grouped, level_2__grouped"):
        found.fit(X, Y, sample_weight=weights, groups=GROUPS)
    train, _ = found.oof_.folds.splits[0]
    part = found.top_.parts[0]
    assert_array_equal(part.oof["two"].fold_estimators[0].weights_, weights[train])
    assert_array_equal(part.oof["grouped"].fold_estimators[0].groups_, GROUPS[train])
    inner = part.below.oof
    rows = train[inner.folds.splits[0][0]]
    assert_array_equal(inner["one"].fold_estimators[0].weights_, weights[rows])
    assert_array_equal(inner["grouped"].fold_estimators[0].groups_, GROUPS[rows])
    for oof in (found.oof_, *found.levels_):
        assert not any(set(GROUPS[fit]) & set(GROUPS[out]) for fit, out in oof.folds.splits)


def test_weights_follow_requests_where_routing_is_on(routing):
    wants = CountingRidge().set_fit_request(sample_weight=True)
    unsupported = CountingRidge().set_fit_request(sample_weight=False)
    levels = [[("wants", wants), ("deaf", unsupported)], Level([("wants", wants)], nested=True)]
    found = LevelsRegressor(levels, clone(wants), cv=FOLDS).fit(X, Y, sample_weight=np.linspace(1, 2, N))
    first = found.levels_[0]
    assert first["deaf"].fold_estimators[0].weights_ is None
    assert len(first["wants"].fold_estimators[0].weights_) == len(FOLDS.splits[0][0])
    assert len(found.final_estimator_.weights_) == N
    assert "level_2__wants" in str(found.get_metadata_routing())


def test_other_metadata_reach_the_estimators_of_every_level_that_request_them(routing):
    wants, unsupported = (AgeWeightedRidge().set_fit_request(ages=requested) for requested in (True, False))
    ages = np.arange(N) + 0.5
    levels = [[("wants", wants), ("deaf", unsupported)], Level([("wants", wants)], nested=True)]
    found = LevelsRegressor(levels, clone(wants), cv=FOLDS, refit=True).fit(X, Y, ages=ages)
    first, second = found.levels_
    assert first["deaf"].fold_estimators[1].ages_ is None
    for level in found.levels_:
        for (train, _), one in zip(level.folds.splits, level["wants"].fold_estimators, strict=True):
            assert_array_equal(one.ages_, ages[train])
        assert_array_equal(level["wants"].refitted.ages_, ages)
    train, _ = second.folds.splits[2]
    inner = found.top_.parts[2].below.oof
    for (fit, _), one in zip(inner.folds.splits, inner["wants"].fold_estimators, strict=True):
        assert_array_equal(one.ages_, ages[train][fit])
    assert_array_equal(found.final_estimator_.ages_, ages)
    with pytest.raises(TypeError, match=r"LevelsRegressor\.fit got unexpected argument\(s\) .*'height'"):
        found.fit(X, Y, height=ages)
    with pytest.raises(UnsetMetadataPassedError, match="ages"):
        LevelsRegressor([[("silent", AgeWeightedRidge())]], clone(wants), cv=FOLDS).fit(X, Y, ages=ages)


def test_one_level_routes_as_a_stack_does(routing):
    members = [("wants", AgeWeightedRidge().set_fit_request(ages=True)), ("knn", KNN)]
    ages = np.linspace(0.5, 2, N)
    one = LevelsRegressor([members], LinearRegression(), cv=FOLDS).fit(X, Y, ages=ages)
    stack = StackingRegressor(members, LinearRegression(), cv=FOLDS).fit(X, Y, ages=ages)
    assert_array_equal(one.predict(NEW), stack.predict(NEW))
    without = LevelsRegressor([members], LinearRegression(), cv=FOLDS).fit(X, Y)
    assert (without.predict(NEW) != one.predict(NEW)).all()


def test_without_routing_other_metadata_are_refused():
    with pytest.raises(
        TypeError, match=r"fit of LevelsRegressor accepts .* but not ages\. Enable scikit-learn's"
    ):
        LevelsRegressor([FIRST], cv=FOLDS).fit(X, Y, ages=np.ones(N))


def test_several_outputs_pass_through_levels():
    outputs = np.c_[Y, X[:, 0] * 50]
    found = LevelsRegressor([FIRST, Level(FIRST, nested=True)], LinearRegression(), cv=FOLDS).fit(X, outputs)
    assert found.oof_.meta_train.columns.tolist() == ["tree__0", "tree__1", "knn__0", "knn__1"]
    assert found.predict(NEW).shape == (20, 2)


def test_classes_stay_global_where_a_training_part_lacks_one():
    y = np.where(np.arange(N) < 3, "rare", np.where(YC == 0, "a", "b"))
    folds = make_folds(y, scheme="kfold", n_splits=4, random_state=1)
    levels = [FIRSTC, Level(FIRSTC, nested=True)]
    lonely = Folds(
        N, tuple((np.setdiff1d(t, [0, 1, 2]) if at else t, h) for at, (t, h) in enumerate(folds.splits))
    )
    with pytest.warns(UserWarning, match="lacks rare"):
        found = LevelsClassifier(levels, MeanClassifier(), cv=lonely).fit(XC, y)
    assert found.oof_.meta_train.shape[1] == 6
    assert_allclose(found.predict_proba(NEWC).sum(axis=1), 1)


# --- failures


def test_an_estimator_that_fails_in_one_part_is_left_out_of_all():
    below = [("x", DecisionTreeRegressor(random_state=0)), ("picky", FailsOnFirstRow())]
    ensemble = LevelsRegressor([below, Level(SECOND, nested=True)], cv=FOLDS, on_error="skip")
    with pytest.warns(UserWarning, match="'picky' failed and is left out"):
        found = ensemble.fit(X, Y)
    assert list(found.levels_[0]) == ["x"]
    # Inside the first fold's training part the row is never seen, so that it is there as a column.
    assert [list(part.below.oof) for part in found.top_.parts] == [["x", "picky"], *[["x"]] * 3]
    assert np.isfinite(found.predict(NEW)).all()


def test_an_estimator_of_a_nested_level_that_fails_in_some_folds_is_left_out():
    above = Level([("picky", FailsOnFirstRow()), *SECOND], nested=True, passthrough=True)
    identity = [("x", CountingRidge())]

    class IgnoresFirstColumn(FailsOnFirstRow):
        def fit(self, X, y):
            return super().fit(np.asarray(X)[:, 1:], y)

        def predict(self, X):
            return super().predict(np.asarray(X)[:, 1:])

    above.set_params(picky=IgnoresFirstColumn())
    with pytest.warns(UserWarning, match="'picky' failed and is left out"):
        found = LevelsRegressor([identity, above], cv=FOLDS, on_error="skip").fit(X, Y)
    assert list(found.oof_) == ["ridge", "stump"]
    assert isinstance(found.oof_.failures["picky"], MemoryError)
    assert found.transform(NEW).shape == (20, 2)
    with pytest.raises(MemoryError, match="that row"):
        LevelsRegressor([identity, above], cv=FOLDS).fit(X, Y)


@pytest.mark.parametrize(
    ("ensemble", "text"),
    [
        (LevelsRegressor([]), "levels must be a non-empty list of Level objects"),
        (
            LevelsRegressor([("ridge", Ridge())]),
            "Each member of estimators must be a .name, estimator. tuple",
        ),
        (LevelsRegressor([FIRST, [("a__b", Ridge())]]), "Names of estimators must not contain '__'"),
        (LevelsRegressor([FIRST, [("nested", Ridge())]]), "must not be those of constructor arguments"),
        (LevelsRegressor([FIRST, FIRSTC]), "Base estimators of a regressor must be regressors"),
        (LevelsRegressor([FIRST, Level(SECOND, passthrough=["age"])]), "no column age"),
        (LevelsRegressor([FIRST, Level(SECOND, passthrough=[7])]), r"positions 0 to 4\); got no column 7"),
        (LevelsRegressor([FIRST], passthrough=[]), "got no column at all"),
        (LevelsRegressor([FIRST], passthrough=[True, False]), "got no column True, False"),
        (LevelsRegressor([FIRST], passthrough=np.array([True, False])), "got no column True, False"),
        (LevelsRegressor([FIRST, Level(SECOND, passthrough=[1, 0, 1])]), "got 1 twice"),
        (LevelsRegressor([FIRST], cv="prefit"), "cv must be a number of folds, .* got cv='prefit'"),
        (LevelsRegressor([FIRST], passthrough="age"), "no column age"),
        (LevelsRegressor([FIRST], passthrough=[["age"]]), r"no column \['age'\]"),
        (LevelsRegressor([FIRST], GaussianNB()), r"final_estimator=GaussianNB\(\) must be a regressor"),
        (LevelsRegressor([FIRST, [("ridge", "drop")]]), "All estimators are 'drop'. Keep at least one"),
    ],
)
def test_what_levels_refuse(ensemble, text):
    with pytest.raises(ValueError, match=text):
        ensemble.fit(X, Y)


def test_a_fault_says_which_level_it_is_of():
    with pytest.raises(ValueError, match="Names of estimators must be unique") as caught:
        LevelsRegressor([FIRST, FIRST, [("a", Ridge()), ("a", Ridge())]]).fit(X, Y)
    assert caught.value.__notes__ == ["Raised by level 3."]


def test_a_column_of_x_with_the_name_of_a_meta_feature_is_refused():
    levels = [[("age", Ridge())], Level(SECOND, passthrough=["age"])]
    with pytest.raises(
        ValueError, match=r"The names \['age'\] are both meta-features of estimators and columns"
    ):
        LevelsRegressor(levels, cv=FOLDS).fit(FRAME, Y)


def test_predictions_made_elsewhere_cannot_stand_below_a_nested_level(tmp_path):
    rows = FRAME.rename_axis("id")
    made = out_of_fold(FIRST, rows, Y, cv=FOLDS)
    given = PrecomputedRegressor.load(save_predictions(made, tmp_path / "oof.csv"), estimator="tree")
    shared = LevelsRegressor([[("given", given), ("knn", KNN)], SECOND], cv=FOLDS).fit(rows, Y)
    assert_allclose(shared.levels_[0].meta_train["given"], made.meta_train["tree"])
    with pytest.raises(
        ValueError, match=r"below a nested level are trained again .* precomputed predictions given. Leave"
    ):
        LevelsRegressor([[("given", given)], Level(SECOND, nested=True), SECOND], cv=FOLDS).fit(rows, Y)


# --- as an estimator among others


def test_parameters_are_reached_by_name_and_the_callers_lists_are_left_alone():
    first = [("tree", clone(TREE))]
    ensemble = LevelsRegressor([first, Level([("ridge", Ridge())])])
    ensemble.set_params(level_1__tree=Ridge(4.0), level_2__nested=True, level_2__ridge__alpha=3.0, cv=4)
    assert first[0][1].max_depth == 5
    params = ensemble.get_params()
    assert (params["level_1__tree__alpha"], params["level_2__ridge__alpha"]) == (4.0, 3.0)
    assert params["level_2"].nested is True
    ensemble.set_params(level_1=Level(FIRST))
    assert ensemble.levels[0].estimators is FIRST
    with pytest.raises(ValueError, match="Invalid parameter 'level_3'"):
        ensemble.set_params(level_3=Level(FIRST))


def test_dropped_estimators_are_left_out():
    levels = [[("gone", "drop"), *FIRST], Level([*SECOND, ("away", "drop")], nested=True)]
    found = LevelsRegressor(levels, cv=FOLDS).fit(X, Y)
    kept = LevelsRegressor([FIRST, Level(SECOND, nested=True)], cv=FOLDS).fit(X, Y)
    assert_array_equal(found.predict(NEW), kept.predict(NEW))
    assert found.count_fits(4) == kept.count_fits(4)


@pytest.mark.parametrize("nested", [False, True])
def test_a_pickled_ensemble_predicts_the_same(nested, tmp_path):
    store = DiskStore(tmp_path)
    levels = [FIRSTC, Level(SECONDC, nested=nested)]
    found = LevelsClassifier(levels, ConvexClassifier(), cv=FOLDSC, store=store).fit(XC, NAMES)
    again = pickle.loads(pickle.dumps(found))
    assert_array_equal(again.predict_proba(NEWC), found.predict_proba(NEWC))


def test_levels_are_an_estimator_of_the_engine_and_of_a_stack():
    inner = LevelsRegressor([FIRST, SECOND], cv=3)
    oof = out_of_fold([("levels", inner), ("ridge", Ridge())], X, Y, cv=3)
    assert oof.meta_train.shape == (N, 2)
    assert StackingRegressor([("levels", inner)], cv=3).fit(X, Y).score(X, Y) > 0.5


def test_the_diagram_names_every_level():
    text = LevelsRegressor([FIRST, SECOND], Lasso())._repr_html_()
    assert all(name in text for name in ("tree", "knn", "ridge", "stump", "Lasso"))


@pytest.mark.parametrize("method", ["predict", "transform", "get_feature_names_out"])
def test_an_ensemble_that_is_not_fitted_says_so(method):
    with pytest.raises(NotFittedError):
        getattr(LevelsRegressor([FIRST]), method)(X)


def test_decisions_are_those_of_the_final_estimator():
    found = LevelsClassifier([FIRSTC, SECONDC], LogisticRegression(), cv=FOLDSC).fit(XC, NAMES)
    assert_allclose(
        found.decision_function(NEWC), found.final_estimator_.decision_function(found.transform(NEWC))
    )
    assert not hasattr(LevelsClassifier([FIRSTC], KNeighborsClassifier()), "decision_function")


def test_an_estimator_predicts_as_long_as_one_of_its_columns_is_read():
    X, y = load_iris(return_X_y=True)
    oof = out_of_fold([("bayes", GaussianNB()), ("knn", KNeighborsClassifier())], X, y, cv=3, n_jobs=1)
    final = LogisticRegression().fit(oof.meta_train, y)
    assert unused_estimators(final, oof) == set()
    final.coef_[:, :2] = 0  # two of the three columns of naive Bayes
    assert unused_estimators(final, oof) == set()
    final.coef_[:, 2] = 0
    assert unused_estimators(final, oof) == {"bayes"}


def test_a_column_is_named_once_by_name_or_by_place():
    for twice in (["age", "age"], ["fare", "age", 0]):
        with pytest.raises(ValueError, match=f"got {twice[-1]} twice"):
            LevelsRegressor([FIRST], passthrough=twice).fit(FRAME, Y)
