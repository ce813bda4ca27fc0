"""The nets: all folds at once are what they would be one by one, and scikit-learn's checks pass."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.estimator_checks import parametrize_with_checks

from stackit import out_of_fold
from stackit.neural import BatchNormConvNetClassifier, BatchNormMLPClassifier, BatchNormMLPRegressor


@parametrize_with_checks(
    [
        BatchNormMLPClassifier((16,), max_iter=40),
        BatchNormMLPRegressor((16,), max_iter=40),
        BatchNormConvNetClassifier(
            [("conv", 4, 3, "same"), "batch_norm", "relu", "flatten"], image_shape=(1, 1, -1), batch_size=99
        ),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 12},
        {"n_estimators": 2},
        {"learning_rate": "cyclic", "n_snapshots": 2},
        {"weight_averaging": 0.5},
        {"parametrization": "ntk", "output": "batch_norm"},
        {"embedding": "periodic", "scaling": "robust", "smooth_clip": True, "learned_scaling": True},
        {"class_weight": "balanced", "label_smoothing": 0.1, "solver": "sgd"},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_all_folds_at_once_are_what_each_is_alone(params, weighted):
    X, y = load_digits(return_X_y=True)
    X, y = X[:400], y[:400]
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y)) if weighted else None
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    net = BatchNormMLPClassifier((24, 12), max_iter=4, precision="float64", random_state=3).set_params(
        **params
    )
    for (train, held_out), together in zip(folds, net.fit_folds(X, y, folds, weights), strict=True):
        alone = clone(net).fit(X[train], y[train], None if weights is None else weights[train])
        np.testing.assert_allclose(
            together.predict_proba(X[held_out]), alone.predict_proba(X[held_out]), rtol=1e-9, atol=1e-12
        )


class WithoutFitFolds(BatchNormMLPRegressor):
    fit_folds = property()  # is not there


def test_the_engine_trains_all_folds_at_once_with_the_seeds_of_the_plain_loop():
    X, y = load_diabetes(return_X_y=True)
    nets = [
        ("net", BatchNormMLPRegressor((8,), max_iter=3)),
        ("stopping", BatchNormMLPRegressor((8,), max_iter=9, early_stopping=True, n_iter_no_change=1)),
    ]
    plain = [(name, WithoutFitFolds(**net.get_params())) for name, net in nets]
    ours, theirs = (out_of_fold(pairs, X, y, X[:9], cv=3, n_jobs=1) for pairs in (nets, plain))
    assert {result.fit_mode for result in ours.values()} == {"batched"}
    assert {result.fit_mode for result in theirs.values()} == {"plain"}
    np.testing.assert_allclose(ours.meta_train, theirs.meta_train, rtol=1e-9)
    np.testing.assert_allclose(ours.meta_test, theirs.meta_test, rtol=1e-9)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("float64", torch.float64), ("bfloat16", torch.float32)],
)
def test_parameters_and_statistics_have_the_requested_precision(precision, dtype):
    X, y = load_diabetes(return_X_y=True)
    net = BatchNormMLPRegressor((8,), max_iter=1, precision=precision).fit(X, y)
    assert {value.dtype for value in net.network_.state_dict().values()} == {dtype}


@pytest.mark.parametrize(
    ("n", "batch_size", "dtype"),
    [
        (100, 32, torch.float64),
        (1000, 64, torch.float64),
        (2000, 128, torch.float64),
        (2001, 128, torch.float32),
        (10_000, 256, torch.float32),
    ],
)
def test_what_is_automatic_depends_on_the_number_of_rows(n, batch_size, dtype):
    """The last rate of a cosine tells how many steps there were: init / 2 (1 + cos(pi (T - 1) / T))."""
    X = np.random.default_rng(0).normal(size=(n, 2))
    net = BatchNormMLPRegressor((2,), max_iter=1, learning_rate_init=0.01, device="cpu").fit(X, X[:, 0])
    n_steps = round(n / batch_size)
    rate = 0.01 / 2 * (1 + np.cos(np.pi * (n_steps - 1) / n_steps))
    assert net.history_[-1]["learning_rate"] == pytest.approx(rate, rel=1e-9)
    assert net.network_.inputs.centre.dtype == dtype


def test_half_precision_rounds_products_to_eight_bits():
    X = np.random.default_rng(0).normal(size=(200, 3))
    half, single = (
        BatchNormMLPRegressor((8,), max_iter=1, precision=precision, random_state=0).fit(X, X[:, 0])
        for precision in ("bfloat16", "float32")
    )
    difference = abs(half.history_[0]["loss"] / single.history_[0]["loss"] - 1)
    assert 1e-6 < difference < 2**-5


def test_a_bar_of_epochs_is_shown_where_it_is_wanted(capsys):
    X, y = load_diabetes(return_X_y=True)
    for verbose, shown in ((0, False), (1, True)):
        BatchNormMLPRegressor((8,), max_iter=3, verbose=verbose).fit(X, y)
        assert ("3/3" in capsys.readouterr().err) == shown


def test_a_net_that_has_predicted_can_still_be_trained():
    X, y = load_diabetes(return_X_y=True)
    net = BatchNormMLPRegressor((8,), max_iter=1, learned_scaling=True).fit(X, y)
    before = net.network_.n_parameters
    net.predict(X)
    assert net.network_.n_parameters == before == 10 + 10 * 8 + 2 * 8 + 8 + 1
