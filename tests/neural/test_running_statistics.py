"""What batch norm predicts with: statistics full, lost, of the batch, recomputed, warmed up, too slow."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit

from stackit.neural import BatchNormConvNetClassifier, BatchNormMLPClassifier
from stackit.neural.batchnorm.bn_statistics import recompute_statistics
from stackit.neural.layers.network import Network
from stackit.neural.training.batches import batches
from stackit.neural.training.inputs import InputTable
from stackit.neural.training.losses import Dataset, NetSpec


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    ((train, test),) = StratifiedShuffleSplit(1, test_size=360, random_state=0).split(X, y)
    return X[train], y[train], X[test], y[test]


@pytest.fixture(scope="module")
def seven_layers(digits):
    """The seven-layer net of the notes at a quarter of its width, with their running statistics."""
    torch.set_num_threads(1)
    X, y, _, _ = digits
    net = BatchNormMLPClassifier(
        (250, 125, 62, 62, 62),
        **{
            "parametrization": "ntk",
            "output": "batch_norm",
            "statistics": "ema_warmup",
            "precision": "float32",
        },
        **{"learning_rate": "linear", "decay_after": 5, "learning_rate_init": 0.02, "alpha": 0.0},
        **{"batch_size": 120, "max_iter": 30, "random_state": 0},
    )
    return net.fit(X, y)


def outputs_of(network, X, in_training=False):
    table = InputTable(torch.as_tensor(X, dtype=network.inputs.centre.dtype))
    with torch.no_grad():
        return network.train(in_training)(table.expand(1, table.numbers.dtype))[0].T.numpy()


def accuracy_by_batches(network, X, y, order, in_training=False):
    """Accuracy where rows are predicted thirty at a time in this order."""
    network = network.of_states([network.state_of(0)])  # statistics of the original stay what they are
    chunks = [order[start : start + 30] for start in range(0, len(order), 30)]
    outputs = np.concatenate([outputs_of(network, X[chunk], in_training) for chunk in chunks])
    return float(np.mean(outputs.argmax(1) == y[order]))


def parameters_only(network):
    """What a file of parameters alone brings back: running statistics are those of a new net."""
    fresh = Network(network.plan, 1)
    state = {
        name: fresh.state_of(0)[name] if "running" in name else tensor
        for name, tensor in network.state_of(0).items()
    }
    return network.of_states([state])


def test_with_all_its_state_a_row_does_not_depend_on_other_rows(seven_layers, digits):
    _, _, X, y = digits
    network = seven_layers.network_
    mixed, by_class = np.random.default_rng(0).permutation(len(y)), np.argsort(y, kind="stable")
    assert accuracy_by_batches(network, X, y, mixed) >= 0.97
    assert accuracy_by_batches(network, X, y, mixed) == accuracy_by_batches(network, X, y, by_class)
    one_by_one = np.concatenate([seven_layers.predict_proba(X[at : at + 1]) for at in range(60)])
    np.testing.assert_allclose(one_by_one, seven_layers.predict_proba(X)[:60], atol=1e-6)


def test_with_the_statistics_of_the_batch_a_batch_of_one_class_is_not_recognised(seven_layers, digits):
    _, _, X, y = digits
    mixed, by_class = np.random.default_rng(0).permutation(len(y)), np.argsort(y, kind="stable")
    network = seven_layers.network_
    assert accuracy_by_batches(network, X, y, mixed, in_training=True) >= 0.9
    assert accuracy_by_batches(network, X, y, by_class, in_training=True) <= 0.45


def test_parameters_without_statistics_predict_badly_and_recomputed_ones_well(seven_layers, digits):
    X, y, X_test, y_test = digits
    order = np.arange(len(y_test))
    network = parameters_only(seven_layers.network_)
    assert accuracy_by_batches(network, X_test, y_test, order) <= 0.80
    dataset = Dataset(InputTable(torch.as_tensor(X, dtype=torch.float32)), torch.as_tensor(y))
    recompute_statistics(network, dataset, [NetSpec(np.arange(len(y)), 0)], batch_size=120)
    assert accuracy_by_batches(network, X_test, y_test, order) >= 0.97


def test_one_epoch_is_too_short_for_a_fixed_decay(digits):
    X, y, X_test, y_test = (part.reshape(-1, 8, 8) / 16 if part.ndim == 2 else part for part in digits)
    layers = [("conv", 32, 3), "batch_norm", "relu", ("conv", 32, 3), "batch_norm", "relu", ("max_pool", 2)]
    layers += ["flatten", ("dense", 128), "batch_norm", "relu"]
    net = BatchNormConvNetClassifier(
        layers, scaling=None, max_iter=1, batch_size=32, learning_rate="constant", learning_rate_init=1e-3
    )
    scores = {
        kind: net.set_params(statistics=kind, random_state=0).fit(X, y).score(X_test, y_test)
        for kind in ("ema", "ema_warmup", "cumulative", "population")
    }
    assert scores["ema_warmup"] - scores["ema"] >= 0.3
    assert scores["population"] >= 0.9


def test_batch_norm_helps_lenet_on_two_seeds_of_three(digits):
    """The three groups of the notes, their first and their last: all batch norm, and none."""
    X, y, X_test, y_test = (part.reshape(-1, 8, 8) if part.ndim == 2 else part for part in digits)
    all_of_it = [
        ("conv", 24, 5, "same"),
        "batch_norm",
        ("max_pool", 2),
        "batch_norm",
        "tanh",
        ("conv", 30, 1),
    ]
    all_of_it += ["batch_norm", "flatten", ("dense", 10), "batch_norm", "relu"]
    none_of_it = [layer for layer in all_of_it if layer != "batch_norm"]
    folds, seeds = [(np.arange(len(y)), None)] * 3, [0, 1, 2]
    scores = []
    for layers in (all_of_it, none_of_it):
        net = BatchNormConvNetClassifier(
            layers,
            solver="adadelta",
            learning_rate="constant",
            learning_rate_init=1.0,
            alpha=0.0,
            batch_size=32,
            max_iter=8,
            scaling=None,
            precision="float32",
        )
        scores.append(
            [one.score(X_test / 16, y_test) for one in net.fit_folds(X / 16, y, folds, seeds=seeds)]
        )
    assert sum(ours >= theirs for ours, theirs in zip(*scores, strict=True)) >= 2


def n_running(network):
    return sum(norm.running_mean.numel() + norm.running_var.numel() for norm in network.norms)


def test_the_networks_of_the_notes_have_as_many_parameters_as_printed():
    random = np.random.default_rng(0)
    y = np.arange(20) % 10
    images = random.integers(256, size=(20, 28, 28), dtype=np.uint8)
    convnet = BatchNormConvNetClassifier(max_iter=1, batch_size=20).fit(images, y).network_
    assert (convnet.n_parameters, n_running(convnet)) == (601_002, 384)
    mlp = BatchNormMLPClassifier(
        (1000, 500, 250, 250, 250), parametrization="ntk", output="batch_norm", max_iter=1
    )
    network = mlp.fit(images.reshape(20, -1), y).network_
    assert (network.n_parameters, n_running(network)) == (1_541_020, 4_520)


def test_a_batch_of_one_row_is_never_normalised_by_itself():
    """65 rows in batches of 64, 3 in batches of 2: no row is left over, and none is dropped."""
    for n, size in ((65, 64), (3, 2), (33, 32)):
        seen = [
            batch.rows.shape[1] for batch in batches([np.arange(n)], max(1, min(round(n / size), n // 2)))
        ]
        assert sum(seen) == n
        assert min(seen) >= 2
    X = np.random.default_rng(0).normal(size=(65, 3))
    net = BatchNormMLPClassifier((4,), batch_size=64, max_iter=2, random_state=0).fit(X, np.arange(65) % 2)
    assert np.isfinite(net.predict_proba(X)).all()
