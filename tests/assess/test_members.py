"""Diversity, Shapley values, and the average of folds against a refit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import (
    PrecomputedRegressor,
    StackingClassifier,
    StackingRegressor,
    average_or_refit,
    compare,
    diversity,
    make_folds,
    out_of_fold,
    shapley,
)
from stackit.combine import ConvexRegressor

X, Y = load_breast_cancer(return_X_y=True)
X, Y = X[:200], Y[:200]
XR, YR = load_diabetes(return_X_y=True)
REGRESSORS = [
    ("ridge", Ridge(0.1)),
    ("knn", KNeighborsRegressor(10)),
    ("tree", DecisionTreeRegressor(max_depth=4)),
]
CLASSIFIERS = [
    ("nb", GaussianNB()),
    ("knn", KNeighborsClassifier(9)),
    ("tree", DecisionTreeClassifier(max_depth=3)),
]


def numbers(members=REGRESSORS, **options):
    return out_of_fold(members, XR, YR, cv=4, n_jobs=1, **options)


def labels(members=CLASSIFIERS, scoring="neg_log_loss"):
    folds = make_folds(Y, scheme="stratified", n_splits=4, random_state=0)
    return out_of_fold(members, X, Y, cv=folds, scoring=scoring, n_jobs=1)


def run_of(columns, y, **options):
    """Return a run with these out-of-fold columns."""
    index = pd.Index([f"r{at}" for at in range(len(y))], name="id")
    rows = pd.DataFrame({"x": np.zeros(len(y))}, index=index)
    members = [
        (f"m{at}", PrecomputedRegressor.load(pd.Series(column, index, name="m")))
        for at, column in enumerate(columns)
    ]
    return out_of_fold(members, rows, y, cv=4, n_jobs=1, **options)


# Diversity


def test_the_correlation_of_errors_is_that_of_residuals():
    oof = numbers()
    residuals = (oof.meta_train.sub(YR, axis=0)).to_numpy()
    assert_allclose(diversity(oof).correlation.to_numpy(), np.corrcoef(residuals.T))
    oof = labels()
    residuals = (oof.meta_train.to_numpy().T - Y).T
    both = np.vstack([residuals, -residuals])  # the errors of both classes
    assert_allclose(diversity(oof).correlation.to_numpy(), np.corrcoef(both.T))


def test_rows_count_by_their_weights_in_the_correlation_and_none_at_all_with_weight_zero():
    weights = np.r_[np.zeros(len(Y) // 2), np.full(len(Y) - len(Y) // 2, 3.0)]
    oof = out_of_fold(CLASSIFIERS, X, Y, cv=3, n_jobs=1)
    weighted = diversity(replace(oof, sample_weight=weights)).correlation
    errors = [(Y - oof.meta_train[name])[weights > 0] for name in oof]
    both = [
        np.r_[each, -each] for each in errors
    ]  # of two classes one is right by as much as the other is wrong
    assert_allclose(weighted, np.corrcoef(both))
    assert_allclose(
        diversity(replace(oof, sample_weight=np.full(len(Y), 2.0))).correlation, diversity(oof).correlation
    )


def test_leaving_an_estimator_out_is_a_run_without_it():
    oof, found = labels(), diversity(labels())
    for at, (name, _) in enumerate(CLASSIFIERS):
        others = compare(labels(CLASSIFIERS[:at] + CLASSIFIERS[at + 1 :]), []).table["whole"]["plain mean"]
        assert_allclose(found.table.loc[name, "without"], others)
        assert_allclose(found.table.loc[name, "gain"], found.score - others)
        assert_allclose(found.table.loc[name, "alone"], oof.summary.loc[name, "whole"])


def test_of_two_copies_neither_is_missed_and_each_is_nearest_to_the_other():
    members = [("one", Ridge(0.1)), ("knn", KNeighborsRegressor(10)), ("other", Ridge(0.1))]
    found = diversity(numbers(members), ConvexRegressor())
    assert_allclose(found.table.loc[["one", "other"], "gain"], 0, atol=1e-9)
    assert found.table["nearest"][["one", "other"]].tolist() == ["other", "one"]
    assert_allclose(found.correlation.loc["one", "other"], 1)
    assert found.table["gain"]["knn"] > 0


def test_decisions_and_votes_have_errors_too():
    oof = out_of_fold([("svm", RidgeClassifier()), ("nb", GaussianNB())], X, Y, cv=3, n_jobs=1)
    wrong = oof.meta_train["svm"].gt(0).to_numpy() != Y
    found = diversity(oof, LogisticRegression())
    alone = np.corrcoef(
        np.r_[Y - oof.meta_train["svm"].gt(0), oof.meta_train["svm"].gt(0) - Y],
        np.r_[Y - oof.meta_train["nb"], oof.meta_train["nb"] - Y],
    )[0, 1]
    assert wrong.any()
    assert_allclose(found.correlation.loc["svm", "nb"], alone)
    with pytest.raises(ValueError, match="predictions of estimators are of different kinds"):
        diversity(oof)
    with pytest.raises(ValueError, match="Diversity needs at least two estimators"):
        diversity(out_of_fold([("nb", GaussianNB())], X, Y, cv=3, n_jobs=1))


def test_several_classes():
    iris = out_of_fold(CLASSIFIERS, *load_iris(return_X_y=True), cv=3, n_jobs=1)
    assert diversity(iris).correlation.shape == (3, 3)
    assert "All together score 0.9" in repr(diversity(iris))
    found = shapley(iris)
    assert_allclose(found.table["value"].sum(), diversity(iris).score - found.score_of_none)


# Shapley values


def test_shapley_values_by_hand():
    """Two members, R2 of the mean: v() = of the folds' means, phi = half of each way to add it."""
    oof = numbers(REGRESSORS[:2])
    found = shapley(oof)
    alone = oof.summary["whole"]
    both = compare(oof, []).table.loc["plain mean", "whole"]
    none = found.score_of_none
    assert none < 0.01
    expected = [
        (alone["ridge"] - none + both - alone["knn"]) / 2,
        (alone["knn"] - none + both - alone["ridge"]) / 2,
    ]
    assert_allclose(found.table["value"], expected)
    assert (found.table["standard_error"] == 0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(2, 5), sampled=st.booleans())
