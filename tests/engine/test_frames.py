"""The way from `out_of_fold` to an estimator's fit is short, and passes each module once."""

import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

import stackit
from stackit import out_of_fold

PACKAGE = Path(stackit.__file__).parent
MOST = 6  # functions from `out_of_fold` to the caller of fit, both of them counted


def frames_above():
    """Return the (file, function) pairs of the package that are being called, from the outermost."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if PACKAGE in path.parents:
            found.append((str(path.relative_to(PACKAGE)), frame.f_code.co_name))
        frame = frame.f_back
    return found[::-1]


class TracedRegressor(RegressorMixin, BaseEstimator):
    def fit(self, X, y, sample_weight=None):
        self.frames_ = frames_above()
        return self

    def predict(self, X):
        return np.zeros(len(X))


class TracedClassifier(ClassifierMixin, BaseEstimator):
    def fit(self, X, y, sample_weight=None):
        self.frames_ = frames_above()
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


class TracedEarlyStopper(TracedRegressor):
    def __init__(self, early_stopping=True):
        self.early_stopping = early_stopping

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        assert X_val is not None
        self.frames_ = frames_above()
        return self


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (TracedRegressor(), np.arange(30.0)),
        (TracedClassifier(), np.arange(30) % 3),
        (TracedClassifier(), np.array(["a", "b", "c"] * 10)),
        (TracedEarlyStopper(), np.arange(30.0)),
    ],
    ids=["regressor", "classifier of codes", "classifier of labels", "early stopping"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_at_most_six_functions_call_each_other_until_an_estimator_is_fitted(estimator, y, weighted):
    weights = np.linspace(1, 2, len(y)) if weighted else None
    oof = out_of_fold(
        [("traced", estimator)], np.zeros((30, 2)), y, np.zeros((4, 2)), cv=3, sample_weight=weights, n_jobs=1
    )
    for fitted in oof["traced"].fold_estimators:
        frames = fitted.frames_
        assert frames[0] == ("engine/cross_fit.py", "out_of_fold")
        assert 3 < len(frames) <= MOST, frames
        modules = [module for module, _ in groupby(frames, key=lambda frame: frame[0])]
        assert len(modules) == len(set(modules)), frames
