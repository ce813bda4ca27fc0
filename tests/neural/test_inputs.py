"""What nets make of data: leaks, classes that lack, few rows, constant columns, categories, images."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold

from stackit import out_of_fold
from stackit.neural import (
    BatchNormConvNetClassifier,
    BatchNormMLPClassifier,
    BatchNormMLPRegressor,
    RealMLPRegressor,
    TabMRegressor,
)

SMALL = {"max_iter": 3, "precision": "float64", "random_state": 0}


@pytest.fixture(scope="module")
def passengers():
    """A mixed frame: numbers, truth values, few levels with gaps, many levels, some of them rare."""
    random = np.random.default_rng(0)
    n = 240
    frame = pd.DataFrame(
        {
            "age": random.normal(30, 9, n),
            "alone": random.integers(2, size=n).astype(bool),
            "port": random.choice(["S", "C", "Q", None], n),
            "deck": pd.Categorical(random.choice([*"ABCD", np.nan], n)),
            "ticket": [f"t{number}" for number in random.geometric(0.05, n)],
        }
    )
    y = np.where((frame["port"] == "S") ^ frame["alone"] ^ (random.random(n) < 0.1), "lived", "died")
    return frame, y


def folds_of(n, n_folds=3):
    held_out = np.arange(n) % n_folds
    return [(np.flatnonzero(held_out != fold), np.flatnonzero(held_out == fold)) for fold in range(n_folds)]


def assert_each_is_what_it_is_alone(net, X, y, folds):
    for (train, held_out), together in zip(folds, net.fit_folds(X, y, folds), strict=True):
        rows = (lambda at: X.iloc[at]) if hasattr(X, "iloc") else (lambda at: X[at])
        alone = clone(net).fit(rows(train), y[train])
        method = "predict_proba" if hasattr(net, "predict_proba") else "predict"
        ours, theirs = (getattr(one, method)(rows(held_out)) for one in (together, alone))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        if hasattr(alone, "classes_"):
            assert together.classes_.tolist() == alone.classes_.tolist()


@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True}, {"class_weight": "balanced", "n_estimators": 2}], ids=str
)
def test_labels_of_held_out_rows_reach_no_prediction_of_theirs(params):
    """All labels of a fold turned over: not one bit of its own predictions changes; other folds' do."""
    X, y = load_breast_cancer(return_X_y=True)
    X, y = X[:150], y[:150]
    folds = folds_of(150)
    turned = y.copy()
    turned[folds[1][1]] = 1 - turned[folds[1][1]]
    net = BatchNormMLPClassifier((8,), max_iter=5, **params)
    first, second = (
        out_of_fold([("net", net)], X, labels, cv=folds, n_jobs=1, random_state=0) for labels in (y, turned)
    )
    assert first["net"].fit_mode == "batched"
    same = (first.meta_train == second.meta_train).to_numpy().ravel()
    assert same[folds[1][1]].all()
    assert not same[folds[0][1]].any()


def test_numbers_of_held_out_rows_reach_no_prediction_of_theirs():
    X, y = load_diabetes(return_X_y=True)
    folds = folds_of(len(y))
    turned = y.copy()
    turned[folds[2][1]] *= -50
    net = BatchNormMLPRegressor((8,), max_iter=3, early_stopping=True)
    first, second = (
        out_of_fold([("net", net)], X, numbers, cv=folds, n_jobs=1).meta_train for numbers in (y, turned)
    )
    same = (first == second).to_numpy().ravel()
    assert same[folds[2][1]].all()
    assert not same[folds[0][1]].any()


def test_noise_is_overfitted_and_not_predicted():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(300, 10)), random.integers(2, size=300)
    net = BatchNormMLPClassifier((64, 64), max_iter=30, alpha=1e-4)
    oof = out_of_fold([("net", net)], X, y, cv=5, n_jobs=1, random_state=0)
    assert net.set_params(random_state=0).fit(X, y).score(X, y) > 0.9
    assert abs(np.mean((oof.meta_train.to_numpy().ravel() > 0.5) == y) - 0.5) < 0.1


def test_predictions_do_not_depend_on_other_rows():
    X, y = load_iris(return_X_y=True)
    net = BatchNormMLPClassifier((8,), **SMALL).fit(X, y)
    order = np.random.default_rng(0).permutation(150)
    np.testing.assert_allclose(net.predict_proba(X)[order], net.predict_proba(X[order]), atol=1e-12)
    np.testing.assert_allclose(net.predict_proba(X[7:8]), net.predict_proba(X)[7:8], atol=1e-12)


