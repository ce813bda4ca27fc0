"""Fitted nets in files: the same predictions to the bit, and nothing that is not meant is read."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_wine

from stackit.neural import (
    BatchNormConvNetClassifier,
    BatchNormMLPClassifier,
    BatchNormMLPRegressor,
    save_weights,
)


def frame():
    X, y = load_wine(return_X_y=True, as_frame=True)
    gaps = np.where(X["hue"] > 1, "blue", None)
    return X.assign(hue=gaps, year=pd.Categorical(X["alcohol"].round(1))), y.map({0: "a", 1: "b", 2: "c"})


def fitted(kind):
    if kind == "frame":
        net = BatchNormMLPClassifier(
            (8,), n_estimators=2, max_iter=3, class_weight={"a": 2.0, "b": 1.0, "c": 1.0}
        )
        X, y = frame()
    elif kind == "numbers":
        net = BatchNormMLPRegressor(
            (8,), max_iter=3, precision="float32", embedding="periodic", scaling="robust"
        )
        X, y = load_diabetes(return_X_y=True)
    elif kind == "several":
        net, (X, y) = BatchNormMLPRegressor((8,), max_iter=3), load_diabetes(return_X_y=True)
        y = np.column_stack([y, -y])
    else:
        net = BatchNormConvNetClassifier((("conv", 4, 3), "batch_norm", "relu", "flatten"), max_iter=2)
        X, y = load_digits(return_X_y=True)
        X = X.reshape(-1, 8, 8)[:100].astype(np.uint8)
        y = y[:100]
    return net.set_params(random_state=np.random.RandomState(0)).fit(X, y), X


@pytest.mark.parametrize("kind", ["frame", "numbers", "several", "images"])
def test_a_net_comes_back_and_predicts_the_same_to_the_bit(kind, tmp_path):
    net, X = fitted(kind)
    net.save(tmp_path / "net.safetensors")
    back = type(net).load(tmp_path / "net.safetensors")
    method = "predict_proba" if hasattr(net, "predict_proba") else "predict"
    np.testing.assert_array_equal(getattr(back, method)(X), getattr(net, method)(X))
    np.testing.assert_array_equal(back.predict(X), net.predict(X))
    ours, theirs = back.get_params(), net.get_params()
    assert ours | {"random_state": None} == theirs | {"random_state": None}
    assert back.history_ == net.history_
    assert vars(back).keys() == vars(net).keys()
    if hasattr(net, "classes_"):
        assert back.classes_.dtype == net.classes_.dtype
    clone(back)
    back.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "net.safetensors").read_bytes()


def test_a_file_of_another_class_or_without_metadata_is_refused(tmp_path):
    net, _ = fitted("numbers")
    net.save(tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match=r"Call BatchNormMLPRegressor\.load"):
        BatchNormMLPClassifier.load(tmp_path / "net.safetensors")
    save_weights(net.network_, tmp_path / "bare.safetensors")
    with pytest.raises(ValueError, match="was not written by the `save` of a net"):
        BatchNormMLPRegressor.load(tmp_path / "bare.safetensors")


@pytest.mark.parametrize(
    ("missing", "text"), [("running_var", "running statistics"), ("weight", "lacks .*weight")]
)
def test_a_file_without_running_statistics_or_weights_is_refused(tmp_path, missing, text):
    net, _ = fitted("several")
    net.save(tmp_path / "net.safetensors")
    with safe_open(tmp_path / "net.safetensors", "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys() if missing not in name}
        metadata = file.metadata()
    save_file(state, tmp_path / "less.safetensors", metadata)
    with pytest.raises(ValueError, match=text):
        BatchNormMLPRegressor.load(tmp_path / "less.safetensors")


def test_files_hold_no_pickle_and_readable_metadata(tmp_path):
    net, _ = fitted("frame")
    net.save(tmp_path / "net.safetensors")
    with safe_open(tmp_path / "net.safetensors", "np") as file:
        metadata = json.loads(file.metadata()["stackit"])
    assert metadata["class"] == "BatchNormMLPClassifier"
    assert metadata["parameters"]["n_estimators"] == 2


def test_labels_that_json_has_not_are_named(tmp_path):
    X, _ = load_wine(return_X_y=True)
    days = pd.date_range("2026-01-01", periods=178).astype(object)
    net = BatchNormMLPClassifier((4,), max_iter=1).fit(
        pd.DataFrame({"x": X[:, 0], "day": days}), np.arange(178) % 2
    )
    with pytest.raises(ValueError, match="Turn it into text"):
        net.save(tmp_path / "net.safetensors")
    assert not [*tmp_path.iterdir()]


def test_recomputed_statistics_are_those_of_the_rows_given():
    X, y = load_wine(return_X_y=True)
    net = BatchNormMLPClassifier((8,), n_estimators=2, max_iter=3, random_state=0).fit(X, y)
    before = net.predict_proba(X)
    np.testing.assert_allclose(net.recompute_statistics(X).predict_proba(X), before, rtol=1e-9)
    net.recompute_statistics(X[:50])
    state = net.network_.state_of(1)
    scaled = (torch.as_tensor(X[:50]) - state["inputs.centre"]) * state["inputs.factor"]
    first = scaled @ state["layers.0.weight"].T
    torch.testing.assert_close(state["layers.1.running_mean"], first.mean(0))
    torch.testing.assert_close(state["layers.1.running_var"], first.var(0))
    with pytest.raises(ValueError, match="two rows or more"):
        net.recompute_statistics(X[:1])
    weights = np.r_[np.ones(50), np.zeros(128)]
    again = net.recompute_statistics(X, weights).predict_proba(X)
    np.testing.assert_allclose(again, net.recompute_statistics(X[:50]).predict_proba(X), rtol=1e-9)
