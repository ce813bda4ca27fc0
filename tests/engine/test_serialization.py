"""Tasks that travel: light, and whole again where they arrive."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB

from stackit import make_folds, out_of_fold
from stackit.engine.fold_batching import BatchedTask, group_by_estimator
from stackit.engine.planner import TaskPlanner
from stackit.engine.run_config import RunConfig
from stackit.engine.serialization import SharedContext, dumps, loads
from stackit.engine.training_data import TrainingData
from stackit.estimators.early_stopping import EarlyStoppingPlan
from stackit.estimators.prediction import prediction_spec
from stackit.target import classification_target


def work(n):
    """The tasks of a run on n rows, those of bayes together, and its tables."""
    xgboost = pytest.importorskip("xgboost")
    stopping = xgboost.XGBClassifier(n_estimators=4, early_stopping_rounds=2, n_jobs=1)
    members = {"logistic": LogisticRegression(), "bayes": GaussianNB(), "stopping": stopping}
    X, y = make_classification(n, 5, random_state=0)
    folds, target, data = make_folds(y, n_splits=3), classification_target(y), None
    data = TrainingData(X, target, X[:4], np.ones(n))
    specs = {name: prediction_spec(name, member, "auto", target) for name, member in members.items()}
    params = {"logistic": {"sample_weight": data.sample_weight}}
    settings = RunConfig(n_jobs=1)
    plan = EarlyStoppingPlan(list(members.items()), folds, target, params, settings.early_stopping)
    tasks = TaskPlanner(members, specs, folds, params, settings, plan).on_folds()
    return group_by_estimator(tasks, tasks, folds, data), data


def test_a_task_weighs_the_same_however_many_rows_there_are():
    sizes = []
    for n in (100, 10_000):
        tasks, data = work(n)
        common = SharedContext.of(tasks, data)
        sizes.append(max(len(dumps(task, common)) for task in tasks))
    assert sizes[1] == pytest.approx(sizes[0], abs=100)
    assert sizes[1] < 5000


def test_what_is_common_tells_its_size():
    tasks, data = work(1000)
    assert SharedContext.of(tasks, data).__sizeof__() >= data.X.nbytes + data.target.y.nbytes


def test_a_task_does_elsewhere_what_it_does_here():
    tasks, data = work(200)
    common = SharedContext.of(tasks, data)
    elsewhere = pickle.loads(pickle.dumps(common))
    assert any(isinstance(task, BatchedTask) for task in tasks)
    for task in tasks:
        arrived = loads(dumps(task, common), elsewhere)
        for here, there in zip(task.run(data), arrived.run(elsewhere.data), strict=True):
            assert (here.name, here.split, here.error) == (there.name, there.split, there.error)
            np.testing.assert_array_equal(here.held_out, there.held_out)
            np.testing.assert_array_equal(here.test, there.test)


def test_parts_that_tasks_share_are_one_thing_where_they_arrive():
    tasks, data = work(200)
    common = SharedContext.of(tasks, data)
    shared = next(task for task in tasks if isinstance(task, BatchedTask))
    arrived = loads(dumps(shared, common), common)
    assert all(one.train is train for one, (train, _) in zip(arrived.tasks, shared.folds.splits, strict=True))
    assert arrived.folds is shared.folds
    assert arrived.tasks[0].spec.target_type is data.target.type


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_tables_that_arrive_as_memory_maps_are_what_they_were(make):
    pixels = np.random.default_rng(0).integers(0, 256, size=(2100, 520)).astype(np.uint8)
    X, y = make(pixels), pixels[:, 0] + pixels[:, 1] * 2.0
    X = X.rename(columns=str) if isinstance(X, pd.DataFrame) else X
    here = out_of_fold([("ridge", Ridge())], X, y, X[:2050], cv=3, n_jobs=1)
    with joblib.parallel_config(backend="loky", n_jobs=2):  # which maps arrays from a megabyte
        there = out_of_fold([("ridge", Ridge())], X, y, X[:2050], cv=3)
    assert here["ridge"].fit_mode == there["ridge"].fit_mode == "batched"
    pd.testing.assert_frame_equal(there.meta_train, here.meta_train, check_exact=True)
    pd.testing.assert_frame_equal(there.meta_test, here.meta_test, check_exact=True)
