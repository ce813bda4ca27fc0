"""Estimators that several test files use: they count, record, resample or fail."""

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline


class CountingRidge(RegressorMixin, BaseEstimator):
    """A ridge that counts its fits and its predictions under its name, and keeps what fit was given."""

    fits: ClassVar[dict[str, int]] = {}
    predictions: ClassVar[dict[str, int]] = {}

    def __init__(self, name="one", alpha=1.0):
        self.name = name
        self.alpha = alpha

    def fit(self, X, y, sample_weight=None):
        CountingRidge.fits[self.name] = CountingRidge.fits.get(self.name, 0) + 1
        self.ridge_ = Ridge(self.alpha).fit(X, y, sample_weight)
        self.weights_, self.columns_ = sample_weight, getattr(X, "columns", None)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        CountingRidge.predictions[self.name] = CountingRidge.predictions.get(self.name, 0) + 1
        return self.ridge_.predict(X)


class FailingClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that never fits."""

    def fit(self, X, y):
        raise MemoryError("too large")

    def predict_proba(self, X):
        raise NotImplementedError


class GroupRecordingRidge(RegressorMixin, BaseEstimator):
    """A ridge that keeps the groups that its fit was given."""

    def fit(self, X, y, groups=None):
        self.groups_ = groups
        self.ridge_ = Ridge().fit(X, y)
        return self

    def predict(self, X):
        return self.ridge_.predict(X)


class NeverFittedBayes(GaussianNB):
    """Naive Bayes for a check that must come before any fit."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("No estimator must be fitted.")


class NeverFittedRidge(Ridge):
    """A ridge for a check that must come before any fit."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("No estimator must be fitted.")


class RidgeOnFewerRows(Ridge):
    """A ridge that cannot be fitted on `n_rows` rows, those of the whole table."""

    def __init__(self, n_rows=0):
        super().__init__()
        self.n_rows = n_rows

    def fit(self, X, y):
        if len(X) == self.n_rows:
            raise MemoryError("too large")
        return super().fit(X, y)


class RowDoubling(BaseEstimator):
    """A resampler: each row twice."""

    def fit_resample(self, X, y):
        return np.repeat(X, 2, axis=0), np.repeat(y, 2)

    def fit(self, X, y=None):
        return self


class ResamplingPipeline(Pipeline):
    """As imbalanced-learn's: resampling steps make other rows for those after them."""

    def fit(self, X, y, **params):
        for _, step in self.steps[:-1]:
            X, y = step.fit_resample(X, y) if hasattr(step, "fit_resample") else (step.fit_transform(X, y), y)
        own = {key.partition("__")[2]: value for key, value in params.items()}
        self.steps[-1][1].fit(X, y, **own)
        return self

    def predict(self, X):
        return self.steps[-1][1].predict(X)

    def predict_proba(self, X):
        return self.steps[-1][1].predict_proba(X)

    decision_function = None

    @property
    def classes_(self):
        return self.steps[-1][1].classes_
