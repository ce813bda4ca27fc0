"""A run in several steps gives what one step gives, and fits nothing twice."""

import time
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import MemoryStore, make_folds, out_of_fold
from stackit.engine.fold_run import FoldRun
from stackit.engine.run_config import RunConfig
from stackit.engine.training_data import TrainingData
from tests.engine.cases import XR, YR, X, Y

FOLDS = make_folds(Y, n_splits=5, random_state=0)
MEMBERS = [
    ("tree", DecisionTreeClassifier(max_features=2)),
    ("logistic", LogisticRegression()),
]


class FailsOnFewRows(RegressorMixin, BaseEstimator):
    """Cannot be fitted where the first row of the table is missing."""

    def fit(self, X, y):
        if not (X == XR[0]).all(axis=1).any():
            raise ValueError("the first row is missing")
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class MeanOfAllFolds(RegressorMixin, BaseEstimator):
    """Predicts the mean of y; the folds that are fitted together are counted."""

    def fit(self, X, y):
        self.mean_, self.n_together_ = np.mean(y), 0
        return self

    def fit_folds(self, X, y, folds, sample_weight=None):
        fitted = [MeanOfAllFolds().fit(X[train], y[train]) for train, _ in folds.splits]
        for one in fitted:
            one.n_together_ = len(fitted)
        return fitted

    def predict(self, X):
        return np.full(len(X), self.mean_)


def run_of(folds=FOLDS, table=(X, Y), X_test=None, warns=True, **config):
    data = TrainingData.of(*table, X_test=X_test, classify=table[1] is Y)
    return FoldRun(data, folds, config=RunConfig(n_jobs=1, seed=0, **config), warns=warns)


def places(results):
    return [(one.name, one.split) for one in results]