def test_a_fold_that_lacks_a_class_is_what_it_would_be_alone():
    X, y = load_iris(return_X_y=True)  # sorted by class
    folds = [
        (np.r_[0:40, 50:150], np.r_[40:50]),
        (np.r_[0:100], np.r_[100:150]),
        (np.r_[50:150], np.r_[0:50]),
    ]
    net = BatchNormMLPClassifier((8,), class_weight={0: 2.0, 2: 0.5}, **SMALL)
    assert_each_is_what_it_is_alone(net, X, y, folds)
    with pytest.warns(UserWarning, match="class"):
        oof = out_of_fold([("net", BatchNormMLPClassifier((8,), max_iter=2))], X, y, cv=folds, n_jobs=1)
    assert (oof.meta_train.to_numpy()[100:, 2] == 0).all()


def test_group_folds_of_very_different_sizes():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    groups = np.repeat([0, 1, 2, 3], [150, 90, 40, 20])
    folds = list(GroupKFold(4).split(X, y, groups))
    assert_each_is_what_it_is_alone(BatchNormMLPClassifier((12,), **SMALL), X, y, folds)


@pytest.mark.parametrize("categories", ["auto", "one_hot", "embedding"])
@pytest.mark.parametrize("embedding", [None, "periodic"])
def test_frames_with_gaps_and_levels_that_a_fold_has_not_seen(passengers, categories, embedding):
    frame, y = passengers
    net = BatchNormMLPClassifier((12,), categories=categories, embedding=embedding, **SMALL)
    assert_each_is_what_it_is_alone(net, frame, y, folds_of(len(y)))
    unseen = frame.head(3).assign(ticket="never", port="X")
    proba = net.fit(frame, y).predict_proba(unseen)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(1), 1)


def test_equal_frames_share_one_training(passengers):
    """Folds with the same levels are trained as one program, gaps among them."""
    frame, y = passengers
    frame = frame[["age", "port", "deck"]]
    nets = BatchNormMLPClassifier((4,), **SMALL).fit_folds(frame, y, folds_of(len(y)))
    assert len({hash(net.columns_) for net in nets}) == 1


def test_categories_are_learned_from(passengers):
    frame, y = passengers
    net = BatchNormMLPClassifier((32, 16), max_iter=20, random_state=0)
    frame = frame.drop(columns="ticket")
    oof = out_of_fold([("net", net)], frame, y, cv=folds_of(len(y)), n_jobs=1)
    assert log_loss(y == "lived", oof.meta_train.to_numpy().ravel()) < 0.6


@pytest.mark.parametrize("learning_rate", ["constant", "linear", "cosine", "one_cycle", "cyclic"])
@pytest.mark.parametrize("statistics", ["population", "ema_warmup", "cumulative"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "adadelta"])
def test_every_way_to_train_learns(learning_rate, statistics, solver):
    X, y = load_wine(return_X_y=True)
    rate = {"adam": 0.02, "sgd": 0.1, "adadelta": 1.0}[solver]
    net = BatchNormMLPClassifier((16,), batch_size=16, max_iter=18, decay_after=5, alpha=1e-3, random_state=0)
    net.set_params(learning_rate=learning_rate, statistics=statistics, solver=solver)
    net.set_params(learning_rate_init=rate, n_snapshots=3 if learning_rate == "cyclic" else 1)
    assert net.fit(X, y).score(X, y) > 0.95


def test_several_networks_are_averaged():
    X, y = load_iris(return_X_y=True)
    net = BatchNormMLPClassifier((8,), max_iter=4, n_estimators=3, n_snapshots=2, learning_rate="cyclic")
    net.set_params(random_state=0).fit(X, y)
    assert net.network_.n_nets == 6
    each = [net.network_.state_of(at)["layers.0.weight"] for at in range(6)]
    assert len({tuple(weight.flatten().tolist()) for weight in each}) == 6
    assert {record["network"] for record in net.history_} == {0, 1, 2}


def test_a_seed_is_a_net_and_another_seed_another():
    X, y = load_iris(return_X_y=True)
    net = BatchNormMLPClassifier((8,), max_iter=3, random_state=1)
    first, second = net.fit(X, y).predict_proba(X), clone(net).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, clone(net).set_params(random_state=2).fit(X, y).predict_proba(X))
    state = torch.get_rng_state()
    net.fit(X, y)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_copy_of_a_net_predicts_the_same(passengers):
    frame, y = passengers
    net = BatchNormMLPClassifier((8,), **SMALL).fit(frame, y)
    copied = pickle.loads(pickle.dumps(net))  # as joblib sends it to another process
    np.testing.assert_array_equal(copied.predict_proba(frame), net.predict_proba(frame))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_single_precision_is_as_accurate(precision):
    X, y = load_digits(return_X_y=True)
    scores = [
        BatchNormMLPClassifier((32,), max_iter=8, precision=one, random_state=0).fit(X[:900], y[:900])
        for one in (precision, "float64")
    ]
    rounded, exact = (one.score(X[900:], y[900:]) for one in scores)
    assert abs(rounded - exact) < 0.03
    assert exact > 0.88


