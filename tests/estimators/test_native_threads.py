"""Estimators that bring threads of their own, in compiled code: they are few, and outlive a fork."""

import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier

from stackit import out_of_fold
from stackit.estimators.traits import inspect_estimator

X, Y = np.random.default_rng(0).normal(size=(90, 3)), np.arange(90) % 2

# In a process of its own, since one that waits for ever is ended by nothing else.
USED_BEFORE = """
import warnings

import numpy as np
from lightgbm import LGBMRegressor

from stackit import out_of_fold
from stackit.engine import executor

warnings.simplefilter("error")
executor.PROBE = executor.SHORT = 0.0
random = np.random.default_rng(0)
X, y = random.normal(size=(300, 5)), random.normal(size=300)
boosting = LGBMRegressor(n_estimators=3, verbose=-1)
for n_jobs in (2, 1):
    boosting.set_params(n_jobs=n_jobs).fit(X, y)
    oof = out_of_fold([("boosting", boosting)], X, y, cv=4, n_jobs=2)
print(oof.meta_train.shape)
"""


class ThreadRecordingBooster(ClassifierMixin, BaseEstimator):
    """Records the number of threads that it may use in fit and in predict."""

    def __init__(self, n_jobs=None, num_threads=None):
        self.n_jobs = n_jobs
        self.num_threads = num_threads

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.fitted_with_ = self.n_jobs, self.num_threads
        if len(self.classes_) < 2:
            raise ValueError("one class")
        return self

    def predict_proba(self, X):
        self.predicted_with_ = self.n_jobs, self.num_threads
        return np.full((len(X), 2), 0.5)


ThreadRecordingBooster.__module__ = "lightgbm.sketch"


def test_children_do_not_wait_for_threads_that_their_parent_has_used():
    pytest.importorskip("lightgbm")
    command = [sys.executable, "-c", USED_BEFORE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "(300, 1)\n", done.stderr


def test_only_lightgbm_takes_no_number_of_threads_for_one_per_core():
    assert inspect_estimator(ThreadRecordingBooster()).n_jobs == {"n_jobs": None, "num_threads": None}
    assert inspect_estimator(RandomForestClassifier()).n_jobs == {}
    assert inspect_estimator(ThreadRecordingBooster(n_jobs=1, num_threads=4)).n_jobs == {"num_threads": 4}
    assert inspect_estimator(ThreadRecordingBooster(n_jobs=1, num_threads=4), threads=4).n_jobs == {}


@pytest.mark.parametrize("given", [(None, 2), (-1, 1), (2, None)])
def test_threads_are_bounded_until_the_last_prediction_and_then_restored(given):
    cores = max(2, joblib.cpu_count())
    with joblib.parallel_config("threading"):
        oof = out_of_fold([("b", ThreadRecordingBooster(*given))], X, Y, X, cv=3, n_jobs=cores)
    for one in oof["b"].fold_estimators:
        assert one.predicted_with_ == one.fitted_with_ == (1, 1)
        assert (one.n_jobs, one.num_threads) == given


def test_what_stands_in_for_an_estimator_has_no_threads_to_be_given_back():
    y = np.array([0] * 45 + [1] * 45)
    halves = [(np.arange(45), np.arange(45, 90)), (np.arange(45, 90), np.arange(45))]
    with pytest.warns(UserWarning, match="lacks classes"):
        oof = out_of_fold([("b", ThreadRecordingBooster(-1))], X, y, cv=halves, n_jobs=1)
    assert oof.meta_train["b"].tolist() == [1.0] * 45 + [0.0] * 45
