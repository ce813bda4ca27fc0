"""Fitted steps that pipelines have in common transform new rows once."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stackit.estimators.label_encoding.wrappers import LabelEncodedClassifier
from stackit.results import shared_steps
from stackit.results.shared_steps import SharedSteps

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")
NEW = X[:7] + 1


class Counted(StandardScaler):
    """Counts its transforms."""

    def transform(self, X, copy=None):
        self.calls_ = getattr(self, "calls_", 0) + 1
        return super().transform(X, copy)


@pytest.fixture
def pipelines():
    scaler = Counted().fit(X)
    models = [LogisticRegression(C=c).fit(scaler.transform(X), Y) for c in (0.1, 1.0, 10.0)]
    scaler.calls_ = 0
    return [Pipeline([("scale", scaler), (f"model{at}", model)]) for at, model in enumerate(models)]


def predictions(pipelines, X):
    shared = SharedSteps(X, pipelines)
    found = []
    for pipeline in pipelines:
        predictor, table, _ = shared.predictor(pipeline)
        found.append(predictor.predict_proba(table))
    return found, shared


@pytest.mark.parametrize("new", [NEW, pd.DataFrame(NEW).to_numpy(), NEW.tolist()])
def test_rows_are_transformed_once_for_all(pipelines, new):
    found, _ = predictions(pipelines, new)
    assert pipelines[0][0].calls_ == 1
    for pipeline, predicted in zip(pipelines, found, strict=True):
        assert predicted.tolist() == pipeline.predict_proba(new).tolist()
        assert isinstance(pipeline[0], Counted)  # the pipelines stay as they were


def test_tables_are_dropped_after_their_last_use(pipelines):
    _, shared = predictions(pipelines, NEW)
    assert not shared._tables


def test_a_pipeline_alone_and_other_estimators_are_left_as_they_are(pipelines):
    bare = pipelines[0][-1]
    shared = SharedSteps(NEW, [pipelines[0], bare])
    for estimator in (pipelines[0], bare):
        predictor, table, _ = shared.predictor(estimator)
        assert predictor is estimator
        assert table is NEW


def test_rows_beyond_the_limit_are_transformed_by_each(pipelines, monkeypatch):
    monkeypatch.setattr(shared_steps, "MOST_BYTES", 1)
    found, shared = predictions(pipelines, NEW)
    assert pipelines[0][0].calls_ == 3
    assert not shared._tables
    assert found[1].tolist() == pipelines[1].predict_proba(NEW).tolist()


def test_pipelines_in_a_wrapper_that_encodes_labels_share_too(pipelines):
    codes = LabelEncodedClassifier(make_pipeline(StandardScaler(), LogisticRegression())).fit(X, Y)
    again = LabelEncodedClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=9.0))).fit(X, Y)
    again.estimator.steps[0] = codes.estimator.steps[0]
    shared = SharedSteps(NEW, [codes, again])
    for wrapper in (codes, again):
        predictor, table, _ = shared.predictor(wrapper)
        assert predictor.estimator.steps[0][1] == "passthrough"
        assert predictor.predict(table).tolist() == wrapper.predict(NEW).tolist()


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_an_estimator_that_writes_into_its_table_harms_no_other(output):
    class Writes(LogisticRegression):
        def predict_proba(self, X):
            predicted = super().predict_proba(X)
            X[:] = 1e9
            return predicted

    scaler = StandardScaler().set_output(transform=output).fit(X)
    prepared = scaler.transform(X)
    pipelines = [Pipeline([("scale", scaler), ("m", Writes().fit(prepared, Y))]) for _ in range(3)]
    found, _ = predictions(pipelines, NEW)
    assert found[0].tolist() == found[1].tolist() == found[2].tolist()


def test_frames_of_polars_that_reach_estimators_in_different_forms_are_not_shared():
    same = FunctionTransformer().fit(X)
    pair = [make_pipeline(same, LogisticRegression().fit(X, Y)) for _ in range(2)]
    frame = pl.DataFrame(NEW)
    assert all(SharedSteps(frame, pair).predictor(one)[1] is frame for one in pair)