def test_early_stopping_keeps_the_best_weights():
    """Labels of chance: the loss on watched rows grows soon, and the net is the one from before."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(200, 5)), random.integers(2, size=200)
    net = BatchNormMLPClassifier(
        (32,), max_iter=50, early_stopping=True, n_iter_no_change=3, tol=0.0, statistics="ema_warmup"
    )
    net.set_params(random_state=0).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    losses = [record["validation_loss"] for record in net.history_]
    assert net.n_iter_ == np.argmin(losses) + 1 + 3 < 50
    assert log_loss(y[100:], net.predict_proba(X[100:])) == pytest.approx(min(losses), rel=1e-9)


def test_watched_rows_without_early_stopping_are_only_looked_at():
    X, y = load_iris(return_X_y=True)
    net = BatchNormMLPClassifier((8,), max_iter=3, random_state=0)
    watched = clone(net).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert {"validation_loss", "validation_score"} <= watched.history_[-1].keys()
    np.testing.assert_array_equal(watched.predict_proba(X), net.fit(X[::2], y[::2]).predict_proba(X))


def test_one_class_two_rows_and_constant_columns_are_predicted():
    X = np.random.default_rng(0).normal(size=(10, 3))
    X[:, 1] = 5.0
    one_class = BatchNormMLPClassifier((4,), max_iter=2).fit(X, ["a"] * 10)
    assert one_class.predict(X).tolist() == ["a"] * 10
    two_rows = BatchNormMLPClassifier((4,), max_iter=2).fit(X[:2], [0, 1])
    assert np.isfinite(two_rows.predict_proba(X)).all()
    away = X.copy()
    away[:, 1] = 1e6  # a column that was constant in training says nothing
    np.testing.assert_allclose(two_rows.predict_proba(away), two_rows.predict_proba(X))


@given(number=st.floats(-1e6, 1e6), other=st.floats(1, 9))
def test_a_constant_target_is_predicted_as_what_it_is(number, other):
    X = np.random.default_rng(0).normal(size=(10, 3))
    y = np.column_stack([np.full(10, number), other * X[:, 0]])
    both = BatchNormMLPRegressor((4,), max_iter=1).fit(X, y).predict(X)
    alone = BatchNormMLPRegressor((4,), max_iter=1).fit(X, y[:, 0]).predict(X)
    np.testing.assert_allclose(both[:, 0], number, rtol=1e-15)
    np.testing.assert_allclose(alone, number, rtol=1e-15)
    assert np.ptp(both[:, 1]) > 0


def test_two_classes_have_two_columns():
    X, y = load_breast_cancer(return_X_y=True)
    net = BatchNormMLPClassifier((4,), max_iter=2).fit(X, y)
    assert net.network_.plan.layers[-1] == ("dense", 2)
    np.testing.assert_allclose(net.predict_proba(X).sum(1), 1)


def test_several_numbers_are_predicted_each_by_its_own_scale():
    X, y = load_diabetes(return_X_y=True)
    both = np.column_stack([y, 1000 * y + 5])
    net = BatchNormMLPRegressor((16,), max_iter=10, random_state=0).fit(X, both)
    assert net.predict(X).shape == (442, 2)
    assert net.score(X, both) > 0.4


def images(n=60):
    X, y = load_digits(return_X_y=True)
    return X[:n].reshape(-1, 8, 8), y[:n]


LAYERS = [("conv", 4, 3), "batch_norm", "relu", ("max_pool", 2), "flatten"]


def test_shapes_and_types_of_images():
    X, y = images()
    net = BatchNormConvNetClassifier(LAYERS, **SMALL)
    expected = net.fit(X, y).predict_proba(X)
    for same in (X[:, np.newaxis], X.astype(np.uint8), X.astype(np.float32)):
        np.testing.assert_allclose(clone(net).fit(same, y).predict_proba(same), expected, rtol=1e-9)
    rows = clone(net).set_params(image_shape=(1, 8, 8)).fit(X.reshape(-1, 64), y)
    np.testing.assert_allclose(rows.predict_proba(X.reshape(-1, 64)), expected, rtol=1e-9)
    colour = np.stack([X, X / 2, 16 - X], axis=1)
    assert clone(net).fit(colour, y).predict_proba(colour).shape == (60, 10)


def test_folds_of_images_at_once_are_what_each_is_alone():
    X, y = images(100)
    net = BatchNormConvNetClassifier([*LAYERS, ("dense", 6), "batch_norm", "relu"], **SMALL)
    assert_each_is_what_it_is_alone(net, X, y, folds_of(100))


def iris():
    return load_iris(return_X_y=True)


def mlp(**params):
    return BatchNormMLPClassifier((4,), max_iter=2, **params)


@pytest.mark.parametrize(
    ("net", "change", "text"),
    [
        (mlp(), lambda X, y: (X[:1], y[:1]), "two rows or more"),
        (mlp(), lambda X, y: (X + np.nan, y), "NaN"),
        (
            mlp(),
            lambda X, y: (pd.DataFrame({"port": y.astype(str), "age": np.nan}), y),
            "Column 'age' of X has NaN",
        ),
        (mlp(), lambda X, y: (X, y + 0.5), "Unknown label type"),
        (mlp(solver="lbfgs"), None, "solver must be 'adam'"),
        (mlp(activation="sine"), None, "activation must be"),
        (mlp(batch_size=1), None, "batch_size must be an integer, 2 or more"),
        (mlp(alpha=-1.0), None, "alpha must be"),
        (mlp(decay=1.0), None, "decay must be"),
        (mlp(eps=0.0), None, "eps must be"),
        (mlp(validation_fraction=1.0, early_stopping=True), None, "validation_fraction must be"),
        (mlp(weight_averaging=1.0), None, "weight_averaging must be"),
        (mlp(n_snapshots=2), None, "learning_rate='cyclic'"),
        (mlp(label_smoothing=1.0), None, "label_smoothing must be"),
        (
            mlp(weight_averaging=0.5, early_stopping=True),
            None,
            "choose the weights in different ways",
        ),
        (BatchNormMLPClassifier((4, 0)), None, "hidden_layer_sizes must be"),
        (BatchNormConvNetClassifier(), None, "X must be images"),
        (BatchNormConvNetClassifier(image_shape=(1, 2, 3)), None, r"image_shape must be .* of 4 pixels"),
        (BatchNormConvNetClassifier(image_shape=7), None, r"image_shape must be .*; got image_shape=7\."),
        (BatchNormConvNetClassifier(), lambda X, y: (X.reshape(-1, 1, 2, 2), y), "at least 3 by 3"),
        (
            BatchNormConvNetClassifier(["flatten", ("conv", 3, 3)]),
            lambda X, y: (X.reshape(-1, 1, 2, 2), y),
            "layers must be",
        ),
        (
            BatchNormConvNetClassifier([("max_pool", 4), "flatten"]),
            lambda X, y: (X.reshape(-1, 1, 2, 2), y),
            "at least 4 by 4",
        ),
        (
            BatchNormConvNetClassifier([("conv", 3, 1)]),
            lambda X, y: (X.reshape(-1, 1, 2, 2), y),
            "Put conv and max_pool before flatten",
        ),
    ],
)
def test_faults_are_named(net, change, text):
    X, y = change(*iris()) if change else iris()
    with pytest.raises(ValueError, match=text):
        net.fit(X, y)


def test_faults_of_watched_rows_are_named():
    X, y = iris()
    with pytest.raises(ValueError, match="y_val=None"):
        mlp().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="sample_weight"):
        mlp().fit(X, y, X_val=X, y_val=y, sample_weight_val=[1.0, 2.0])
    two = np.column_stack([y, y]).astype(float)
    with pytest.raises(ValueError, match=r"same number of outputs; their shapes are \(\d+, 2\) and \(\d+,\)"):
        BatchNormMLPRegressor((2,), max_iter=1).fit(X, two, X_val=X, y_val=two[:, 0])
    net = BatchNormConvNetClassifier(LAYERS, max_iter=1).fit(*images())
    with pytest.raises(ValueError, match="images"):
        net.predict(np.zeros((3, 9, 9)))


@pytest.mark.parametrize("kind", [RealMLPRegressor, TabMRegressor])
def test_held_out_rows_enter_no_scale_level_indicator_limit_or_initial_value(kind):
    """Nets are the same to the bit, whatever the rows are that they are not trained on."""
    random = np.random.default_rng(0)
    X = pd.DataFrame({"a": random.normal(size=60), "b": random.normal(size=60), "c": [*"uvw"] * 20})
    X.loc[50:, "b"] = np.nan
    y, train = random.normal(size=60), np.arange(10, 60)
    others = X.copy()
    others.loc[:9] = pd.DataFrame({"a": [np.nan, 1e6] * 5, "b": -1e6, "c": "new"})
    folds = [(train, np.arange(10)), (np.arange(50), np.arange(50, 60))]
    net = kind((6,), **SMALL)
    extreme = np.concatenate([np.full(10, 1e6), y[10:]])
    one, other = (net.fit_folds(*data, folds)[0] for data in ((X, y), (others, extreme)))
    assert one.columns_ == other.columns_
    np.testing.assert_array_equal(one.predict(others), other.predict(others))
