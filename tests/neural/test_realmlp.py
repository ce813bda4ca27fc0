"""RealMLP: the whole recipe predicts as a plain loop does, on frames as they come, and learns no noise."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from stackit import out_of_fold
from stackit.neural import RealMLPClassifier, RealMLPRegressor
from stackit.neural.layers import Network, NetworkPlan
from stackit.neural.training import InputRows
from tests.neural.plain_realmlp import expected

SMALL = {
    "hidden_layer_sizes": (6, 5),
    "max_iter": 4,
    "batch_size": 16,
    "random_state": 0,
    "precision": "float64",
}


# Without dropout: a row that occurs twice is dropped from in two ways, and one of weight 2 in one way.
CHECKED = {"max_iter": 20, "dropout": 0.0, "precision": "float64"}


@parametrize_with_checks(
    [RealMLPClassifier((8,), learning_rate_init=0.01, **CHECKED), RealMLPRegressor((8,), **CHECKED)]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def table(n=80, seed=0):
    """A frame with outliers, missing numbers and three categories; and its numbers, codes and levels."""
    random = np.random.default_rng(seed)
    numbers = np.column_stack([random.normal(size=n), random.normal(size=n) ** 5, random.integers(2, size=n)])
    numbers[random.random(n) < 0.2, 1] = np.nan
    codes = np.column_stack([random.integers(1, k + 1, size=n) for k in (2, 4, 12)])
    codes[:12, 2] = np.arange(1, 13)
    X = pd.DataFrame(numbers, columns=["a", "b", "c"])
    for at, name in enumerate(("two", "four", "many")):
        X[name] = [f"{code:02}" for code in codes[:, at]]
    score = numbers[:, 0] + codes[:, 1] + np.isnan(numbers[:, 1]) + random.normal(size=n)
    return X, numbers, codes, (2, 4, 12), score


OPTIONS = [
    {},
    {"dropout": 0.0},
    {"embedding": None},
    {"activation": "mish", "learning_rate_init": 0.1},
    {"alpha": 0.3, "beta_2": 0.8},
    {"n_estimators": 3, "batch_size": 1000},
    {"early_stopping": True, "max_iter": 9, "learning_rate_init": 0.2, "validation_fraction": 0.3},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_classifier_predicts_as_the_plain_loop(options):
    X, numbers, codes, n_levels, score = table()
    y = np.digitize(score, [1.5, 3.5])
    net = RealMLPClassifier(**SMALL | {"label_smoothing": 0.1} | options).fit(X[:60], y[:60])
    theirs = expected(net, numbers[:60], y[:60], numbers[60:], codes, n_levels)
    np.testing.assert_allclose(net.predict_proba(X[60:]), theirs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("options", OPTIONS[::3], ids=str)
def test_a_regressor_predicts_as_the_plain_loop(options):
    X, numbers, codes, n_levels, score = table()
    weights = np.random.default_rng(0).integers(1, 4, size=60) if "n_estimators" not in options else None
    net = RealMLPRegressor(**SMALL | options).fit(X[:60], score[:60], weights)
    theirs = expected(net, numbers[:60], score[:60], numbers[60:], codes, n_levels, weights)
    np.testing.assert_allclose(net.predict(X[60:]), theirs, rtol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True, "n_estimators": 2}, {"batch_norm": True, "dropout": 0.3}], ids=str
)
def test_all_folds_at_once_are_what_each_is_alone(params, weighted):
    X, _, _, _, score = table(n=133)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X)) if weighted else None
    folds = list(KFold(4, shuffle=True, random_state=0).split(X))
    net = RealMLPClassifier(**SMALL | params)
    y = np.digitize(score, [1.5, 3.5])
    for (train, held_out), together in zip(folds, net.fit_folds(X, y, folds, weights), strict=True):
        alone = clone(net).fit(X.iloc[train], y[train], None if weights is None else weights[train])
        ours, theirs = (one.predict_proba(X.iloc[held_out]) for one in (together, alone))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_random_labels_are_not_predicted():
    """Out of fold, no row's own label reaches its prediction: the AUC is 1/2, within 4 standard errors."""
    X, _, _, _, _ = table(n=400)
    y = np.random.default_rng(1).integers(2, size=400)
    net = RealMLPClassifier((16,), max_iter=20, early_stopping=True, random_state=0)
    oof = out_of_fold([("net", net)], X, y, cv=KFold(5, shuffle=True, random_state=0), n_jobs=1)
    assert oof["net"].fit_mode == "batched"
    assert abs(roc_auc_score(y, np.ravel(oof.meta_train)) - 0.5) < 4 * 0.029


def test_behind_a_preparation_all_folds_are_trained_at_once_and_alike():
    _, numbers, _, _, score = table(n=90)
    net = RealMLPRegressor(**SMALL | {"early_stopping": True})
    pipeline = make_pipeline(FunctionTransformer(np.cbrt), net)
    folds = KFold(3, shuffle=True, random_state=0)
    oof = out_of_fold([("net", pipeline)], numbers, score, cv=folds, n_jobs=1, random_state=0)
    alone = out_of_fold([("net", net)], np.cbrt(numbers), score, cv=folds, n_jobs=1, random_state=0)
    assert oof["net"].fit_mode == "batched"
    np.testing.assert_allclose(oof.meta_train, alone.meta_train, rtol=1e-9)


