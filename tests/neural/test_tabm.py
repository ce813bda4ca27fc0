"""TabM: what a plain loop gives, all folds at once as each alone, and scikit-learn's checks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.estimator_checks import parametrize_with_checks

from stackit import out_of_fold
from stackit.neural import TabMClassifier, TabMRegressor
from tests.neural.plain_tabm import expected

SMALL = {"n_heads": 3, "max_iter": 4, "batch_size": 16, "random_state": 0, "precision": "float64"}


@parametrize_with_checks(
    [
        kind(
            (16,),
            **{**SMALL, "n_heads": 2, "max_iter": 40, "batch_size": 99},
            dropout=0.0,
            early_stopping=False,
            learning_rate_init=0.02,
        )
        for kind in (TabMClassifier, TabMRegressor)
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def table(n=70, n_classes=3, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 4)) * [1, 50, 1e-3, 1] + [0, 1000, 0, 0]
    X[:, 3] = X[:, 3] ** 3
    scores = np.column_stack([X[:, 0], (X[:, 1] - 1000) / 50, X[:, 3]])[:, :n_classes]
    return X, (scores + random.normal(size=scores.shape)).argmax(1)


OPTIONS = [
    {},
    {"early_stopping": False},
    {"early_stopping": False, "dropout": 0.0, "scaling": "standard"},
    {"hidden_layer_sizes": (7,), "n_heads": 1, "scaling": "robust"},
    {"dropout": 0.4, "learning_rate_init": 0.03, "batch_size": 7},
    {"max_norm": None, "alpha": 0.5},
    {"max_norm": 0.05, "beta_1": 0.8, "beta_2": 0.9},
    {"n_estimators": 2, "scaling": None, "learning_rate_init": 1e-4},
    {"max_iter": 14, "n_iter_no_change": 2, "learning_rate_init": 0.1},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("target", ["classes", "weighted classes", "numbers", "several numbers"])
def test_it_is_what_a_plain_loop_gives(options, target):
    X, codes = table()
    new, _ = table(20, seed=1)
    y = {"numbers": X[:, 0] * 1e3 + 5, "several numbers": X[:, :2]}.get(target, codes)
    own = {"class_weight": "balanced", "label_smoothing": 0.2} if target == "weighted classes" else {}
    kind = TabMRegressor if "numbers" in target else TabMClassifier
    net = kind(**{"hidden_layer_sizes": (8, 6)} | SMALL | options | own).fit(X, y)
    predicted = net.predict_proba(new) if own or target == "classes" else net.predict(new)
    np.testing.assert_allclose(predicted, expected(net, X, y, new), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": False, "n_estimators": 2}, {"dropout": 0.0}], ids=str
)
@pytest.mark.parametrize("weighted", [False, True])
def test_all_folds_at_once_are_what_each_is_alone(params, weighted):
    """Folds of unequal size: a row that fills a gap takes no random number from dropout."""
    X, y = load_wine(return_X_y=True)
    X, y = X[:-1], y[:-1]
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y)) if weighted else None
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    net = TabMClassifier((12, 8), **SMALL).set_params(n_iter_no_change=2, learning_rate_init=0.05, **params)
    for (train, held_out), together in zip(folds, net.fit_folds(X, y, folds, weights), strict=True):
        alone = clone(net).fit(X[train], y[train], None if weights is None else weights[train])
        np.testing.assert_allclose(
            together.predict_proba(X[held_out]), alone.predict_proba(X[held_out]), rtol=1e-9, atol=1e-12
        )


def test_a_weight_of_two_is_a_row_that_occurs_twice():
    X, y = table()
    counts = np.random.default_rng(0).integers(1, 3, len(y))
    net = TabMClassifier((8,), **SMALL).set_params(
        dropout=0.0, early_stopping=False, batch_size=1000, scaling="standard"
    )
    weighted, repeated = clone(net).fit(X, y, counts), clone(net).fit(X.repeat(counts, 0), y.repeat(counts))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


class WithoutFitFolds(TabMRegressor):
    fit_folds = property()  # is not there


def test_the_engine_trains_all_folds_at_once_and_passes_rows_to_stop_by():
    X, y = load_diabetes(return_X_y=True)
    net = TabMRegressor((8,), **SMALL)
    plain = WithoutFitFolds(**net.get_params())
    ours, theirs = (out_of_fold([("net", one)], X, y, X[:9], cv=3, n_jobs=1) for one in (net, plain))
    assert (ours["net"].fit_mode, theirs["net"].fit_mode) == ("batched", "plain")
    np.testing.assert_allclose(ours.meta_train, theirs.meta_train, rtol=1e-9)
    np.testing.assert_allclose(ours.meta_test, theirs.meta_test, rtol=1e-9)


def test_random_labels_are_not_learned_out_of_fold():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(400, 5)), random.integers(2, size=400)
    net = TabMClassifier((32,), n_heads=4, max_iter=30, batch_size=64, random_state=0)
    oof = out_of_fold([("net", net)], X, y, cv=4, n_jobs=1, random_state=0)
    accuracy = np.mean((oof.meta_train.iloc[:, 0] > 0.5) == y)
    assert abs(accuracy - 0.5) < 4 * 0.5 / 20


def test_a_net_comes_back_from_its_file_and_predicts_the_same_to_the_bit(tmp_path):
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X.assign(hue=np.where(X["hue"] > 1, "blue", None), year=pd.Categorical(X["alcohol"].round(1)))
    net = TabMClassifier((8,), **SMALL).fit(X, y)
    net.save(tmp_path / "net.safetensors")
    back = TabMClassifier.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(back.predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize("scaling", ["quantile", "standard", "robust"])
def test_missing_numbers_count_as_average_and_are_pointed_out(scaling, tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 3)) + 100
    y = np.isnan(X := np.where(random.random(X.shape) < [0.4, 0.1, 0], np.nan, X))[:, 0].astype(int)
    net = TabMClassifier((16,), **SMALL | {"max_iter": 60, "scaling": scaling}).fit(X, y)
    assert net.columns_.missing == (0, 1)
    assert net.score(X, y) == 1
    unseen = X.copy()
    unseen[:, 2] = np.nan
    assert np.isfinite(net.predict_proba(unseen)).all()
    with pytest.raises(ValueError, match="infinity"):
        net.predict(np.where(np.isnan(X), np.inf, X))


def test_heads_begin_with_equal_weights_and_signs_of_their_own():
    X, y = table()
    net = TabMClassifier((40, 30), **SMALL | {"n_heads": 8, "max_iter": 1, "learning_rate_init": 1e-12})
    network = net.fit(X, y).network_
    first, second = network.layers[0], network.layers[1]
    signs = first.input_scale[0].round()
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert len(signs.unique(dim=0)) > 4
    for scale in (first.output_scale, second.input_scale, second.output_scale):
        np.testing.assert_allclose(scale.detach(), 1, atol=1e-9)
    np.testing.assert_allclose(second.bias.detach().std(1), 0, atol=1e-9)
    assert second.weight.abs().max() <= 1 / 40**0.5
    assert network.n_parameters == (40 * 4 + 8 * (4 + 40 + 40)) + (30 * 40 + 8 * (40 + 60)) + 8 * (3 * 30 + 3)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"n_heads": 0}, "n_heads"),
        ({"dropout": 1.0}, "dropout"),
        ({"max_norm": 0.0}, "max_norm"),
        ({"precision": "bfloat16"}, "precision"),
        ({"scaling": "no"}, "scaling must be 'quantile' or 'standard' or 'robust' or None"),
        ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes must be .*one layer or more; got .*\(\)"),
        ({"categories": "no"}, "categories"),
    ],
)
def test_parameters_that_are_not_valid_are_named(params, text):
    X, y = table()
    with pytest.raises(ValueError, match=text):
        TabMClassifier(**{"hidden_layer_sizes": (4,)} | params).fit(X, y)


@pytest.mark.parametrize(
    ("n", "size"), [(50, 32), (2800, 32), (3000, 64), (10_000, 128), (32_000, 512), (10**6, 1024)]
)
def test_batches_grow_with_the_rows(n, size):
    assert TabMRegressor()._training_config(n).batch_size == size
    assert TabMRegressor(batch_size=77)._training_config(n).batch_size == 77
