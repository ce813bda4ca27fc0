"""One record per estimator: a run is a mapping of names to them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB

from stackit import StackingClassifier, make_folds, out_of_fold
from stackit.results import EstimatorResult, OutOfFold
from stackit.results.estimator_result import concatenate
from stackit.results.repeated_warnings import RepeatedWarnings

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] + RNG.normal(size=60) > 0).astype(int)
NEW = RNG.normal(size=(7, 3))
MEMBERS = [("nb", GaussianNB()), ("lr", LogisticRegression())]
FOLDS = make_folds(Y, n_splits=3, n_repeats=2)


@pytest.fixture(scope="module")
def oof():
    return out_of_fold(MEMBERS, X, Y, NEW, cv=FOLDS, n_jobs=1)


def test_a_run_is_a_mapping_of_names_to_results(oof):
    assert isinstance(oof, OutOfFold)
    assert list(oof) == ["nb", "lr"]
    assert len(oof) == 2
    assert "lr" in oof
    assert oof["nb"] is oof.results["nb"]
    assert all(isinstance(result, EstimatorResult) for result in oof.values())
    with pytest.raises(KeyError, match=r"no result of an estimator named 'tree'\. The names are nb, lr\."):
        oof["tree"]


def test_runs_are_equal_only_to_themselves_and_can_be_hashed(oof):
    assert oof == oof
    assert oof != replace(oof)
    assert len({oof, oof}) == 1


def test_a_result_holds_one_entry_per_split(oof):
    result = oof["nb"]
    assert [len(table) for table in result.held_out] == [len(rows) for _, rows in FOLDS.splits]
    assert len(result.fold_estimators) == len(result.seconds) == 6
    assert result.test.shape == (7, 2)
    assert result.refitted is None
    assert repr(result) == "EstimatorResult('nb', predict_proba, 6 splits, batched)"


def test_the_average_over_repeats_is_that_of_each_row(oof):
    result = oof["lr"]
    tables = np.empty((2, 60, 2))
    for (repeat, _), (_, rows), table in zip(FOLDS.labels, FOLDS.splits, result.held_out, strict=True):
        tables[repeat, rows] = table
    np.testing.assert_allclose(result.average(FOLDS), tables.mean(axis=0), rtol=1e-15)
    assert_array_equal(result.average(FOLDS), oof.average("lr"))


def test_new_rows_are_predicted_by_the_folds_or_by_the_refitted_estimator(oof):
    result, repeats = oof["lr"], RepeatedWarnings("predictions")
    by_hand = np.mean([one.predict_proba(NEW) for one in result.fold_estimators], axis=0)
    np.testing.assert_allclose(result.predict(NEW, FOLDS, repeats), by_hand, rtol=1e-15)
    assert_array_equal(
        result.predict(NEW, FOLDS, repeats, refitted=True), result.predict(NEW, FOLDS, repeats)
    )
    assert result.predictors is result.fold_estimators
    again = replace(result, refitted=LogisticRegression().fit(X, Y))
    assert_array_equal(again.predict(NEW, FOLDS, repeats, refitted=True), again.refitted.predict_proba(NEW))
    assert again.predictors == [again.refitted]
    assert repr(again).endswith("plain, refitted)")


def test_an_object_that_stands_in_all_folds_predicts_once():
    class Counts(BaseEstimator):
        calls = 0

        def fit(self, X, y):
            return self

        def predict(self, X):
            Counts.calls += 1
            return np.zeros(len(X))

        def __sklearn_is_fitted__(self):
            return True

    frozen = FrozenEstimator(Counts())
    stand_in = out_of_fold([("ridge", Ridge())], X, X[:, 0], cv=3, n_jobs=1)["ridge"]
    result = replace(stand_in, fold_estimators=[frozen] * 3)
    folds = make_folds(X[:, 0], scheme="kfold", n_splits=3)
    assert_array_equal(result.predict(NEW, folds, RepeatedWarnings("predictions")), np.zeros((7, 1)))
    assert Counts.calls == 1


def test_some_splits_of_a_result_are_a_result_without_test_predictions(oof):
    part = oof["nb"].restrict([3, 5])
    assert part.held_out == [oof["nb"].held_out[3], oof["nb"].held_out[5]]
    assert part.fold_estimators == [oof["nb"].fold_estimators[3], oof["nb"].fold_estimators[5]]
    assert part.seconds == [oof["nb"].seconds[3], oof["nb"].seconds[5]]
    assert part.test is None
    assert oof.of_repeat(1)["nb"].held_out == oof["nb"].held_out[3:]


def test_single_splits_are_concatenated_to_the_whole(oof):
    whole = oof["nb"]
    parts = [replace(whole.restrict([at]), test=whole.test + at) for at in range(6)]
    again = concatenate(parts)
    assert again.held_out == list(whole.held_out)
    assert again.seconds == list(whole.seconds)
    np.testing.assert_allclose(again.test, whole.test + 2.5)
    assert again.fold_estimators == list(whole.fold_estimators)
    assert concatenate([replace(part, test=None) for part in parts]).test is None


def test_results_can_be_pickled(oof):
    again = pickle.loads(pickle.dumps(oof))
    assert list(again) == list(oof)
    assert_array_equal(again["lr"].held_out[2], oof["lr"].held_out[2])
    assert again["lr"].spec.column_names == ["lr"]


def test_a_run_names_the_estimators_that_were_refitted(oof):
    assert oof.refitted == []
    stack = StackingClassifier(MEMBERS, LogisticRegression(), cv=3, refit=True).fit(X, Y)
    assert stack.oof_.refitted == ["nb", "lr"]
    assert stack.oof_["lr"].refitted is stack.named_estimators_["lr"]


def test_without_some_estimators_the_others_are_as_they_were(oof):
    assert list(oof.without(["nb", "unknown"])) == ["lr"]
    assert oof.without(["nb"])["lr"] is oof["lr"]
