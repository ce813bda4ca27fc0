"""X passed through next to out-of-fold predictions gives away labels: no score may use that."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from stackit import (
    Level,
    LevelsClassifier,
    PrecomputedClassifier,
    StackingClassifier,
    StackingRegressor,
    compare,
    diversity,
    gain,
    make_folds,
    nested_score,
    shapley,
)
from stackit.combine import ConvexClassifier

MEMBERS = [
    ("lr", LogisticRegression(solver="newton-cholesky")),
    ("nb", GaussianNB()),
    ("knn", KNeighborsClassifier(15)),
    ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
]
TWO = MEMBERS[1:3]
FINAL = LogisticRegression(solver="newton-cholesky")


def random_labels(seed, n=200, n_columns=60):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, n_columns)), random.integers(0, 2, size=n)


# The area of 200 rows with random labels has a standard error of 0.041, the mean of three of 0.024. The
# cross-fitted score that this replaces is above 0.7.
CHANCE = 0.5 + 3 * 0.024


def test_random_labels_gain_nothing_where_x_is_passed_through():
    areas, verdicts = [], []
    for seed in range(3):
        X, y = random_labels(seed)
        stack = StackingClassifier(MEMBERS[:2], FINAL, cv=4, passthrough=True, random_state=0).fit(X, y)
        table = np.hstack([stack.oof_.meta_train, X])
        flattered = cross_val_score(FINAL, table, y, cv=stack.oof_.folds, scoring="roc_auc").mean()
        found = compare(stack, X=X, scoring="roc_auc")
        areas.append([found.table.loc["stack", "mean"], flattered])
        verdicts.append(gain(found).verdict)
    assert found.nested
    assert np.mean(areas, axis=0)[0] < CHANCE < 0.65 < np.mean(areas, axis=0)[1]
    assert not any("gains over" in verdict for verdict in verdicts)


def test_random_labels_gain_nothing_in_levels_that_pass_x_through():
    areas = []
    for seed in range(3):
        X, y = random_labels(seed)
        levels = [MEMBERS[:1], Level([("lr", FINAL)], passthrough=True)]
        whole = LevelsClassifier(levels, cv=4, random_state=0).fit(X, y)
        areas.append(compare(whole, X=X, scoring="roc_auc").table.loc[["lr", "stack"], "mean"])
    assert (np.mean(areas, axis=0) < CHANCE).all()


@pytest.mark.parametrize("shape", [np.array, pd.DataFrame])
def test_what_is_compared_is_the_nested_score_on_the_folds_of_the_run(shape):
    X, y = random_labels(0, 90, 4)
    X = shape(X)
    if shape is pd.DataFrame:
        X = X.set_axis(list("abcd"), axis=1)
    folds = make_folds(y, scheme="stratified", n_splits=3, random_state=1)
    stack = StackingClassifier(TWO, FINAL, cv=4, passthrough=True, random_state=0).fit(X, y)
    found = compare(stack, cv=folds, X=X, scoring="neg_log_loss")
    expected = nested_score(stack, X, y, cv=folds, scoring="neg_log_loss")
    assert found.table.index.tolist() == [*expected.table.index[:5], "convex", "greedy", "stack"]
    assert_allclose(found.table["mean"][expected.table.index], expected.table["mean"])
    by_hand = cross_val_predict(stack, X, y, cv=folds, method="predict_proba")
    assert_allclose(found.finals[0].average("stack"), by_hand)
    train, held_out = folds.splits[1]
    rows = [X.iloc[each] if shape is pd.DataFrame else X[each] for each in (train, held_out)]
    one = clone(stack).fit(rows[0], y[train]).oof_
    convex = ConvexClassifier().fit(one.meta_train, y[train])
    predicted = convex.predict_proba(one.transform(rows[1]))
    assert_allclose(found.finals[0].average("convex")[held_out], predicted)


@pytest.mark.parametrize("passthrough", [["fare"], [1, 0], True])
def test_fixed_folds_are_those_of_the_run_cut_to_the_other_rows(passthrough):
    X, y = random_labels(0, 90, 2)
    X = pd.DataFrame(X, columns=["age", "fare"])
    folds = make_folds(y, scheme="stratified", n_splits=3, random_state=1)
    whole = LevelsClassifier([TWO], FINAL, cv=folds, passthrough=passthrough, random_state=0).fit(X, y)
    found = compare(whole, X=X)
    train, held_out = folds.splits[0]
    place = np.full(90, -1)
    place[train] = np.arange(60)
    cut = [(place[a][place[a] >= 0], place[b][place[b] >= 0]) for a, b in folds.splits[1:]]
    one = clone(whole).set_params(cv=cut).fit(X.iloc[train], y[train])
    assert_allclose(found.finals[0].average("stack")[held_out], one.predict_proba(X.iloc[held_out]))


def test_weights_and_groups_of_the_run_reach_the_nested_fits():
    X, y = random_labels(0, 120, 3)
    groups = np.arange(120) // 3
    weights = np.random.default_rng(1).uniform(0.5, 2, size=120)
    members = [("nb", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2, random_state=0))]
    stack = StackingClassifier(members, FINAL, cv=4, passthrough=True, random_state=0)
    stack.fit(X, y, sample_weight=weights, groups=groups)
    found = compare(stack, X=X)
    expected = nested_score(stack, X, y, cv=stack.oof_.folds, sample_weight=weights, groups=groups, n_jobs=1)
    assert_allclose(found.table.loc["stack", "mean"], expected.table.loc["stack", "mean"])
    assert gain(found).tests["best member"].n == 40


def test_numbers_are_nested_too():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(80, 40)), random.normal(size=80)
    members = [("ridge", Ridge()), ("ols", LinearRegression())]
    stack = StackingRegressor(members, Ridge(), cv=KFold(4), passthrough=True).fit(X, y)
    found = compare(stack, X=X)
    by_hand = cross_val_predict(stack, X, y, cv=stack.oof_.folds)
    assert_allclose(found.finals[0].average("stack")[:, 0], by_hand)


def test_combiners_and_finals_without_x_are_cross_fitted_as_ever():
    X, y = random_labels(0, 90, 4)
    stack = StackingClassifier(TWO, FINAL, cv=3, passthrough=True, random_state=0).fit(X, y)
    assert not compare(stack, [("lr", FINAL)], X=X).nested
    fitted = [(name, clone(each).fit(X, y)) for name, each in TWO]
    X, y = random_labels(1, 90, 4)
    prefit = StackingClassifier(fitted, FINAL, cv="prefit", passthrough=True).fit(X, y)
    assert not compare(prefit, X=X).nested  # their members have seen none of these rows


def test_x_is_needed_and_folds_that_leave_nothing_are_named():
    X, y = random_labels(0, 90, 4)
    halves = make_folds(y, scheme="stratified", n_splits=2, random_state=0)
    stack = StackingClassifier(TWO, FINAL, cv=halves, passthrough=True, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="X=None, but the stack passes X through"):
        compare(stack)
    with pytest.raises(ValueError, match=r"the folds of the stack .* leave nothing .* Use at least 3 folds"):
        compare(stack, X=X)
    whole = LevelsClassifier([TWO, Level(TWO, passthrough=True)], cv=3, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="X=None, but the stack passes X through"):
        compare(whole, [("lr", FINAL)])


# Levels say so


def levels_of(*levels, **options):
    X, y = random_labels(0, 90, 4)
    return LevelsClassifier(list(levels), FINAL, cv=3, random_state=0, **options).fit(X, y)


PASSED = [
    [TWO, Level(TWO, passthrough=True)],
    [TWO, Level(TWO, passthrough=[0, 2])],
    [TWO, Level(TWO, passthrough=[1]), TWO],
    [TWO, Level(TWO, nested=True), Level(TWO, passthrough=True)],
]
HONEST = [
    [TWO, TWO],
    [Level(TWO, passthrough=[0, 1]), TWO],
    [TWO, Level(TWO, passthrough=True, nested=True)],
]


@pytest.mark.parametrize("levels", PASSED, ids=range(len(PASSED)))
def test_scores_of_levels_that_see_x_on_shared_folds_warn_once(levels):
    oof = levels_of(*levels).oof_
    with pytest.warns(UserWarning, match=r"The scores of nb, knn are optimistic, .* nested=True"):
        assert oof.summary["optimistic"].all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(oof.scores) == 6
    assert "optimistic scores: knn, nb" in repr(oof)


@pytest.mark.parametrize("levels", HONEST, ids=range(len(HONEST)))
def test_scores_of_other_levels_do_not(levels):
    assert "optimistic" not in levels_of(*levels).oof_.summary


@pytest.mark.parametrize("assess", [diversity, shapley])
def test_what_assesses_members_of_such_levels_warns(assess):
    whole = levels_of(*PASSED[0])
    with pytest.warns(UserWarning, match="The scores of nb, knn are optimistic"):
        assess(whole)


def test_the_warning_tells_the_truth():
    """With random labels the second level's own score is far above chance; nested it is not."""
    areas = []
    for nested in (False, True):
        found = []
        for seed in range(3):
            X, y = random_labels(seed)
            levels = [MEMBERS[:1], Level([("lr", FINAL)], passthrough=True, nested=nested)]
            whole = LevelsClassifier(levels, cv=4, random_state=0).fit(X, y)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(whole.oof_.scores["score"].mean())
        areas.append(np.mean(found))
    # Accuracies of 200 rows have a standard error of 0.035, means of three of 0.02.
    assert areas[0] > 0.5 + 5 * 0.02
    assert areas[1] < 0.5 + 3 * 0.02


def test_predictions_made_elsewhere_cannot_be_nested_and_say_so():
    X, y = random_labels(0, 90, 4)
    ids = pd.Index([f"row {at}" for at in range(90)], name="id")
    given = PrecomputedClassifier.load(
        pd.Series(np.random.default_rng(0).uniform(size=90), ids, name="given")
    )
    table = pd.DataFrame(X, index=ids).rename(columns=str)
    stack = StackingClassifier([("given", given), TWO[0]], FINAL, cv=3, passthrough=True).fit(table, y)
    with pytest.warns(UserWarning, match="The nested score is optimistic: given are precomputed predictions"):
        compare(stack, X=table)
