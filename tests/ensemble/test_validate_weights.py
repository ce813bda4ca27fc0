"""Weights by name: one that is misspelt is found before anything is fitted that it is to weigh."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.naive_bayes import GaussianNB

from stackit import Level, LevelsClassifier, LevelsRegressor, StackingClassifier, StackingRegressor
from stackit.combine import (
    ConvexRegressor,
    GeometricClassifier,
    IsotonicClassifier,
    MeanClassifier,
    MeanRegressor,
    TemperatureClassifier,
)
from stackit.combine.weighted import check_weights
from stackit.ensemble.validate_weights import without_failed

N = 40
X, Y = make_classification(N, 4, n_informative=3, n_redundant=0, random_state=0)
FRAME = pd.DataFrame(X, columns=["age", "fare", "sibs", "deck"])


class FitCountingRidge(Ridge):
    """A ridge that counts all fits of its kind."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        FitCountingRidge.fits += 1
        return super().fit(X, y, sample_weight)


class FitCountingBayes(GaussianNB):
    """Naive Bayes that counts among the same."""

    def fit(self, X, y, sample_weight=None):
        FitCountingRidge.fits += 1
        return super().fit(X, y, sample_weight)


@pytest.fixture(autouse=True)
def counter():
    FitCountingRidge.fits = 0


MEMBERS = [("forest", FitCountingRidge()), ("ridge", FitCountingRidge(2.0))]
CLASSIFIERS = [("forest", FitCountingBayes()), ("ridge", FitCountingBayes(var_smoothing=0.1))]
TYPO, SHORT = {"forrest": 2, "ridge": 1}, [1.0]
REGRESSOR, CLASSIFIER = MeanRegressor(TYPO), MeanClassifier(TYPO)
ENSEMBLES = {
    "a stack": StackingRegressor(MEMBERS, REGRESSOR),
    "a stack of classes": StackingClassifier(CLASSIFIERS, GeometricClassifier(TYPO)),
    "a calibrated combiner": StackingClassifier(
        CLASSIFIERS, TemperatureClassifier(IsotonicClassifier(CLASSIFIER))
    ),
    "levels": LevelsRegressor([MEMBERS, MEMBERS], REGRESSOR),
    "levels of classes": LevelsClassifier([CLASSIFIERS], CLASSIFIER),
    "an estimator of a level": LevelsRegressor([MEMBERS, [("mean", REGRESSOR), ("lr", LinearRegression())]]),
    "of a nested level": LevelsRegressor([MEMBERS, Level([("mean", REGRESSOR)], nested=True)]),
    "a final stack": StackingRegressor(MEMBERS, StackingRegressor(MEMBERS, REGRESSOR)),
    "a stack in a stack": StackingRegressor([*MEMBERS, ("stack", StackingRegressor(MEMBERS, REGRESSOR))]),
    "levels in levels": LevelsRegressor([[*MEMBERS, ("all", LevelsRegressor([MEMBERS], REGRESSOR))]]),
    "with columns of X": StackingRegressor(MEMBERS, REGRESSOR, passthrough=True),
    "a level with some": LevelsRegressor(
        [MEMBERS, Level([("mean", REGRESSOR)], passthrough=[0])], LinearRegression()
    ),
}


@pytest.mark.parametrize("table", [X, FRAME], ids=["array", "frame"])
@pytest.mark.parametrize("ensemble", ENSEMBLES.values(), ids=ENSEMBLES)
def test_a_misspelt_name_is_found_before_any_fit(ensemble, table):
    with pytest.raises(ValueError, match=r"weights name f.*, but the estimators are "):
        ensemble.fit(table, Y)
    assert FitCountingRidge.fits == 0


@pytest.mark.parametrize("weights", [SHORT, [1, 2, 3], [1, -1], {"forest": 0.0}, {"forest": -1, "ridge": 3}])
@pytest.mark.parametrize("ensemble", ["a stack", "levels", "an estimator of a level"])
def test_weights_that_are_no_shares_are_found_before_any_fit(ensemble, weights):
    ensemble = clone(ENSEMBLES[ensemble])
    names = [name for name, value in ensemble.get_params().items() if value == TYPO]
    ensemble.set_params(**dict.fromkeys(names, weights))
    with pytest.raises(ValueError, match="weights must be None or 2 numbers of at least 0, not all 0"):
        ensemble.fit(X, Y)
    assert FitCountingRidge.fits == 0


@pytest.mark.parametrize("ensemble", ENSEMBLES.values(), ids=ENSEMBLES)
def test_names_that_are_there_are_taken(ensemble):
    ensemble = clone(ensemble)
    names = [name for name, value in ensemble.get_params().items() if value == TYPO]
    ensemble.set_params(**{name: {"forest": 2, "ridge": 1} for name in names})
    assert ensemble.fit(FRAME, Y).predict(FRAME).shape == (N,)
    assert FitCountingRidge.fits > 0


def test_columns_of_x_that_are_passed_through_may_be_weighed():
    weights = {"forest": 2, "age": 1}
    stack = StackingRegressor(MEMBERS, MeanRegressor(weights), passthrough=True).fit(FRAME, Y)
    assert stack.final_estimator_.named_weights_["age"] == 1 / 3
    without = StackingRegressor(MEMBERS, MeanRegressor({"x0": 1, "x5": 1}), passthrough=True).fit(X, Y)
    assert without.final_estimator_.named_weights_["x5"] == 0.5
    FitCountingRidge.fits = 0
    for wrong in ("forest", "x6"):  # a table without names has none of estimators either
        with pytest.raises(ValueError, match=f"weights name {wrong}, but the estimators are "):
            StackingRegressor(MEMBERS, MeanRegressor({wrong: 1}), passthrough=True).fit(X, Y)
    assert FitCountingRidge.fits == 0


def test_dropped_estimators_have_no_weight():
    members = [*MEMBERS, ("gone", "drop")]
    with pytest.raises(ValueError, match="weights name gone, but the estimators are "):
        StackingRegressor(members, MeanRegressor({"gone": 1})).fit(X, Y)
    with pytest.raises(ValueError, match="weights name gone, but the estimators are "):
        LevelsRegressor([members], MeanRegressor({"gone": 1})).fit(X, Y)
    assert FitCountingRidge.fits == 0


def test_who_finds_weights_by_itself_is_passed_over():
    for combiner in (ConvexRegressor(), MeanRegressor(), TemperatureClassifier(), Ridge()):
        check_weights(combiner, ["one", "two"])
    check_weights(MeanRegressor(np.array([1, 2])), ["one", "two"])
    check_weights(MeanRegressor([1, 2, 3]), ["one", "two"], complete=False)


def test_the_weights_of_failed_estimators_are_left_out():
    mean = without_failed(MeanRegressor([2, 0, 1]), ["forest", "ridge", "knn"], {"forest", "knn"})
    assert mean.weights == [2, 1]