def test_shapley_values_add_up(seed, k, sampled):
    random = np.random.default_rng(seed)
    y = random.normal(size=60)
    columns = [y * random.uniform(0, 1) + random.normal(size=60) for _ in range(k)]
    found = shapley(run_of(columns, y), n_permutations=4 if sampled else None, random_state=seed)
    assert_allclose(found.table["value"].sum(), found.score_of_all - found.score_of_none, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_equal_members_have_equal_values_whatever_their_place(seed):
    random = np.random.default_rng(seed)
    y = random.normal(size=60)
    a, b = y + random.normal(size=60), 0.5 * y + random.normal(size=60)
    found = shapley(run_of([a, b, a], y)).table["value"]
    assert_allclose(found["m0"], found["m2"], atol=1e-9)
    turned = shapley(run_of([b, a, a], y)).table["value"]
    assert_allclose(turned[["m1", "m0", "m2"]], found[["m0", "m1", "m2"]], atol=1e-9)


def test_sampled_values_are_near_the_exact_ones_by_their_standard_error():
    random = np.random.default_rng(0)
    y = random.normal(size=80)
    columns = [y * scale + random.normal(size=80) for scale in np.linspace(0, 1, 7)]
    oof = run_of(columns, y)
    exact, sampled = shapley(oof), shapley(oof, n_permutations=60)
    assert (exact.n_permutations, sampled.n_permutations) == (0, 60)
    far = (sampled.table["value"] - exact.table["value"]) / sampled.table["standard_error"]
    assert abs(far).max() < 4
    assert sampled.table["standard_error"].gt(0).all()
    again = shapley(oof, n_permutations=60).table
    assert again.equals(sampled.table)


def test_above_ten_members_orders_are_sampled():
    random = np.random.default_rng(0)
    y = random.normal(size=60)
    found = shapley(run_of([y + random.normal(size=60) for _ in range(11)], y), n_permutations=None)
    assert found.n_permutations == 64
    assert_allclose(found.table["value"].sum(), found.score_of_all - found.score_of_none)


def test_what_knows_nothing_is_worth_least_and_is_not_missed():
    random = np.random.default_rng(0)
    y = random.normal(size=300)
    oof = run_of([y + 0.3 * random.normal(size=300), random.normal(size=300)], y)
    values = shapley(oof, ConvexRegressor()).table["value"]
    assert values["m0"] > 0.8 > 0 > values["m1"]
    assert abs(diversity(oof, ConvexRegressor()).table["gain"]["m1"]) < 0.02


def test_an_odd_number_of_orders_is_refused():
    with pytest.raises(ValueError, match="n_permutations=3 must be None or a positive even number"):
        shapley(labels(), n_permutations=3)


# Average or refit


def test_average_and_refit_are_those_of_the_stack():
    stack = StackingRegressor(REGRESSORS, cv=4, refit=True).fit(XR[:300], YR[:300])
    found = average_or_refit(stack, XR[300:])
    assert found.refitted.equals(stack.oof_.transform_refitted(XR[300:]))
    assert found.average.equals(stack.oof_.transform(XR[300:]))
    difference = found.refitted - found.average
    assert_allclose(found.table["shift"], difference.mean())
    assert_allclose(found.table["distance"], np.sqrt((difference**2).mean()))
    assert_allclose(found.table["spread_refit"], found.refitted.std(ddof=0))
    assert_allclose(
        found.table["correlation"],
        [np.corrcoef(found.average[c], found.refitted[c])[0, 1] for c in found.average],
    )
    one, other = (stack.final_estimator_.predict(t.to_numpy()) for t in (found.average, found.refitted))
    assert_allclose(found.final["distance"], np.sqrt(((one - other) ** 2).mean()))


def test_steady_estimators_are_kept_as_averages_and_unsteady_ones_shrink():
    steady = average_or_refit([("linear", LinearRegression())], XR[300:], XR[:300], YR[:300])
    assert steady.advice.startswith("The two are alike")
    assert steady.final == {}
    rough = average_or_refit([("tree", DecisionTreeRegressor(random_state=0))], XR[300:], XR[:300], YR[:300])
    assert rough.shrunk == ["tree"]
    assert rough.advice.startswith("Averaging folds shrinks tree to ")
    assert rough.advice in repr(rough)


def test_a_stack_that_was_not_refitted_is_fitted_again_and_left_as_it_is():
    stack = StackingClassifier(CLASSIFIERS, cv=3).fit(X, Y)
    with pytest.raises(ValueError, match="Without X and y there is nothing to refit on"):
        average_or_refit(stack, X[:20])
    found = average_or_refit(stack, X[:20], X, Y)
    assert not stack.refit
    assert set(found.final) == {"changed", "distance"}
    votes = StackingClassifier([("svm", RidgeClassifier())], RidgeClassifier(), cv=3)
    assert set(average_or_refit(votes, X[:20], X, Y).final) == {"changed"}
