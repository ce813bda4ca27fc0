"""Honest scores of ensembles of several levels: each level is scored as it is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from stackit import (
    Level,
    LevelsClassifier,
    LevelsRegressor,
    StackingClassifier,
    average_or_refit,
    compare,
    diversity,
    gain,
    make_folds,
    nested_score,
    out_of_fold,
    overfitting_alarm,
    shapley,
)
from stackit.combine import GeometricClassifier, MeanClassifier, NonNegativeRegressor, TemperatureClassifier

RANDOM = np.random.default_rng(0)
N = 200
X = RANDOM.normal(size=(N, 2))
Y = (X[:, 0] + RANDOM.normal(size=N) > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["age", "fare"])
FIRST = [("nb", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))]
SECOND = [("lr", LogisticRegression()), ("knn", KNeighborsClassifier(15))]
KNOWN, NEW = slice(0, 120), slice(120, None)
LEVELS = {
    "shared folds": [FIRST, SECOND],
    "nested folds": [FIRST, Level(SECOND, nested=True)],
    "columns": [Level(FIRST, passthrough=["fare", "age"]), Level(SECOND, passthrough=["fare"])],
    "one level": [Level(FIRST, passthrough=["age"])],
}
all_levels = pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)


def fitted(levels, **options):
    return LevelsClassifier(levels, cv=3, random_state=0, **options).fit(FRAME[KNOWN], Y[KNOWN])


# The alarm


@all_levels
@pytest.mark.parametrize("labels", [None, Y[NEW]], ids=["expected", "measured"])
def test_the_alarm_is_about_the_table_that_levels_make(levels, labels):
    whole = fitted(levels)
    found = overfitting_alarm(whole, FRAME[NEW], labels)
    assert found.alarmed == []
    tables = whole.top_.fold_tables(FRAME[NEW])
    for name, result in whole.oof_.items():
        pairs = zip(result.fold_estimators, tables, strict=True)
        predictions = [one.predict_proba(table) for one, table in pairs]
        assert_allclose(np.mean(predictions, axis=0), whole.top_.predict(FRAME[NEW])[name])


def test_the_alarm_of_shared_folds_is_that_of_a_run_on_the_first_levels_table():
    whole = fitted([FIRST, SECOND])
    alone = replace(whole.oof_, derived_features=False)
    meta = whole.levels_[0].transform(FRAME[NEW]).to_numpy()
    expected, found = overfitting_alarm(alone, meta, Y[NEW]), overfitting_alarm(whole, FRAME[NEW], Y[NEW])
    columns = ["claimed", "measured", "difference", "standard_error", "z"]
    pd.testing.assert_frame_equal(found.table[columns], expected.table[columns])
    assert found.table["reversal"].notna().all()
    assert expected.table["reversal"].isna().all()


@all_levels
def test_a_level_alone_does_not_predict_rows_of_x(levels):
    whole = fitted(levels)
    last = whole.levels_[-1]
    for ask in (last.transform, last.transform_refitted, lambda rows: overfitting_alarm(last, rows)):
        with pytest.raises(
            ValueError,
            match="is a level of an ensemble: its estimators were fitted on features derived from X",
        ):
            ask(FRAME[NEW])
    assert whole.transform(FRAME[NEW]).shape == (80, 2)


def test_the_first_level_reads_x_as_it_is():
    whole = fitted([FIRST, SECOND])
    assert overfitting_alarm(whole.levels_[0], FRAME[NEW]).alarmed == []
    assert whole.levels_[0].transform(FRAME[NEW]).shape == (80, 2)


# Comparisons


def test_the_table_that_levels_are_compared_with_is_checked():
    whole = fitted([FIRST, SECOND], passthrough=["fare"])
    with pytest.raises(ValueError, match="X=None, but the stack passes X through"):
        compare(whole)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare(whole, X=FRAME)
    with pytest.raises(ValueError, match=r"passthrough must be .*got no column fare"):
        compare(whole, X=FRAME[KNOWN][["age"]])


NAMED = {"nb": 2, "tree": 1}


@pytest.mark.parametrize("final", [MeanClassifier(NAMED), TemperatureClassifier(GeometricClassifier(NAMED))])
def test_combiners_know_the_members_by_their_names_when_they_are_compared(final):
    stack = StackingClassifier(FIRST, final, cv=3).fit(X, Y)
    found = compare(stack, scoring="neg_log_loss")
    assert found.table.index[3:].tolist() == ["prior", "plain mean", "convex", "greedy", "stack"]
    by_hand = out_of_fold([("own", final)], stack.oof_.meta_train, Y, cv=stack.oof_.folds, n_jobs=1)
    assert_allclose(found.finals[0].average("stack"), by_hand.average("own"))
    named = [
        ("mean", MeanClassifier(NAMED)),
        ("lr", LogisticRegression()),
        ("geo", GeometricClassifier(NAMED)),
    ]
    assert compare(stack.oof_, named).finals[0].meta_train.columns[2:].tolist() == ["mean", "lr", "geo"]
    assert diversity(stack).score == shapley(stack).score_of_all
    nested_score(stack, FRAME, Y, cv=2)


# Nested


@all_levels
def test_nested_scores_are_those_of_levels_as_an_estimator(levels):
    whole = LevelsClassifier(levels, MeanClassifier(), cv=3, random_state=0)
    folds = make_folds(Y, n_splits=2, random_state=1)
    found = nested_score(whole, FRAME, Y, cv=folds, scoring="neg_log_loss")
    by_hand = cross_val_predict(whole, FRAME, Y, cv=folds, method="predict_proba")
    assert_allclose(found.finals[0].average("stack"), by_hand, rtol=1e-9)
    assert_allclose(found.finals[0].average("plain mean"), by_hand, rtol=1e-9)
    assert gain(found).nested
    train, held_out = folds.splits[1]
    one = clone(whole).fit(FRAME.iloc[train], Y[train])
    members = found.repeats[0].known.meta_train
    assert_allclose(members.iloc[held_out], one.transform(FRAME.iloc[held_out]))
    known = replace(one.oof_, scoring="neg_log_loss")
    assert found.chosen[0][1] == max(known, key=known.pooled_score)


@pytest.mark.parametrize(
    ("table", "passthrough"),
    [
        pytest.param(X, True, id="array-True"),
        pytest.param(FRAME, [1], id="frame-column"),
        pytest.param(X, [1], id="array-column", marks=pytest.mark.slow),
        pytest.param(X, False, id="array-False", marks=pytest.mark.slow),
        pytest.param(FRAME, True, id="frame-True", marks=pytest.mark.slow),
        pytest.param(FRAME, False, id="frame-False"),
    ],
)
def test_the_final_estimator_sees_its_columns_in_nested_scores_too(table, passthrough):
    whole = LevelsClassifier([FIRST, SECOND], cv=3, passthrough=passthrough, random_state=0)
    folds = make_folds(Y, n_splits=2, random_state=1)
    found = nested_score(whole, table, Y, cv=folds).finals[0].average("stack")
    assert_allclose(found, cross_val_predict(whole, table, Y, cv=folds, method="predict_proba"))


def test_a_rows_own_label_does_not_reach_its_nested_prediction():
    flipped = Y.copy()
    flipped[5] = 1 - flipped[5]
    folds = make_folds(Y, n_splits=3, random_state=0)
    whole = LevelsClassifier([FIRST, SECOND], cv=3, random_state=0)
    one, other = (nested_score(whole, X, y, cv=folds).finals[0].average("stack") for y in (Y, flipped))
    assert_array_equal(one[5], other[5])
    assert (one != other).any()


def test_fixed_folds_of_each_level_are_cut_to_the_rows_of_each_outer_fold():
    shared, own = (make_folds(Y, n_splits=4, random_state=seed) for seed in (1, 2))
    outer = make_folds(Y, n_splits=2, random_state=3)
    whole = LevelsClassifier([FIRST, Level(SECOND, cv=own)], cv=shared, random_state=0)
    found = nested_score(whole, X, Y, cv=outer).finals[0].average("stack")
    for train, held_out in outer.splits:
        place = np.full(N, -1)
        place[train] = np.arange(len(train))
        cut = [
            [(place[a][place[a] >= 0], place[b][place[b] >= 0]) for a, b in folds.splits]
            for folds in (shared, own)
        ]
        by_hand = clone(whole).set_params(cv=cut[0], level_2__cv=cut[1]).fit(X[train], Y[train])
        assert_allclose(found[held_out], by_hand.predict_proba(X[held_out]))


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("final", [MeanClassifier(NAMED), MeanClassifier({"nb": 1})])
def test_a_combiner_that_leaves_a_member_out_leaves_it_in_the_scores(final, refit):
    stack = StackingClassifier(FIRST, final, cv=3, refit=refit, random_state=0)
    folds = make_folds(Y, n_splits=2, random_state=1)
    found = nested_score(stack, FRAME, Y, cv=folds)
    assert found.members == ["nb", "tree"]
    by_hand = cross_val_predict(stack, FRAME, Y, cv=folds, method="predict_proba")
    assert_allclose(found.finals[0].average("stack"), by_hand)
    both = average_or_refit(stack, FRAME[NEW], FRAME[KNOWN], Y[KNOWN])
    assert both.final["distance"] >= 0


def test_levels_are_not_refitted_for_comparison():
    with pytest.raises(ValueError, match="A LevelsClassifier has no single refit to compare"):
        average_or_refit(LevelsClassifier([FIRST, SECOND]), X, X, Y)
    with pytest.raises(ValueError, match=r"The names \[.*\] of estimators are rows of the table"):
        nested_score(LevelsClassifier([FIRST, [("stack", GaussianNB())]]), X, Y)


def test_folds_below_a_refitted_combiner_see_all_that_they_learned_from():
    random = np.random.default_rng(7)
    X = random.normal(size=(800, 6))
    y = X @ np.r_[1, 1, 0.5, 0, 0, 0] + random.normal(size=800) * 0.7
    first = [("ols", LinearRegression()), ("ridge", Ridge(3)), ("half", Ridge(20))]
    levels = LevelsRegressor([first, [("nn", NonNegativeRegressor())]], cv=3, random_state=0, refit=True)
    alarm = overfitting_alarm(levels.fit(X[:400], y[:400]), X[400:], y[400:])
    assert not alarm.alarmed
    assert abs(alarm.table.loc["nn", "z"]) < 3
