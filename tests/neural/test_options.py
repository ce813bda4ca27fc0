"""Each option of the nets means what its formula says: fitted nets predict as a plain loop in torch does."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch

from stackit.neural import BatchNormConvNetClassifier, BatchNormMLPClassifier, BatchNormMLPRegressor
from stackit.neural.training.inputs import InputRows
from tests.neural.plain_nets import begun, expected

SMALL = {
    "hidden_layer_sizes": (6, 5),
    "max_iter": 3,
    "batch_size": 16,
    "random_state": 0,
    "precision": "float64",
}


def table(n=70, n_classes=3, seed=0):
    """Columns of all kinds: normal, far away, with outliers, half zeros; and labels that depend on them."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 4))
    X[:, 1] = 1000 + 50 * X[:, 1]
    X[:, 2] = X[:, 2] ** 5
    X[: int(0.6 * n), 3] = 0
    scores = np.column_stack([X[:, 0], (X[:, 1] - 1000) / 50, X[:, 3]])[:, :n_classes]
    return X, (scores + random.normal(size=scores.shape)).argmax(1)


OPTIONS = [
    {},
    {"hidden_layer_sizes": (9,)},
    *({"activation": name} for name in ("tanh", "logistic", "identity", "selu", "gelu", "silu", "mish")),
    {"solver": "sgd", "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.5},
    {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0},
    {"solver": "adadelta", "learning_rate_init": 1.0},
    {"alpha": 0.0},
    {"alpha": 0.3},
    {"alpha": 0.3, "embedding": "periodic", "learned_scaling": True, "output": "linear"},
    {"batch_size": 7},
    {"batch_size": 1000},
    *({"learning_rate": name} for name in ("constant", "linear", "one_cycle", "cyclic")),
    {"learning_rate": "linear", "decay_after": 2},
    {"learning_rate_init": 0.1},
    {"max_iter": 5},
    {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 2, "learning_rate_init": 0.1},
    {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 1, "learning_rate_init": 0.1},
    {"early_stopping": True, "max_iter": 9, "n_iter_no_change": 2, "tol": 0.1},
    {"early_stopping": True, "validation_fraction": 0.4},
    {"early_stopping": True, "label_smoothing": 0.3, "max_iter": 12, "n_iter_no_change": 2},
    *({"statistics": name} for name in ("ema_warmup", "ema", "cumulative")),
    {"statistics": "ema", "decay": 0.5},
    {"statistics": "ema_warmup", "decay": 0.15},
    {"eps": 0.5},
    {"parametrization": "ntk", "learning_rate_init": 0.1},
    {"output": "batch_norm"},
    {"scaling": "robust"},
    {"scaling": None},
    {"smooth_clip": True},
    {"learned_scaling": True},
    {"embedding": "periodic"},
    {"embedding": "periodic", "smooth_clip": True, "learned_scaling": True, "scaling": "robust"},
    {"label_smoothing": 0.2},
    {"class_weight": {0: 3.0, 2: 0.5}},
    {"class_weight": "balanced"},
    {"class_weight": "balanced", "label_smoothing": 0.2},
    {"n_estimators": 3},
    {"learning_rate": "cyclic", "n_snapshots": 3},
    {"learning_rate": "cyclic", "n_snapshots": 2, "n_estimators": 2, "statistics": "ema_warmup"},
    {"weight_averaging": 0.0, "max_iter": 4},
    {"weight_averaging": 0.5, "max_iter": 4},
    {"weight_averaging": 0.75, "max_iter": 5, "statistics": "ema"},
    {"beta_1": 0.5},
    {"beta_2": 0.8},
    {"random_state": 5},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_classifier_predicts_as_the_plain_loop(options):
    X, y = table()
    net = BatchNormMLPClassifier(**SMALL | options).fit(X[:60], y[:60])
    np.testing.assert_allclose(net.predict_proba(X), expected(net, X[:60], y[:60], X), rtol=1e-7, atol=1e-10)


TOGETHER = [
    {"activation": "mish", "parametrization": "ntk", "scaling": "robust", "smooth_clip": True, "beta_2": 0.9},
    {
        "solver": "sgd",
        "momentum": 0.7,
        "learning_rate": "linear",
        "decay_after": 1,
        "statistics": "cumulative",
    },
    {"solver": "adadelta", "learning_rate_init": 1.0, "eps": 0.5, "alpha": 0.2, "scaling": None},
    {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 1, "tol": 0.01, "validation_fraction": 0.3},
    {
        "output": "batch_norm",
        "learned_scaling": True,
        "embedding": "periodic",
        "beta_1": 0.5,
        "batch_size": 9,
    },
    {"learning_rate": "cyclic", "n_snapshots": 2, "n_estimators": 2, "statistics": "ema", "decay": 0.8},
    {"weight_averaging": 0.5, "max_iter": 4, "learning_rate": "one_cycle", "hidden_layer_sizes": (7,)},
]


@pytest.mark.parametrize("options", TOGETHER, ids=str)
def test_a_regressor_predicts_as_the_plain_loop(options):
    X, _ = table()
    y = np.column_stack([300 + 20 * X[:, 0] + X[:, 3] ** 2, X[:, 1]])
    for numbers in (y, y[:, 0]):
        net = BatchNormMLPRegressor(**SMALL | options).fit(X[:60], numbers[:60])
        np.testing.assert_allclose(net.predict(X), expected(net, X[:60], numbers[:60], X), rtol=1e-7)


LAYERS = [("conv", 3, 3), "batch_norm", "relu", ("max_pool", 2), "flatten"]
DEEP = [
    *(("conv", 3, 3, "same"), "batch_norm", "selu", ("conv", 4, 2), "tanh", ("max_pool", 2), "batch_norm"),
    *("flatten", ("dense", 6), "batch_norm", "mish", ("dense", 5), "relu"),
]
OF_IMAGES = [
    {},
    {"layers": DEEP},
    {"layers": DEEP, "parametrization": "ntk", "learning_rate_init": 0.1, "alpha": 0.2},
    {"output": "batch_norm"},
    {"scaling": "robust"},
    {"scaling": None},
    *({"statistics": name} for name in ("ema_warmup", "ema", "cumulative")),
    {"statistics": "ema", "decay": 0.5, "eps": 0.3},
    {"label_smoothing": 0.2, "class_weight": "balanced", "weight_averaging": 0.4},
    {"n_estimators": 2, "learning_rate": "cyclic", "n_snapshots": 2, "solver": "sgd", "momentum": 0.6},
    {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 1, "max_iter": 8, "tol": 0.05},
    {"solver": "adadelta", "learning_rate": "linear", "decay_after": 1, "beta_1": 0.5, "batch_size": 11},
    {"learning_rate": "constant", "beta_1": 0.5, "beta_2": 0.8, "random_state": 4},
]


@pytest.mark.parametrize("options", OF_IMAGES, ids=str)
def test_a_convolutional_net_predicts_as_the_plain_loop(options):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(50, 2, 6, 6)) * [[[1.0]], [[30.0]]] + 5, random.integers(3, size=50)
    shared = {name: value for name, value in SMALL.items() if name != "hidden_layer_sizes"}
    net = BatchNormConvNetClassifier(**shared | {"layers": LAYERS} | options).fit(X[:40], y[:40])
    np.testing.assert_allclose(net.predict_proba(X), expected(net, X[:40], y[:40], X), rtol=1e-7, atol=1e-10)
    rows = BatchNormConvNetClassifier(**net.get_params() | {"image_shape": (2, 6, 6)})
    rows.fit(X[:40].reshape(40, 72), y[:40])
    np.testing.assert_array_equal(rows.predict_proba(X.reshape(50, 72)), net.predict_proba(X))


def frame(n=60):
    """A number, categories of three and of twelve levels: as a frame, and as positions of sorted levels."""
    random = np.random.default_rng(1)
    codes = np.column_stack([random.integers(3, size=n), random.integers(12, size=n)])
    codes[:12, 1] = np.arange(12)
    number = random.normal(size=n)
    X = pd.DataFrame(
        {"number": number, "few": codes[:, 0].astype(str), "many": [f"{at:02}" for at in codes[:, 1]]}
    )
    return X, number[:, None], torch.as_tensor(codes + 1), (number + codes[:, 0] > 1).astype(int)


@pytest.mark.parametrize(
    ("categories", "widths"), [("auto", (3, 6)), ("one_hot", (3, 12)), ("embedding", (3, 6))]
)
@pytest.mark.parametrize(
    "options", [{}, {"alpha": 0.3, "learned_scaling": True, "embedding": "periodic"}], ids=str
)
def test_categories_enter_as_the_plain_loop_says(categories, widths, options):
    """One-hot rows have as many columns as there are levels, embeddings 1.6 n^0.56, and are learned."""
    X, numbers, codes, y = frame()
    net = BatchNormMLPClassifier(categories=categories, **SMALL | options).fit(X, y)
    levels = [net.network_.inputs.levels[at][0] for at in range(2)]
    assert [level.shape[1] for level in levels] == list(widths)
    for level, one_hot in zip(levels, (categories != "embedding", categories == "one_hot"), strict=True):
        assert torch.equal(level[1:], torch.eye(len(level) - 1)) == one_hot
    theirs = expected(net, numbers, y, numbers, codes, codes)
    np.testing.assert_allclose(net.predict_proba(X), theirs, rtol=1e-7, atol=1e-10)


def test_one_hot_categories_are_columns_of_zeros_and_ones():
    X, _, codes, y = frame()
    X = X[["few", "many"]]
    dummies = np.column_stack([codes[:, at : at + 1] == np.arange(1, n + 1) for at, n in ((0, 3), (1, 12))])
    ours = BatchNormMLPClassifier(categories="one_hot", **SMALL).fit(X, y).predict_proba(X)
    theirs = BatchNormMLPClassifier(scaling=None, **SMALL).fit(dummies.astype(float), y)
    np.testing.assert_allclose(ours, theirs.predict_proba(dummies.astype(float)), rtol=1e-9)


# --- some options once more, in words that need no loop


def test_averaged_weights_are_the_mean_of_those_after_each_epoch():
    """At a constant rate a net of three epochs is one of four that was left after the third."""
    X, y = table()
    averaged = BatchNormMLPClassifier(**SMALL, learning_rate="constant").set_params(max_iter=4)
    averaged.set_params(weight_averaging=0.25).fit(X, y)
    states = [
        BatchNormMLPClassifier(**SMALL | {"max_iter": n}, learning_rate="constant").fit(X, y).network_
        for n in (2, 3, 4)
    ]
    for name, value in averaged.network_.named_parameters():
        mean = torch.stack([dict(one.named_parameters())[name] for one in states]).mean(0)
        torch.testing.assert_close(value, mean, rtol=1e-12, atol=1e-14)


def test_nets_of_several_seeds_are_averaged_by_their_probabilities():
    X, y = table()
    together = BatchNormMLPClassifier(**SMALL, n_estimators=3).fit(X, y)
    random = np.random.RandomState(0)  # gives each net the seed that it has together
    alone = [BatchNormMLPClassifier(**SMALL | {"random_state": random}).fit(X, y) for _ in range(3)]
    each = [net.predict_proba(X) for net in alone]
    assert np.ptp(each, axis=0).max() > 0.05
    np.testing.assert_allclose(together.predict_proba(X), np.mean(each, axis=0), rtol=1e-9)
    numbers = [
        BatchNormMLPRegressor(**SMALL | params).fit(X, X[:, 0]).predict(X)
        for params in (
            {"n_estimators": 3},
            *({"random_state": random} for random in [np.random.RandomState(0)] * 3),
        )
    ]
    np.testing.assert_allclose(numbers[0], np.mean(numbers[1:], axis=0), rtol=1e-9)


def test_snapshots_are_the_nets_at_the_ends_of_cycles():
    """The first of two cycles is a training of half the epochs; probabilities, not weights, are averaged."""
    X, y = table()
    cyclic = {"learning_rate": "cyclic", "n_snapshots": 2, "max_iter": 4}
    both = BatchNormMLPClassifier(**SMALL | cyclic).fit(X, y)
    first = BatchNormMLPClassifier(**SMALL | {"learning_rate": "cosine", "max_iter": 2}).fit(X, y)
    for name, value in first.network_.state_of(0).items():
        torch.testing.assert_close(both.network_.state_of(0)[name], value, rtol=1e-12, atol=1e-14)
    second = deepcopy(both)
    second.network_ = both.network_.of_states([both.network_.state_of(1)])
    mean = (first.predict_proba(X) + second.predict_proba(X)) / 2
    assert np.abs(first.predict_proba(X) - second.predict_proba(X)).max() > 0.05
    np.testing.assert_allclose(both.predict_proba(X), mean, rtol=1e-12)


def test_without_gradient_weights_decay_and_nothing_else_does():
    """One class leaves no gradient: each step takes alpha off the weights, less as the cosine falls."""
    X, _ = table()
    net = BatchNormMLPClassifier(**SMALL, alpha=0.1, learned_scaling=True, embedding="periodic")
    net.set_params(batch_size=35, max_iter=2).fit(X, np.zeros(70))
    (seed,) = np.random.RandomState(0).randint(2**31 - 1, size=1).tolist()
    kept = np.prod([1 - 0.1 * (1 + np.cos(np.pi * step / 4)) / 2 for step in range(4)])
    assert kept < 0.8
    for name, value in begun(net, seed).items():
        if "running" not in name and name not in ("inputs.centre", "inputs.factor"):
            share = kept if name.endswith("weight") else 1.0
            torch.testing.assert_close(
                net.network_.state_of(0)[name], share * value, rtol=1e-12, atol=0, msg=name
            )


def test_label_smoothing_is_a_loss_of_its_own():
    """Without inputs a net learns the shares of the labels: smoothed, (1 - e) share + e / classes."""
    X, y = np.zeros((200, 1)), np.repeat([0, 1], [180, 20])
    for smoothing in (0.0, 0.4):
        net = BatchNormMLPClassifier(
            (2,), label_smoothing=smoothing, alpha=0.0, max_iter=150, batch_size=1000
        )
        proba = net.set_params(random_state=0, learning_rate_init=0.1).fit(X, y).predict_proba(X[:1])[0]
        np.testing.assert_allclose(proba, (1 - smoothing) * np.array([0.9, 0.1]) + smoothing / 2, atol=2e-3)


def test_numbers_by_hand():
    """1, 2, 3, 4, 100: mean 22 and deviation 39.01; median 3 and quartiles 2, 4; bent 48.5 is below 3."""
    X = np.array([[1.0], [2.0], [3.0], [4.0], [100.0]])

    def seen(**options):
        net = BatchNormMLPClassifier((2,), max_iter=1, **options).fit(X, [0, 1, 0, 1, 0])
        rows = InputRows(torch.as_tensor(X).expand(1, -1, -1))
        return net.network_.inputs(rows)[0, 0].detach().numpy()

    np.testing.assert_allclose(seen(), [-0.5382, -0.5126, -0.4870, -0.4614, 1.9993], atol=1e-4)
    np.testing.assert_allclose(seen(scaling="robust"), [-1, -0.5, 0, 0.5, 48.5], rtol=1e-12)
    np.testing.assert_allclose(seen(scaling=None), X[:, 0], rtol=1e-12)
    bent = [-0.9487, -0.4932, 0, 0.4932, 2.9943]
    np.testing.assert_allclose(seen(scaling="robust", smooth_clip=True), bent, atol=1e-4)
