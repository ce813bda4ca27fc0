"""Members of a few milliseconds, and a small raw table, for tests of the scheduler and its estimators."""

import time

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member, Rounds
from stackit.tables import OrdinalPreparation, ScaledPreparation


class SlowClassifier(ClassifierMixin, BaseEstimator):
    """Predicts the shares of the classes, after some seconds of fitting."""

    def __init__(self, seconds=1.0):
        self.seconds = seconds

    def fit(self, X, y):
        time.sleep(self.seconds)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / len(y)
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


class StagedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of rounds: with early stopping it finds that 7 are best."""

    def __init__(self, n_rounds=100, early_stopping_rounds=None):
        self.n_rounds = n_rounds
        self.early_stopping_rounds = early_stopping_rounds

    def fit(self, X, y, eval_set=None, verbose=True):
        assert (eval_set is not None) == (self.early_stopping_rounds is not None)
        self.model_ = LogisticRegression(C=self.n_rounds).fit(X, y)
        self.classes_ = self.model_.classes_
        self.best_round_ = 7
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def member(name, model, prepare=None, **kwargs):
    """Return a member that fits a copy of a model behind a preparation."""

    def make(shape, random_state=None):
        return Pipeline([("prepare", prepare or ScaledPreparation()), ("model", clone(model))])

    return Member(name, kwargs.pop("family", name), make, "as here", "none", **kwargs)


def classifiers():
    """Return three quick members for classes."""
    forest = RandomForestClassifier(10, max_depth=3)
    return [
        member("linear", LogisticRegression(C=0.1)),
        member("forest", forest, OrdinalPreparation(), calibrated=True),
        member("neighbors", KNeighborsClassifier(15), calibrated=True),
    ]


def regressors():
    """Return three quick members for numbers."""
    return [
        member("linear", Ridge()),
        member("forest", RandomForestRegressor(10, max_depth=3), OrdinalPreparation()),
        member("neighbors", KNeighborsRegressor(15)),
    ]


def staged():
    """Return a member of rounds."""
    rounds = Rounds("n_rounds", "early_stopping_rounds", lambda model: model.best_round_)
    return member("staged", StagedClassifier(), rounds=rounds)


def raw_table(n=200, seed=0):
    """Return a raw frame with numbers, categories and gaps, two classes and a number that depend on it."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.normal(40, 10, n).round(),
            "city": random.choice(["Rome", "Oslo", "Lima"], n),
            "member": random.random(n) < 0.5,
            "noise": random.normal(size=n),
        }
    )
    signal = (frame["age"] - 40) / 10 + 2 * (frame["city"] == "Rome") + random.normal(size=n)
    frame.loc[::17, "age"] = np.nan
    return frame, np.where(signal > 0.7, "yes", "no"), signal.to_numpy()
