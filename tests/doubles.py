"""Estimators that several test files use: they count, record or fail."""

from typing import ClassVar

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import Ridge


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
