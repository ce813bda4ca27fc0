"""Workers in a kernel of a notebook, which always has threads, with torch imported."""

import signal
import sys
import time

import psutil
import pytest

from tests.engine.test_worker_processes import is_alive
from tests.notebook.kernel import running_kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has fork servers")

FIT = """
import os, time
try:
    import torch
except ImportError:
    pass
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from stackit import out_of_fold
from stackit.engine.fork_safety import may_fork

class Mean(RegressorMixin, BaseEstimator):
    def __init__(self, seconds=0.0):
        self.seconds = seconds
    def fit(self, X, y):
        time.sleep(self.seconds)
        self.rule_, self.pid_ = lambda: y.mean() + FACTOR, os.getpid()
        return self
    def predict(self, X):
        return np.full(len(X), self.rule_())

X = np.random.default_rng(0).normal(size=(60, 3))
FACTOR = {factor}
members = [("own", Mean()), ("forest", RandomForestRegressor(5))]
one = out_of_fold(members, X, X[:, 0], X[:5], cv=4, n_jobs=1, random_state=0)
two = out_of_fold(members, X, X[:, 0], X[:5], cv=4, n_jobs=2, random_state=0)
assert not may_fork()
assert two.meta_train.equals(one.meta_train) and two.meta_test.equals(one.meta_test)
assert {{type(fitted) for fitted in two["own"].fold_estimators}} == {{Mean}}
assert os.getpid() not in {{fitted.pid_ for fitted in two["own"].fold_estimators}}
print(os.getpid())
"""


def test_two_jobs_in_a_kernel_give_the_same_and_end_with_it():
    with running_kernel() as kernel:
        for factor in (1, 2):  # a class that is defined again is the new one
            printed = kernel.run(FIT.format(factor=factor))
        this = psutil.Process(int(printed[-1]["text"]))
        kernel.client.execute("out_of_fold([('slow', Mean(60))], X, X[:, 0], cv=4, n_jobs=2)")
        patience = time.monotonic() + 60
        while len(workers := [*filter(is_alive, this.children(recursive=True))]) < 5:  # two do fits
            assert time.monotonic() < patience
            time.sleep(0.01)
        this.send_signal(signal.SIGKILL)
        patience = time.monotonic() + 20  # a second, on an idle machine; fits of a minute would go on
        while any(map(is_alive, workers)) and time.monotonic() < patience:
            time.sleep(0.01)
        assert not any(map(is_alive, workers))
