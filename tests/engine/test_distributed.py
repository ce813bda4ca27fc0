"""Beyond one machine: a joblib backend chosen outside does the work."""

import os
import signal
import threading
import time
from collections import Counter

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.tree import DecisionTreeClassifier

from stackit import StackingClassifier, out_of_fold
from stackit.engine.training_data import TrainingData

X, Y = make_classification(300, 8, random_state=0)
MEMBERS = [
    ("forest", RandomForestClassifier(5)),
    ("logistic", LogisticRegression()),
    ("tree", DecisionTreeClassifier(max_depth=3)),
    ("ridge", RidgeClassifier()),
]
# In the default run dask stands for all clusters: the workers of ray take many seconds to start.
RAY = pytest.param("ray", marks=pytest.mark.slow)
RAY_CASES = [pytest.param("ray", frame, marks=pytest.mark.slow) for frame in (False, True)]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def local():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def dask(local):
    with local.get_client():
        yield {"backend": "dask"}


@pytest.fixture(scope="module")
def ray():
    """Two workers of ray; four times as long to start as dask's."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    register_ray()
    yield {"backend": "ray", "n_jobs": -1}
    ray.shutdown()


@pytest.fixture
def cluster(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def sent(monkeypatch):
    """Counts how often the tables leave this process."""
    counter, travel = Counter(), TrainingData.__reduce__

    def counted(data):
        counter["sent"] += 1
        return travel(data)

    monkeypatch.setattr(TrainingData, "__reduce__", counted)
    return counter


@pytest.mark.parametrize(
    ("cluster", "frame"),
    [("dask", False), ("dask", True), *RAY_CASES],
    indirect=["cluster"],
)
def test_a_cluster_gives_the_same_table_and_gets_its_data_once(cluster, frame, sent):
    table = pd.DataFrame(X).add_prefix("x") if frame else X
    weights = np.linspace(1, 2, len(Y))
    here = out_of_fold(MEMBERS, table, Y, table[:9], cv=4, n_jobs=1, sample_weight=weights)
    with joblib.parallel_config(**cluster):
        there = out_of_fold(MEMBERS, table, Y, table[:9], cv=4, n_jobs=None, sample_weight=weights)
    assert there.meta_train.equals(here.meta_train)
    assert there.meta_test.equals(here.meta_test)
    assert [one.fit_mode for one in there.values()] == [one.fit_mode for one in here.values()]
    assert sent["sent"] == 1


@pytest.mark.parametrize("cluster", ["dask", RAY], indirect=True)
def test_a_stack_is_fitted_on_a_cluster(cluster):
    stack = StackingClassifier(MEMBERS, random_state=0)
    here = stack.fit(X, Y).predict_proba(X)
    with joblib.parallel_config(**cluster):
        there = StackingClassifier(MEMBERS, random_state=0).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(here, there)


class Noted(ClassifierMixin, BaseEstimator):
    """Leaves a file for each fit, named after who is fitted on what, and takes its time."""

    def __init__(self, name="", log=""):
        self.name = name
        self.log = log

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        what = f"{self.name}-{X[:, 0].sum():.9f}"
        with open(os.path.join(self.log, f"{what}@{os.getpid()}@{time.time_ns()}"), "w"):
            time.sleep(0.2)
        self.share_ = y.mean()
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), [1 - self.share_, self.share_])


@pytest.mark.slow
def test_a_lost_worker_costs_the_tasks_that_it_had_under_way(local, dask, tmp_path):
    members = [(f"n{at}", Noted(f"n{at}", str(tmp_path))) for at in range(3)]
    lost = []

    def kill():
        while len(os.listdir(tmp_path)) < 6:
            time.sleep(0.01)
        lost.append(next(iter(local.workers.values())).pid)
        os.kill(lost[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with joblib.parallel_config(**dask):
        there = out_of_fold(members, X, Y, X[:9], cv=5, n_jobs=None)
    killer.join()
    fits = [path.name.split("@") for path in tmp_path.iterdir()]
    again = [what for what, n in Counter(what for what, _, _ in fits).items() if n > 1]
    # One under way, and one more that may have been finished but not fetched.
    assert len(again) <= 2
    assert len({what for what, _, _ in fits}) == 15
    # Whatever was repeated, its first try was the lost worker's.
    assert all(min((t, int(pid)) for name, pid, t in fits if name == what)[1] == lost[0] for what in again)
    expected = out_of_fold(members, X, Y, X[:9], cv=5, n_jobs=1)
    assert there.meta_train.equals(expected.meta_train)
    assert there.meta_test.equals(expected.meta_test)
