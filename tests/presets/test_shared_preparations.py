"""Fold estimators behind shared preparations predict as they do alone, with fewer preparations."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from stackit import out_of_fold
from stackit.presets.shared_preparations import predict_members
from tests.presets.tiny_members import StagedClassifier


class CountingScaler(StandardScaler):
    transforms = 0

    def transform(self, X, copy=None):
        CountingScaler.transforms += 1
        return super().transform(X, copy)


def run(y=None):
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3))
    y = np.where(X[:, 0] + random.normal(size=60) > 0, "yes", "no") if y is None else y
    estimators = [
        ("logistic", make_pipeline(CountingScaler(), LogisticRegression())),
        ("bayes", make_pipeline(CountingScaler(), GaussianNB())),
        ("unscaled", make_pipeline(CountingScaler(with_std=False), LogisticRegression())),
        ("staged", make_pipeline(CountingScaler(), StagedClassifier())),
        ("bare", GaussianNB()),
    ]
    return out_of_fold(estimators, X, y, cv=3, n_jobs=1), random.normal(size=(20, 3))


def test_predictions_are_those_of_each_member_alone():
    oof, X = run()
    alone = oof.predict(X)
    together = predict_members(oof, [*oof], X)
    for name in oof:
        assert np.array_equal(together[name], alone[name])


def test_equal_preparations_are_applied_once_per_fold():
    oof, X = run()
    CountingScaler.transforms = 0
    predict_members(oof, [*oof], X)
    assert CountingScaler.transforms == 2 * 3  # two distinct scalers, three folds
    CountingScaler.transforms = 0
    predict_members(oof, ["bare"], X)
    assert CountingScaler.transforms == 0


def test_the_fold_estimators_stay_as_they_were():
    oof, X = run()
    predict_members(oof, [*oof], X)
    first = oof["logistic"].fold_estimators[0]
    assert isinstance(first[0], CountingScaler)
    assert first.predict_proba(X).shape == (20, 2)


def test_members_that_learn_codes_predict_for_labels():
    xgboost = pytest.importorskip("xgboost")
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    boosted = make_pipeline(CountingScaler(), xgboost.XGBClassifier(n_estimators=3, n_jobs=1))
    oof = out_of_fold(
        [("boosted", boosted), ("bayes", make_pipeline(CountingScaler(), GaussianNB()))], X, y, cv=2
    )
    alone = oof.predict(X)
    CountingScaler.transforms = 0
    assert np.array_equal(predict_members(oof, [*oof], X)["boosted"], alone["boosted"])
    assert CountingScaler.transforms == 2


def test_members_without_probabilities_predict_decisions():
    X = np.random.default_rng(0).normal(size=(40, 2))
    oof = out_of_fold([("svm", make_pipeline(StandardScaler(), LinearSVC()))], X, X[:, 0] > 0, cv=2, n_jobs=1)
    assert np.array_equal(predict_members(oof, ["svm"], X)["svm"], oof.predict(X)["svm"])
