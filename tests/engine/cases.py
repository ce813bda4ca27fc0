"""Tables, labels and estimators that the tests of the engine share."""

import threading
import time
from functools import partial

import numpy as np
from hypothesis import settings
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_info

import stackit

out_of_fold = partial(stackit.out_of_fold, n_jobs=1)

X, Y = make_classification(90, 6, n_informative=4, random_state=0)
X3, Y3 = make_classification(90, 6, n_informative=4, n_classes=3, random_state=1)
XR, YR = make_regression(90, 6, noise=10.0, random_state=2)
NAMES = np.array(["no", "yes"])[Y]
EVEN = np.concatenate([np.flatnonzero(Y == label)[:42] for label in (0, 1)])  # three folds of equal shares
NAMES3 = np.array(["b", "a", "c"])[Y3]
LABELS = np.c_[Y, Y3 > 0, XR[:, 0] > 0].astype(int)
OUTPUTS = np.c_[YR, YR**2, XR[:, 0]]
WEIGHTS = np.random.default_rng(0).uniform(0.1, 3, 90)
GROUPS = np.arange(90) // 6
LR = LogisticRegression()
KNN = KNeighborsClassifier()
NB = GaussianNB()


class ConcurrencyCounter(RegressorMixin, BaseEstimator):
    """Predicts the mean; counts its fits and how many of them run at once."""

    lock = threading.Lock()
    running = most = fits = 0

    def __init__(self, seconds=0.0, fail_on=None):
        self.seconds = seconds
        self.fail_on = fail_on

    def fit(self, X, y):
        with self.lock:
            ConcurrencyCounter.fits += 1
            ConcurrencyCounter.running += 1
            ConcurrencyCounter.most = max(self.most, self.running)
        time.sleep(self.seconds)
        with self.lock:
            ConcurrencyCounter.running -= 1
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class Stamped(RegressorMixin, BaseEstimator):
    """Writes when its fit began and ended into a folder that other processes see too."""

    def __init__(self, folder, seconds=0.1):
        self.folder = folder
        self.seconds = seconds

    def fit(self, X, y):
        begin = time.time()
        time.sleep(self.seconds)
        path = self.folder / f"{id(self)}-{begin}"
        path.write_text(f"{begin} {time.time()}")
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Threads(RegressorMixin, BaseEstimator):
    """Remembers the number of BLAS and OpenMP threads, and its own n_jobs, during fit."""

    def __init__(self, n_jobs=None):
        self.n_jobs = n_jobs

    def fit(self, X, y):
        X.T @ X
        self.threads_ = max((pool["num_threads"] for pool in threadpool_info()), default=1)
        self.jobs_ = self.n_jobs
        return self

    def predict(self, X):
        return np.zeros(len(X))


class BrokenError(Exception):
    """An error of a type of its own."""


class AwkwardError(Exception):
    """An error that pickle cannot bring back."""

    def __init__(self, row, column):
        super().__init__(f"row {row} column {column}")


class Broken(RegressorMixin, BaseEstimator):
    """Fails, on all folds or on those that do not train on some row."""

    def __init__(self, without=None, error=BrokenError):
        self.without = without
        self.error = error

    def fit(self, X, y):
        if self.without is None or self.without not in X[:, -1]:
            self.refuse()
        return self

    def refuse(self):
        raise self.error(*range(2)) if self.error is AwkwardError else self.error("this fold is cursed")

    def predict(self, X):
        return np.zeros(len(X))


def assert_equal_to_rounding(found, expected):
    """Equal to 1e-9, as all folds fitted at once are to folds fitted one by one."""
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(np.asarray(expected)).max())


def column(oof):
    return oof.meta_train.to_numpy()


def weighted_by_hand(estimator, X, y, name):
    table = np.zeros(len(y))
    for train, held_out in KFold(3).split(X):
        table[held_out] = estimator.fit(X[train], y[train], **{name: WEIGHTS[train]}).predict(X[held_out])
    return table


few = settings(max_examples=15, deadline=None, derandomize=True)

RARE = np.array(["b"] * 12 + ["c"] * 3 + ["a"] * 15)

RARE_FOLDS = [(np.setdiff1d(np.arange(30), rows), rows) for rows in (np.arange(10, 20), np.r_[:10, 20:30])]

RARE_X = np.random.default_rng(0).normal(size=(30, 3))