def test_weight_two_is_a_row_that_occurs_twice():
    X, _, _, _, score = table(n=40)
    counts = np.random.default_rng(0).integers(0, 3, size=40)
    net = RealMLPRegressor(**SMALL | {"dropout": 0.0, "batch_size": 1000, "max_iter": 9})
    repeated = np.repeat(np.arange(40), counts)
    theirs = clone(net).fit(X.iloc[repeated], score[repeated]).predict(X)
    np.testing.assert_allclose(net.fit(X, score, counts).predict(X), theirs, rtol=1e-7)


def test_missing_numbers_and_unknown_levels_are_taken_as_they_come(tmp_path):
    """A number that is missing is the median, and a column says so where some training row lacks it."""
    X, _, _, _, score = table()
    net = RealMLPRegressor(**SMALL).fit(X, score)
    assert net.columns_.missing == (1,)
    medians = X.assign(a=X["a"].median(), c=X["c"].median())
    gaps = X.assign(a=np.nan, c=np.nan)
    np.testing.assert_allclose(net.predict(gaps), net.predict(medians), rtol=1e-9)
    assert np.abs(net.predict(X.assign(b=np.nan)) - net.predict(X.assign(b=X["b"].median()))).min() > 1e-6
    assert np.isfinite(net.predict(X.assign(two="new", many=None))).all()
    assert (net.predict(X) >= score.min()).all()
    assert (net.predict(X.assign(a=1e9)) <= score.max()).all()
    with pytest.raises(ValueError, match="Column 'a' of X has infinite values"):
        net.predict(X.assign(a=np.inf))
    with pytest.raises(ValueError, match="X must be of numbers where it was in fit; got others in 'a'"):
        net.predict(X.assign(a="many!"))
    net.save(tmp_path / "net.safetensors")
    back = RealMLPRegressor.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(back.predict(X), net.predict(X))


def test_a_number_however_large_is_clipped_to_3_and_does_not_become_the_median():
    """Files have 1e20 or 1e36 for missing numbers, of which float32 has no square."""
    plan = NetworkPlan((("dense", 1),), shape=(1,), clip=True, missing=True)
    inputs = Network(plan, 1).inputs
    numbers = torch.tensor([[[-1e38], [-1e20], [-3.0], [float("nan")], [3.0], [1e20], [1e38], [torch.inf]]])
    expected = [-3.0, -3.0, -(4.5**0.5), 0.0, 4.5**0.5, 3.0, 3.0, 3.0]
    np.testing.assert_allclose(inputs(InputRows(numbers))[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("activation", ["selu", "mish", "tanh"])
def test_half_precision_is_for_products_alone(activation):
    """Parameters stay float32, and predictions are near those of single precision."""
    X, _, _, _, score = table()
    own = SMALL | {"activation": activation, "learning_rate_init": 0.02}
    single, half = (
        RealMLPRegressor(**own | {"precision": precision}).fit(X, score)
        for precision in ("float32", "bfloat16")
    )
    assert {one.dtype for one in half.network_.parameters()} == {torch.float32}
    difference = half.predict(X) - single.predict(X)
    assert 0 < np.abs(difference).mean() < 0.1 * single.predict(X).std()


def test_frames_of_polars_are_those_of_pandas():
    polars = pytest.importorskip("polars")
    X, _, _, _, score = table()
    theirs = RealMLPRegressor(**SMALL).fit(X, score).predict(X)
    as_polars = polars.DataFrame({name: column.tolist() for name, column in X.items()})
    ours = RealMLPRegressor(**SMALL).fit(as_polars, score).predict(as_polars)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"dropout": 1.0}, "dropout must be a number of 0 or more and below 1"),
        ({"embedding": "periodic"}, "embedding must be 'pbld' or None"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be whole numbers above 0"),
        ({"learning_rate": "cyclic"}, "learning_rate must be"),
        ({"scaling": "quantile"}, "scaling must be 'standard' or 'robust' or None"),
        ({"early_stopping": "no"}, "early_stopping must be False or True"),
    ],
)
def test_faults_are_named(params, text):
    with pytest.raises(ValueError, match=text):
        RealMLPClassifier(**SMALL | params).fit(np.zeros((9, 2)), np.arange(9) % 2)


def test_predicted_numbers_stay_in_the_range_of_the_training_targets():
    """Also where all rows are far beyond those of the training."""
    X = np.linspace(-1, 1, 60)[:, None]
    net = RealMLPRegressor((8,), max_iter=60, embedding=None, dropout=0.0, scaling=None, random_state=0)
    net.fit(X, 5 * X[:, 0])
    predicted = net.predict(np.linspace(-30, 30, 50)[:, None])
    assert (predicted.min(), predicted.max()) == (pytest.approx(-5), pytest.approx(5))
