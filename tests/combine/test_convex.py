"""The simplex optimum: the conditions of Karush, Kuhn and Tucker, and laws that only a true optimum keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss

from stackit.combine import ConvexClassifier, ConvexRegressor
from stackit.combine.simplex import log_loss_on_simplex, squares_on_simplex

SEEDS = st.integers(0, 2**31 - 1)
quick = settings(max_examples=20, deadline=None, derandomize=True)


def assert_on_simplex(share):
    assert (share >= 0).all()
    assert share.sum() == pytest.approx(1, abs=1e-12)


@quick
@given(seed=SEEDS, n=st.integers(2, 80), k=st.integers(1, 90), power=st.integers(1, 8), zeros=st.booleans())
def test_no_column_pulls_where_log_loss_is_least(seed, n, k, power, zeros):
    rng = np.random.default_rng(seed)
    chances = rng.random((n, k)) ** power * (rng.random((n, k)) > 0.3 * zeros)
    chances, weights = chances.clip(1e-15), rng.random(n)
    share = log_loss_on_simplex(chances, weights)
    assert_on_simplex(share)
    pull = (weights / weights.sum() / (chances @ share)) @ chances
    # The gradient is that of the used columns, 1, or less: an upper bound of what the loss could still fall.
    assert pull.max() - 1 < 1e-7
    assert share @ pull == pytest.approx(1)


@quick
@given(seed=SEEDS, n=st.integers(1, 80), k=st.integers(1, 30), scale=st.integers(-3, 3), twin=st.booleans())
def test_no_column_pulls_where_squares_are_least(seed, n, k, scale, twin):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(n, k)) * 10.0**scale, rng.normal(size=n)
    left[:, 0] = left[:, -1] if twin else left[:, 0]
    share = squares_on_simplex(left, right)
    assert_on_simplex(share)
    slope = left.T @ (left @ share - right)
    unit = ((left - right[:, np.newaxis]) ** 2).sum(axis=0).max()
    assert share @ slope - slope.min() < 1e-9 * unit


@quick
@given(seed=SEEDS, loss=st.sampled_from(["log_loss", "squared_error"]))
def test_no_single_estimator_and_no_other_average_has_less_loss(seed, loss):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 50)
    y[:2] = 0, 1
    X = 1 / (1 + np.exp(-rng.normal(0.5 * (2 * y - 1)[:, np.newaxis], 1, (50, 4)) * rng.random(4) * 5))
    weights = rng.random(50)

    def loss_of(probability):
        if loss == "log_loss":
            return log_loss(y, probability, sample_weight=weights)
        return np.average((y - probability) ** 2, weights=weights)

    fitted = ConvexClassifier(loss=loss).fit(X, y, weights)
    best = loss_of(fitted.predict_proba(X)[:, 1])
    others = np.vstack([np.eye(4), np.full(4, 0.25), rng.dirichlet(np.ones(4), 20)])
    assert best <= min(loss_of(X @ share) for share in others) + 1e-9


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_a_twin_and_a_hopeless_column_change_no_prediction(loss):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    raw = rng.random((60, 4, 3)) + np.eye(3)[y][:, np.newaxis] * [[0.8], [0.4], [0.6], [0]]
    raw[:, 3] = rng.random((60, 3)) * (1 - np.eye(3)[y]) + 1e-3
    blocks = raw / raw.sum(axis=2, keepdims=True)
    kept, more = blocks[:, :3].reshape(60, -1), blocks[:, [0, 1, 2, 1, 3]].reshape(60, -1)
    here, there = ConvexClassifier(loss=loss).fit(kept, y), ConvexClassifier(loss=loss).fit(more, y)
    assert_allclose(there.predict_proba(more), here.predict_proba(kept), atol=1e-7)
    assert there.weights_[4] == 0


def test_optima_computed_by_hand():
    # -2 log(0.2 + 0.6 w) - log(0.8 - 0.6 w) is least at w = 7/9; (4 w - 1)^2 at w = 1/4.
    chances = np.array([[0.8, 0.2], [0.2, 0.8]])
    assert_allclose(log_loss_on_simplex(chances, np.array([2.0, 1.0])), [7 / 9, 2 / 9])
    assert_allclose(squares_on_simplex(np.array([[0.0, 4.0]]), np.array([1.0])), [0.75, 0.25])


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_perfect_column_gets_all_the_weight(at):
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 60)
    X = rng.random((60, 3))
    X[:, at] = y
    for combiner in (ConvexClassifier(), ConvexClassifier(loss="squared_error"), ConvexRegressor()):
        assert_allclose(combiner.fit(X, y).weights_, np.eye(3)[at], atol=1e-7)


def test_hundreds_of_columns_are_narrowed_down():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 3000)
    signal = (2 * y - 1)[:, np.newaxis] * rng.random(300)
    chances = 1 / (1 + np.exp(-signal - rng.normal(size=(3000, 300)) * (2 * y - 1)[:, np.newaxis]))
    share = log_loss_on_simplex(chances, np.ones(3000))
    assert ((1 / (chances @ share)) @ chances).max() / 3000 - 1 < 1e-7
    assert 10 < (share > 0).sum() < 290


def test_another_loss_is_refused():
    with pytest.raises(ValueError, match="loss must be 'log_loss' or 'squared_error', but loss='auc'"):
        ConvexClassifier(loss="auc").fit([[0.1], [0.9]], [0, 1])
