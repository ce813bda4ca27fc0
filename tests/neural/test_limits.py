"""Where nets could quietly go wrong: where "auto" changes, runaway losses, rows and columns that lack."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GroupKFold, KFold

from stackit.neural import BatchNormConvNetClassifier, BatchNormMLPClassifier, BatchNormMLPRegressor
from stackit.neural.layers.layers import BatchNorm

SMALL = {"max_iter": 2, "precision": "float64", "random_state": 0}


@pytest.fixture
def wine():
    return load_wine(return_X_y=True)


def numbers(n, d=4, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, d))
    return X, (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize("n", [906, 2501])
def test_automatic_choices_are_made_for_each_fold(n):
    """Training parts of 724 and 725 rows have other batches, those of 2000 and 2001 another precision."""
    X, y = numbers(n)
    folds = list(KFold(5).split(X))
    net = BatchNormMLPClassifier((4,), max_iter=1, random_state=0)
    for fitted, (train, _) in zip(net.fit_folds(X, y, folds), folds, strict=True):
        alone = clone(net).fit(X[train], y[train])
        assert fitted.network_.inputs.centre.dtype == alone.network_.inputs.centre.dtype
        tolerance = 1e-9 if len(train) <= 2000 else 1e-4
        np.testing.assert_allclose(fitted.predict_proba(X), alone.predict_proba(X), atol=tolerance)


def test_automatic_choices_are_made_for_each_group():
    X, y = numbers(1460)
    folds = list(GroupKFold(2).split(X, y, np.repeat([0, 1], [700, 760])))
    net = BatchNormMLPClassifier((4,), max_iter=1, random_state=0)
    for fitted, (train, _) in zip(net.fit_folds(X, y, folds), folds, strict=True):
        alone = clone(net).fit(X[train], y[train])
        np.testing.assert_allclose(fitted.predict_proba(X), alone.predict_proba(X), atol=1e-9)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}], ids=str)
def test_a_loss_that_runs_away_is_an_error(wine, params):
    X, y = wine
    net = BatchNormMLPRegressor((8,), solver="sgd", learning_rate_init=1e30, max_iter=9, **params)
    with pytest.raises(ValueError, match=r"training loss is not finite in epoch \d"):
        net.fit(X, y)


def test_half_precision_is_for_products_and_not_for_the_loss(wine):
    X, y = wine
    net = BatchNormMLPClassifier((8,), batch_size=1000, max_iter=3, precision="bfloat16", random_state=0)
    net.fit(X, y)  # one batch an epoch: an average of several would hide how each was rounded
    losses = torch.tensor([record["loss"] for record in net.history_])
    assert (losses.bfloat16().float() != losses).all()


def test_targets_far_from_zero_are_learned_as_well():
    X, _ = numbers(400)
    wave = np.sin(2 * X[:, 0])
    net = BatchNormMLPRegressor((16,), max_iter=10, precision="float32", random_state=0)
    near, far = (net.fit(X, wave + shift).predict(X) - shift for shift in (0.0, 1e8))
    np.testing.assert_allclose(far, near, atol=1e-4)


@pytest.mark.parametrize("n_labels", [2, 6])
def test_rows_and_labels_are_as_many(n_labels):
    frame = pd.DataFrame({"x": np.arange(4.0), "port": list("SCSC")})
    for net, X in (
        (BatchNormMLPClassifier((2,), max_iter=1), frame),
        (BatchNormConvNetClassifier(["flatten"], max_iter=1), np.zeros((4, 3, 3))),
    ):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            net.fit(X, np.arange(n_labels) % 2)


def test_a_category_that_lacks_in_new_rows_is_a_category_still():
    frame = pd.DataFrame({"age": np.arange(20.0), "port": ["S", "C", np.nan, "Q"] * 5})
    net = BatchNormMLPClassifier((4,), **SMALL).fit(frame, np.arange(20) % 2)
    gap = pd.DataFrame({"age": [0.5], "port": [np.nan]})
    np.testing.assert_array_equal(net.predict_proba(gap), net.predict_proba(gap.astype({"port": object})))
    never = net.predict_proba(gap.assign(port="never"))
    for value in (7, True):
        np.testing.assert_array_equal(net.predict_proba(gap.assign(port=value)), never)
    with pytest.raises(ValueError, match="X must be a data frame of one row or more"):
        net.predict(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="X must be a data frame of one row or more"):
        net.predict(frame[:0])
    with pytest.raises(ValueError, match="feature names"):
        net.predict(frame[["port", "age"]])


@pytest.mark.parametrize("params", [{}, {"scaling": "robust", "embedding": "periodic"}], ids=str)
def test_categories_alone_are_enough(params):
    frame = pd.DataFrame({"port": list("SCQS") * 10, "deck": list("ABAC") * 10})
    y = (frame["port"] == "S").to_numpy()
    net = BatchNormMLPClassifier((8,), max_iter=30, random_state=0, **params).fit(frame, y)
    assert net.score(frame, y) == 1.0


def test_the_same_seed_gives_the_same_net_on_two_threads():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": random.normal(size=6000), "level": random.integers(200, size=6000).astype(str)}
    )
    y, folds = random.integers(2, size=6000), list(KFold(5).split(frame))
    net = BatchNormMLPClassifier((64,), max_iter=1, batch_size=512, precision="float32", random_state=0)
    torch.set_num_threads(2)
    first, second, third = (
        np.stack([fitted.predict_proba(frame) for fitted in net.fit_folds(frame, y, folds)]) for _ in range(3)
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, third)


def test_dates_are_refused():
    frame = pd.DataFrame({"x": np.arange(4.0), "day": pd.date_range("2026-01-01", periods=4)})
    with pytest.raises(ValueError, match=r"dates in day\. Turn them into numbers"):
        BatchNormMLPClassifier((2,), max_iter=1).fit(frame, [0, 1, 0, 1])


def test_statistics_that_cannot_be_computed_leave_the_old_ones(wine, monkeypatch):
    X, y = wine
    net = BatchNormMLPClassifier((8,), **SMALL).fit(X, y)
    before = net.predict_proba(X)

    def no_memory(self, h, weights=None):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(BatchNorm, "forward", no_memory)
        with pytest.raises(MemoryError):
            net.recompute_statistics(X)
    np.testing.assert_array_equal(net.predict_proba(X), before)


def test_balanced_weights_count_rows_by_their_weight(wine):
    X, y = wine
    X, y, weights = X[20:], y[20:], np.tile([1, 2], 79)
    net = BatchNormMLPClassifier((8,), class_weight="balanced", batch_size=10**4, **SMALL)
    twice = np.repeat(np.arange(158), weights)
    by_weight = net.fit(X, y, sample_weight=weights).predict_proba(X)
    np.testing.assert_allclose(net.fit(X[twice], y[twice]).predict_proba(X), by_weight, atol=1e-9)


def test_rows_of_weight_zero_are_not_there_nor_are_their_classes(wine):
    X, y = wine
    net = BatchNormMLPClassifier((8,), **SMALL).fit(X, y, sample_weight=y > 0)
    assert net.classes_.tolist() == [1, 2]
    np.testing.assert_allclose(
        net.predict_proba(X), clone(net).fit(X[y > 0], y[y > 0]).predict_proba(X), atol=1e-9
    )
    with pytest.raises(ValueError, match="Negative values"):
        net.fit(X, y, sample_weight=y - 1.0)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"alpha": 1.0}, "alpha must be a number of 0 or more and below 1; got alpha=1.0"),
        ({"device": "gpu"}, "device must be 'auto', or one that torch can use here"),
        ({"device": "meta"}, r"device must be .*; got device='meta'\. Pass device='auto'"),
        ({"device": "cuda:99"}, r"device must be .*; got device='cuda:99'"),
        ({"device": None}, "device must be .*; got device=None"),
        (
            {"early_stopping": True, "validation_fraction": 0.999},
            "enough rows for training and validation",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(wine, params, text):
    with pytest.raises(ValueError, match=text):
        BatchNormMLPClassifier((4,), max_iter=1, precision="float64", **params).fit(*wine)


def test_few_rows_are_left_to_learn_from(wine):
    X, y = wine
    net = BatchNormMLPClassifier((4,), max_iter=1, early_stopping=True, validation_fraction=0.985)
    assert net.fit(X, y).n_iter_ == 1


def test_labels_that_lack_are_refused(wine):
    labels = np.array(["a", "b", None] * 59 + ["a"], dtype=object)
    with pytest.raises(ValueError, match=r"y must be labels; got NaN or None in y\. Drop these rows"):
        BatchNormMLPClassifier((4,), max_iter=1).fit(wine[0], labels)


@pytest.mark.parametrize("change", ["attribute", "missing", "format"])
def test_files_put_nothing_in_the_place_of_a_method(wine, tmp_path, change):
    X, y = wine
    net, path = BatchNormMLPClassifier((4,), **SMALL).fit(X, y), tmp_path / "net.safetensors"
    net.save(path)
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["stackit"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        notes = file.metadata()
    if change == "attribute":
        facts["attributes"]["predict_proba"] = facts["arrays"]["predict"] = ["<f8", [1.0]]
    elif change == "missing":
        del facts["plan"]
    else:
        facts["format"] = 99
    save_file(tensors, path, notes | {"stackit": json.dumps(facts)})
    if change == "attribute":
        again = BatchNormMLPClassifier.load(path)
        np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
        np.testing.assert_array_equal(again.predict(X), net.predict(X))
    else:
        with pytest.raises(ValueError, match=r"is incomplete or damaged|has format 99, and this version"):
            BatchNormMLPClassifier.load(path)