def test_steps_in_any_order_give_the_bits_of_one_step():
    whole = out_of_fold(MEMBERS, X, Y, X[:7], cv=FOLDS, n_jobs=1, random_state=0)
    run = run_of(X_test=X[:7])
    assert places(run.fit(MEMBERS, [3])) == [("tree", 3), ("logistic", 3)]
    assert run.result() is None
    assert places(run.fit(MEMBERS[1:], {4, 0, 1, 2})) == [("logistic", split) for split in (0, 1, 2, 4)]
    assert list(run.result()) == ["logistic"]
    assert places(run.fit(MEMBERS[:1], (0, 1, 2, 4))) == [("tree", split) for split in (0, 1, 2, 4)]
    steps = run.result()
    assert set(steps) == {"tree", "logistic"}
    for name in steps:
        np.testing.assert_array_equal(steps[name].test, whole[name].test)
        for one, other in zip(steps[name].held_out, whole[name].held_out, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_name_has_one_estimator_on_some_splits_and_another_on_the_rest():
    run = run_of(return_estimator=False)
    scout, final = DecisionTreeClassifier(max_depth=1), DecisionTreeClassifier(max_depth=4)
    assert len([*run.fit([("tree", scout)], [0])]) == 1
    assert len([*run.fit([("tree", final)], range(1, 5))]) == 4
    oof = run.result()
    for split, own in enumerate([scout, final, final, final, final]):
        alone = out_of_fold([("tree", own)], X, Y, cv=FOLDS, n_jobs=1, random_state=0)["tree"]
        np.testing.assert_array_equal(oof["tree"].held_out[split], alone.held_out[split])
    # Estimators were not kept: each split is fitted again by its own.
    assert [fitted.max_depth for fitted in oof["tree"].fold_estimators] == [1, 4, 4, 4, 4]


def test_all_wanted_splits_are_fitted_together_and_no_others():
    folds = make_folds(YR, scheme="kfold", n_splits=5, random_state=0)
    run = run_of(folds, (XR, YR), X_test=XR[:4])
    first = [*run.fit([("mean", MeanOfAllFolds())], [2])]
    rest = [*run.fit([("mean", MeanOfAllFolds())], [4, 0, 1, 3])]
    assert places(first + rest) == [("mean", split) for split in (2, 0, 1, 3, 4)]
    assert [one.estimator.n_together_ for one in first + rest] == [1, 4, 4, 4, 4]
    means = [YR[train].mean() for train, _ in folds.splits]
    for one in first + rest:
        np.testing.assert_array_equal(one.held_out[:, 0], np.full(18, means[one.split]))
    np.testing.assert_allclose(run.result()["mean"].test[:, 0], np.mean(means))


def test_what_the_store_has_is_not_fitted_again():
    folds = make_folds(YR, scheme="kfold", n_splits=5, random_state=0)
    store, members = MemoryStore(), [("tree", DecisionTreeRegressor(max_features=2))]
    run = run_of(folds, (XR, YR), store=store)
    assert [one.stored for one in run.fit(members, [0, 3])] == [False, False]
    assert [(one.split, one.stored) for one in run.fit(members)] == [
        (0, True),
        (3, True),
        (1, False),
        (2, False),
        (4, False),
    ]
    other = run_of(folds, (XR, YR), store=store)
    assert all(one.stored for one in other.fit(members))
    assert other.result().meta_train.equals(run.result().meta_train)
    # A different estimator of the same name has results of its own.
    assert not any(one.stored for one in other.fit([("tree", DecisionTreeRegressor(max_depth=1))], [0, 1]))


@pytest.mark.parametrize("warns", [True, False])
def test_a_failure_costs_one_estimator_and_a_warning_at_most(warns):
    folds = make_folds(YR, scheme="kfold", n_splits=5, random_state=0)
    run = run_of(folds, (XR, YR), on_error="skip", warns=warns)
    members = [("fails", FailsOnFewRows()), ("tree", DecisionTreeRegressor(max_depth=2))]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = [*run.fit(members)]
    assert len(caught) == warns
    assert list(run.result()) == ["tree"]
    assert list(run.failures) == ["fails"] == [one.name for one in results if one.error is not None]
    # Fitted again under its name, it is no failure any more.
    assert len([*run.fit([("fails", DecisionTreeRegressor(max_depth=1))])]) == 5
    assert run.failures == {}
    assert set(run.result()) == {"tree", "fails"}


def test_an_estimator_that_cannot_predict_as_wanted_is_a_failure_of_its_own():
    run = run_of(on_error="skip", warns=False, stack_method="predict_proba")
    results = [*run.fit([("margins", SVC()), ("logistic", LogisticRegression())], [0])]
    assert [(one.name, one.split, one.error is None) for one in results] == [
        ("margins", -1, False),
        ("logistic", 0, True),
    ]
    assert list(run.failures) == ["margins"]


def test_an_error_stops_the_run_where_failures_are_not_skipped():
    run = run_of(make_folds(YR, scheme="kfold", n_splits=5, random_state=0), (XR, YR))
    with pytest.raises(ValueError, match="the first row is missing") as raised:
        _ = [*run.fit([("fails", FailsOnFewRows())])]
    assert "Raised by estimator 'fails'" in raised.value.__notes__[0]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_each_start_of_a_fit_is_reported_before_its_result(n_jobs):
    folds = make_folds(YR, scheme="kfold", n_splits=5, random_state=0)
    data, seen = TrainingData.of(XR, YR, classify=False), []
    config = RunConfig(n_jobs=n_jobs, seed=0)
    run = FoldRun(data, folds, config=config, on_start=lambda name, splits: seen.append((name, splits)))
    members = [("tree", DecisionTreeRegressor()), ("mean", MeanOfAllFolds())]
    for result in run.fit(members, [1, 2, 4], deadline=time.monotonic() + 60):
        assert any(name == result.name and result.split in splits for name, splits in seen)
    assert sorted(seen) == [("mean", [1, 2, 4]), ("tree", [1]), ("tree", [2]), ("tree", [4])]
