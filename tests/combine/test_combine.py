"""Combiners: what permuting, scaling, weighting and repeating rows must and must not change."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import nnls
from scipy.special import logit
from sklearn import ensemble
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

import stackit
from stackit.combine import (
    ConvexClassifier,
    ConvexRegressor,
    GeometricClassifier,
    GeometricRegressor,
    GreedyClassifier,
    GreedyRegressor,
    HillClimbClassifier,
    HillClimbRegressor,
    IsotonicClassifier,
    LogisticClassifier,
    MatrixScalingClassifier,
    MeanClassifier,
    MeanRegressor,
    NonNegativeClassifier,
    NonNegativeRegressor,
    RankClassifier,
    RankRegressor,
    TemperatureClassifier,
)
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.combine.weighted import Weighted

CLASSIFIERS = [
    MeanClassifier,
    RankClassifier,
    NonNegativeClassifier,
    GeometricClassifier,
    ConvexClassifier,
    GreedyClassifier,
    HillClimbClassifier,
    LogisticClassifier,
    TemperatureClassifier,
    IsotonicClassifier,
    MatrixScalingClassifier,
]
REGRESSORS = [
    MeanRegressor,
    RankRegressor,
    NonNegativeRegressor,
    GeometricRegressor,
    ConvexRegressor,
    GreedyRegressor,
    HillClimbRegressor,
]
WEIGHTED = {combiner for combiner in CLASSIFIERS + REGRESSORS if issubclass(combiner, Weighted)}
# Their weights are those of all outputs together.
LEARNED_TOGETHER = {NonNegativeRegressor, ConvexRegressor, GreedyRegressor, HillClimbRegressor}
# They leave estimators out where that is best, or give several the same weight.
SPARSE = {ConvexClassifier, GreedyClassifier, HillClimbClassifier, HillClimbRegressor}
SEEDS = st.integers(0, 2**31 - 1)
N = 60
quick = settings(max_examples=8, deadline=None, derandomize=True)
all_combiners = pytest.mark.parametrize("combiner", CLASSIFIERS + REGRESSORS)
all_classifiers = pytest.mark.parametrize("combiner", CLASSIFIERS)
all_regressors = pytest.mark.parametrize("combiner", REGRESSORS)
few_or_more = pytest.mark.parametrize("width", [2, 3])


def classes_and_blocks(rng, n_classes, n_estimators=3):
    """Return labels of every class, and (n, n_estimators, n_classes) probabilities that know of them."""
    y = rng.permutation(np.arange(N) % n_classes)
    raw = rng.random((N, n_estimators, n_classes)) + np.eye(n_classes)[y][:, np.newaxis] * 0.7
    return y, raw / raw.sum(axis=2, keepdims=True)


def numbers_and_blocks(rng, n_outputs, n_estimators=3):
    y = rng.normal(size=(N, n_outputs))
    return y, y[:, np.newaxis] + rng.normal(size=(N, n_estimators, n_outputs))


def columns_of(combiner, blocks):
    """Blocks as the columns that a combiner reads: of two classes the second alone."""
    if issubclass(combiner, CombinerClassifier) and blocks.shape[2] == 2:
        return blocks[:, :, 1]
    return blocks.reshape(len(blocks), -1)


def problem(combiner, rng, width):
    made = classes_and_blocks if issubclass(combiner, CombinerClassifier) else numbers_and_blocks
    y, blocks = made(rng, width)
    return (y, np.exp(blocks)) if combiner is GeometricRegressor else (y, blocks)


def predictions_of(fitted, X):
    return fitted.predict_proba(X) if hasattr(fitted, "predict_proba") else fitted.predict(X)


def stacked(blocks, target):
    """The least-squares problem of one row a sample and class, or output."""
    return np.swapaxes(blocks, 1, 2).reshape(-1, blocks.shape[1]), target.ravel()


# Relations that hold for all combiners


@all_combiners
@few_or_more
def test_the_order_of_the_estimators_does_not_matter(combiner, width):
    rng = np.random.default_rng(0)
    y, blocks = problem(combiner, rng, width)
    order = np.array([2, 0, 1])
    given_weights = np.array([0.5, 0.2, 0.3])
    there, here = combiner(), combiner()
    if "weights" in there.get_params():
        there, here = combiner(weights=given_weights), combiner(weights=given_weights[order])
    X, permuted = columns_of(combiner, blocks), columns_of(combiner, blocks[:, order])
    there.fit(X, y), here.fit(permuted, y)
    assert_allclose(predictions_of(here, permuted), predictions_of(there, X), atol=1e-12)
    if combiner in WEIGHTED:
        assert len(set(there.weights_)) >= (2 if combiner in SPARSE else 3)
        assert_allclose(here.weights_, there.weights_[order], atol=1e-12)


@all_combiners
@few_or_more
@quick
@given(seed=SEEDS)
def test_a_weight_is_how_often_the_row_counts_and_zero_leaves_it_out(combiner, width, seed):
    rng = np.random.default_rng(seed)
    y, blocks = problem(combiner, rng, width)
    X = columns_of(combiner, blocks)
    # The first rows keep their weight, so that no class is left out as a whole.
    weights = np.r_[np.full(30, 2), rng.integers(0, 4, N - 30)]
    weighted = combiner().fit(X, y, sample_weight=weights)
    repeated = combiner().fit(np.repeat(X, weights, axis=0), np.repeat(y, weights, axis=0))
    squares = blocks[::-1] ** 2
    if issubclass(combiner, CombinerClassifier):
        squares /= squares.sum(axis=2, keepdims=True)
    new = columns_of(combiner, squares)
    assert_allclose(predictions_of(weighted, X), predictions_of(repeated, X), rtol=1e-6, atol=1e-9)
    assert_allclose(predictions_of(weighted, new), predictions_of(repeated, new), rtol=1e-6, atol=1e-9)
    if combiner in WEIGHTED:
        assert_allclose(weighted.weights_, repeated.weights_, rtol=1e-6, atol=1e-9)


@all_combiners
def test_only_the_ratios_of_weights_matter(combiner):
    rng = np.random.default_rng(1)
    y, blocks = problem(combiner, rng, 2)
    X, weights = columns_of(combiner, blocks), rng.random(N) + 0.1
    one, other = combiner().fit(X, y, weights), combiner().fit(X, y, 7 * weights)
    assert_allclose(predictions_of(one, X), predictions_of(other, X), rtol=1e-9)


@all_combiners
@few_or_more
def test_a_constant_column_does_no_harm(combiner, width):
    y, blocks = problem(combiner, np.random.default_rng(2), width)
    blocks[:, 1] = 1 / width
    X = columns_of(combiner, blocks)
    assert np.isfinite(predictions_of(combiner().fit(X, y), X)).all()


@all_classifiers
@few_or_more
@quick
@given(seed=SEEDS)
def test_probabilities_are_in_range_and_their_rows_sum_to_one(combiner, width, seed):
    rng = np.random.default_rng(seed)
    y, blocks = classes_and_blocks(rng, width)
    fitted = combiner().fit(columns_of(combiner, blocks), y)
    for _, some in [(y, blocks), classes_and_blocks(rng, width)]:
        found = fitted.predict_proba(columns_of(combiner, some))
        assert found.shape == (N, width)
        assert ((found >= 0) & (found <= 1)).all()
        assert_allclose(found.sum(axis=1), 1)


@all_classifiers
@few_or_more
def test_labels_may_be_text(combiner, width):
    y, blocks = classes_and_blocks(np.random.default_rng(3), width)
    X, names = columns_of(combiner, blocks), np.array(["ant", "bee", "cat"])
    numbered, named = combiner().fit(X, y), combiner().fit(X, names[y])
    assert named.classes_.tolist() == names[:width].tolist()
    assert_array_equal(named.predict(X), names[numbered.predict(X)])
    assert_array_equal(named.predict_proba(X), numbered.predict_proba(X))


@all_combiners
@few_or_more
def test_rows_that_no_fold_held_out_are_left_out(combiner, width):
    y, blocks = problem(combiner, np.random.default_rng(15), width)
    X, weights = columns_of(combiner, blocks), np.linspace(1, 2, N)
    gaps = X.copy()
    gaps[:7] = np.nan
    partial, without = combiner().fit(gaps, y, weights), combiner().fit(X[7:], y[7:], weights[7:])
    assert_allclose(predictions_of(partial, X), predictions_of(without, X), rtol=1e-12)
    with pytest.raises(ValueError, match="X has NaN in all columns of all rows"):
        combiner().fit(np.full_like(X, np.nan), y)
    gaps[7, 0] = np.nan
    with pytest.raises(ValueError, match="X has NaN in some columns of 1 rows"):
        combiner().fit(gaps, y)


@pytest.mark.parametrize("combiner", sorted(WEIGHTED, key=str))
@few_or_more
def test_weights_have_the_names_of_the_estimators(combiner, width):
    y, blocks = problem(combiner, np.random.default_rng(16), width)
    X, names = columns_of(combiner, blocks), ["forest", "bayes", "ridge"]
    columns = names if X.shape[1] == 3 else [f"{name}__{at}" for name in names for at in range(width)]
    fitted = combiner().fit(pd.DataFrame(X, columns=columns), y)
    assert fitted.named_weights_ == dict(zip(names, fitted.weights_.tolist(), strict=True))
    assert list(combiner().fit(X, y).named_weights_) == ["x0", "x1", "x2"]


# The mean


def test_the_mean_of_probabilities_is_that_computed_by_hand():
    X = [[0.2, 0.4], [0.9, 0.5]]
    assert_allclose(MeanClassifier().fit(X, [0, 1]).predict_proba(X), [[0.7, 0.3], [0.3, 0.7]])
    weighted = MeanClassifier(weights=[3, 1]).fit(X, [0, 1])
    assert_allclose(weighted.weights_, [0.75, 0.25])
    assert_allclose(weighted.predict_proba(X)[:, 1], [0.25, 0.8])


def test_the_mean_of_three_classes_and_of_two_outputs_goes_by_blocks():
    y, blocks = classes_and_blocks(np.random.default_rng(4), 3)
    X = columns_of(MeanClassifier, blocks)
    fitted = MeanClassifier().fit(X, y)
    assert not fitted.from_labels_
    assert_allclose(fitted.predict_proba(X), blocks.mean(axis=1))
    numbers = [[1.0, 10.0, 3.0, 30.0], [5.0, 50.0, 7.0, 70.0]]
    both = MeanRegressor().fit(numbers, [[0.0, 1.0], [2.0, 3.0]])
    assert_allclose(both.predict(numbers), [[2, 20], [6, 60]])


@pytest.mark.parametrize("weights", [[1, -1, 1], [0, 0, 0], [1, 1], [np.inf, 1, 1], [np.nan, 1, 1]])
def test_weights_that_are_no_shares_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be None or 3 numbers of at least 0, not all 0"):
        MeanRegressor(weights=weights).fit(np.eye(3), [1, 2, 3])


# The geometric mean


@quick
@given(seed=SEEDS)
def test_the_geometric_mean_of_two_classes_is_the_mean_of_logits(seed):
    y, blocks = classes_and_blocks(np.random.default_rng(seed), 2)
    X = columns_of(GeometricClassifier, blocks)
    found = GeometricClassifier(weights=[1, 2, 3]).fit(X, y).predict_proba(X)[:, 1]
    assert_allclose(logit(found), logit(X) @ [1 / 6, 2 / 6, 3 / 6], atol=1e-9)


def test_the_geometric_mean_of_three_classes_is_that_computed_by_hand():
    X = [[0.1, 0.1, 0.8, 0.4, 0.4, 0.2], [0.0, 0.5, 0.5, 0.0, 0.5, 0.5], [0.9, 0.1, 0.0, 0.4, 0.3, 0.3]]
    products = np.array([[0.2, 0.2, 0.4], [0.0, 0.5, 0.5], [0.6, np.sqrt(0.03), np.sqrt(3e-7)]])
    found = GeometricClassifier().fit(X, [2, 1, 0]).predict_proba(X)
    assert_allclose(found, products / products.sum(axis=1, keepdims=True), atol=3e-6)


def test_a_zero_is_no_veto():
    fitted = GeometricClassifier(clip=0.01).fit([[0.0, 0.5], [1.0, 0.5]], [0, 1])
    assert_allclose(fitted.predict_proba([[0.0, 0.99], [0.0, 1.0]])[:, 1], 0.5)
    with pytest.raises(ValueError, match=r"clip must be above 0 and below 0\.5, .*but clip=0\."):
        GeometricClassifier(clip=0).fit([[0.0], [1.0]], [0, 1])


def test_numbers_are_multiplied_if_not_negative():
    fitted = GeometricRegressor(weights=[2, 1, 0]).fit([[1, 2, 3], [4, 5, 6]], [1, 2])
    assert_allclose(fitted.predict([[8, 1, 0], [0, 9, 9]]), [4, 0])
    with pytest.raises(ValueError, match=r"must be at least 0 for a .* mean, but the lowest is -1\."):
        fitted.predict([[1, 1, -1]])


# Ranks


@few_or_more
def test_a_monotone_change_of_each_column_changes_no_rank(width):
    y, blocks = classes_and_blocks(np.random.default_rng(5), width)
    X = columns_of(RankClassifier, blocks)
    powers = np.linspace(0.4, 3, X.shape[1])
    plain, changed = RankClassifier().fit(X, y), RankClassifier().fit(X**powers, y)
    assert_allclose(changed.predict_proba(X**powers), plain.predict_proba(X), atol=1e-12)


def test_a_monotone_change_of_each_prediction_changes_no_rank():
    y, blocks = numbers_and_blocks(np.random.default_rng(6), 2)
    X = columns_of(RankRegressor, blocks)
    changed = np.column_stack([np.exp(column) if at % 2 else 5 * column - 3 for at, column in enumerate(X.T)])
    found = RankRegressor().fit(changed, y).predict(changed)
    assert_allclose(found, RankRegressor().fit(X, y).predict(X), atol=1e-12)


@quick
@given(seed=SEEDS, n_positive=st.integers(1, N - 1))
def test_as_many_training_rows_are_taken_for_positive_as_are_so(seed, n_positive):
    rng = np.random.default_rng(seed)
    y = (rng.permutation(N) < n_positive).astype(int)
    X = rng.random((N, 1))
    assert RankClassifier().fit(X, y).predict(X).sum() == n_positive
    # Averages of several ranks may tie: rows of the same average are on one side of the threshold.
    several = rng.random((N, 3))
    ranks = several.argsort(axis=0).argsort(axis=0).sum(axis=1)
    most_ties = np.bincount(ranks).max()
    assert abs(RankClassifier().fit(several, y).predict(several).sum() - n_positive) <= most_ties


def test_stretched_ranks_are_those_computed_by_hand():
    X = [[0.1], [0.2], [0.8], [0.9]]
    fitted = RankClassifier().fit(X, [0, 0, 0, 1])
    assert_allclose(fitted.thresholds_, [0.25, 0.75])
    assert_allclose(fitted.predict_proba(X)[:, 1], [1 / 12, 1 / 4, 5 / 12, 3 / 4])


def test_ranks_of_three_classes_are_stretched_apart_and_divided_by_their_sum():
    ranks = np.array([[1, 3, 5], [3, 1, 1], [5, 5, 3]]) / 6
    fitted = RankClassifier().fit([[0.1, 0.4, 0.5], [0.3, 0.1, 0.1], [0.6, 0.5, 0.4]], [2, 0, 1])
    thresholds = 4 / 6
    assert_allclose(fitted.thresholds_, thresholds)
    above = 0.5 + 0.5 * (ranks - thresholds) / (1 - thresholds)
    stretched = np.where(ranks < thresholds, 0.5 * ranks / thresholds, above)
    found = fitted.predict_proba([[0.1, 0.4, 0.5], [0.3, 0.1, 0.1], [0.6, 0.5, 0.4]])
    assert_allclose(found, stretched / stretched.sum(axis=1, keepdims=True))


def test_a_class_of_next_to_no_weight_divides_by_nothing():
    X, y = [[0.1], [0.9]], [0, 1]
    for weights in ([1e-20, 1], [1, 1e-20]):
        fitted = RankClassifier().fit(X, y, sample_weight=weights)
        found = fitted.predict_proba([[0.1], [0.5], [0.9]])
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
        assert ((fitted.thresholds_ > 0) & (fitted.thresholds_ < 1)).all()


def test_predictions_in_the_right_order_become_the_target_itself():
    y = np.random.default_rng(7).normal(size=N)
    X = np.column_stack([np.exp(y), 3 * y])
    fitted = RankRegressor().fit(X, y)
    assert_allclose(fitted.predict(X), y, atol=1e-12)
    assert_allclose(fitted.predict([[-9, -99], [1e9, 99]]), [y.min(), y.max()])


def test_a_constant_column_leaves_the_order_of_the_other():
    rng = np.random.default_rng(8)
    y, X = rng.integers(0, 2, N), rng.random((N, 1))
    more = np.column_stack([X, np.full(N, 0.4)])
    assert_array_equal(RankClassifier().fit(more, y).predict(more), RankClassifier().fit(X, y).predict(X))


# Non-negative least squares


@few_or_more
@quick
@given(seed=SEEDS)
def test_the_weights_of_probabilities_are_those_of_least_squares(width, seed):
    rng = np.random.default_rng(seed)
    y, blocks = classes_and_blocks(rng, width, n_estimators=4)
    weights = rng.random(N) * 10
    found = NonNegativeClassifier().fit(columns_of(NonNegativeClassifier, blocks), y, weights).weights_
    assert_are_least_squares(found, *stacked(blocks, np.eye(width)[y]), np.repeat(weights, width))


@pytest.mark.parametrize("n_outputs", [1, 3])
@quick
@given(seed=SEEDS)
def test_the_weights_of_predictions_are_those_of_least_squares(n_outputs, seed):
    rng = np.random.default_rng(seed)
    y, blocks = numbers_and_blocks(rng, n_outputs, n_estimators=4)
    blocks[:, 0] *= -1
    target = y[:, 0] if n_outputs == 1 else y
    weights = rng.random(N) * 10
    found = NonNegativeRegressor().fit(columns_of(NonNegativeRegressor, blocks), target, weights).weights_
    assert_are_least_squares(found, *stacked(blocks, y), np.repeat(weights, n_outputs))


def assert_are_least_squares(found, left, right, weights):
    root = np.sqrt(weights)
    theirs = LinearRegression(positive=True, fit_intercept=False).fit(left, right, sample_weight=weights)
    assert (found >= 0).all()
    assert_allclose(found, nnls(left * root[:, np.newaxis], right * root)[0], atol=1e-9)
    assert_allclose(found, theirs.coef_, atol=1e-9)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_perfect_column_gets_all_the_weight(at):
    rng = np.random.default_rng(9)
    y = rng.integers(0, 2, N)
    X = rng.random((N, 3))
    X[:, at] = y
    expected = np.eye(3)[at]
    assert_allclose(NonNegativeClassifier().fit(X, y).weights_, expected, atol=1e-9)
    assert_allclose(NonNegativeRegressor().fit(X, y).weights_, expected, atol=1e-9)


def test_without_any_weight_all_classes_are_as_likely():
    y = np.array([0, 1, 1, 0])
    with pytest.warns(UserWarning, match="gives all estimators the weight 0"):
        two = NonNegativeClassifier().fit(1 - y[:, np.newaxis], y)
    assert two.weights_.tolist() == [0]
    assert_allclose(two.predict_proba([[0.1], [0.9]]), 0.5)
    labels = np.array([0, 1, 2])
    wrong = np.eye(3)[[1, 2, 0]]
    with pytest.warns(UserWarning, match="gives all estimators the weight 0"):
        three = NonNegativeClassifier().fit(wrong, labels)
    assert_allclose(three.predict_proba(wrong), 1 / 3)
    assert_array_equal(three.predict(wrong), [0, 0, 0])


# Several outputs


@all_regressors
def test_several_outputs_keep_their_columns_apart(combiner):
    y, blocks = problem(combiner, np.random.default_rng(10), 2)
    fitted = combiner().fit(columns_of(combiner, blocks), y)
    found = fitted.predict(columns_of(combiner, blocks))
    assert found.shape == (N, 2)
    for output in range(2):
        if combiner in LEARNED_TOGETHER:
            expected = blocks[:, :, output] @ fitted.weights_
        else:
            alone = combiner().fit(blocks[:, :, output], y[:, output])
            expected = alone.predict(blocks[:, :, output])
            assert expected.shape == (N,)
        assert_allclose(found[:, output], expected, atol=1e-12)


# Labels as columns


@all_classifiers
@pytest.mark.parametrize("n_estimators", [2, 3, 6])
def test_label_columns_are_votes_also_when_as_many_as_classes(combiner, n_estimators):
    rng = np.random.default_rng(11)
    y = rng.permutation(np.arange(N) % 3)
    labels = np.where(rng.random((N, n_estimators)) < 0.7, y[:, np.newaxis], rng.integers(0, 3, (N, 1)))
    votes = np.eye(3)[labels].reshape(N, -1)
    by_label, by_vote = combiner().fit(labels, y), combiner().fit(votes, y)
    assert (by_label.from_labels_, by_vote.from_labels_) == (True, False)
    assert_allclose(by_label.predict_proba(labels), by_vote.predict_proba(votes), atol=1e-12)
    assert (by_label.predict(labels) == y).mean() > 0.6


@all_classifiers
@pytest.mark.parametrize("named_columns", [False, True])
def test_sure_probabilities_are_none_where_an_estimator_knows_no_class(combiner, named_columns):
    rng = np.random.default_rng(11)
    y = rng.permutation(np.arange(N) % 3)
    sure = np.eye(3)[np.where(rng.random((N, 2)) < 0.7, y[:, np.newaxis], rng.integers(0, 3, (N, 1)))]
    sure[0, 0] = 0
    X = sure.reshape(N, -1)
    if named_columns:
        sure[1:, 0] = 0  # names tell even where most rows do not
        X = pd.DataFrame(X, columns=[f"{name}__{at}" for name in "ab" for at in range(3)])
    fitted = combiner().fit(X, y)
    assert not fitted.from_labels_
    assert fitted.predict_proba(X).shape == (N, 3)


def test_three_votes_are_counted():
    labels, y = [[0, 0, 1], [1, 1, 1], [2, 0, 2]], ["a", "b", "c"]
    found = MeanClassifier().fit(labels, y)
    assert_allclose(found.predict_proba(labels), np.array([[2, 1, 0], [0, 3, 0], [1, 0, 2]]) / 3)
    assert found.predict(labels).tolist() == y


# What is refused, and what is warned of


@all_classifiers
@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_columns_that_are_no_probabilities_become_such(combiner, shift):
    y, blocks = classes_and_blocks(np.random.default_rng(12), 2)
    X = blocks[:, :, 1] + shift
    fitted = combiner().fit(X, y)
    found = fitted.predict_proba(X)
    assert ((found >= 0) & (found <= 1)).all()
    assert_allclose(found.sum(axis=1), 1)
    assert {*fitted.kinds_} == {"decision"}


@all_classifiers
def test_an_estimator_without_one_column_per_class_is_refused(combiner):
    y, blocks = classes_and_blocks(np.random.default_rng(13), 3)
    X = np.column_stack([columns_of(combiner, blocks), y + 0.5])
    text = (
        "10 columns are not a multiple of the number of classes, 3. "
        "Each estimator must have one column per class: leave out features passed through, and pass a data"
    )
    with pytest.raises(ValueError, match=text):
        combiner().fit(X, y)


@all_regressors
def test_an_estimator_without_one_column_per_output_is_refused(combiner):
    with pytest.raises(ValueError, match="Each estimator must have one column per output"):
        combiner().fit(np.eye(3), np.eye(3)[:, :2])


@all_combiners
def test_only_zero_weights_are_refused(combiner):
    y, blocks = problem(combiner, np.random.default_rng(14), 2)
    with pytest.raises(ValueError, match="sample_weight has only zero weights"):
        combiner().fit(columns_of(combiner, blocks), y, sample_weight=np.zeros(N))


@all_combiners
@pytest.mark.parametrize(("weight", "text"), [(-1.0, "is negative in 1 rows"), (np.nan, "must be finite")])
def test_weights_below_zero_or_missing_are_refused(combiner, weight, text):
    y, blocks = problem(combiner, np.random.default_rng(14), 2)
    with pytest.raises(ValueError, match=f"sample_weight {text}"):
        combiner().fit(columns_of(combiner, blocks), y, sample_weight=np.r_[weight, np.ones(N - 1)])


def named(combiner, blocks, order="estimators"):
    """The columns of all classes or outputs, with their names, estimator by estimator or otherwise."""
    names = np.array([[f"{one}__{at}" for at in range(blocks.shape[2])] for one in "abc"])
    table, axes = np.swapaxes(blocks, 1, 2), names.T
    if order == "estimators":
        table, axes = blocks, names
    return pd.DataFrame(table.reshape(len(blocks), -1), columns=axes.ravel())


@all_combiners
def test_columns_that_stand_otherwise_than_they_are_read_are_refused(combiner):
    y, blocks = problem(combiner, np.random.default_rng(15), 3)
    right = named(combiner, blocks)
    combiner().fit(right, y)
    for wrong in (
        named(combiner, blocks, "classes"),  # all of the first class, then of the next
        right[
            [*right.columns[:3], *right.columns[5:2:-1], *right.columns[6:]]
        ],  # one estimator's in disorder
        right.rename(columns=lambda name: name.replace("b__", "a__b")),  # two of one name
    ):
        with pytest.raises(
            ValueError, match="There must be 3 columns side by side for each estimator, in one order"
        ):
            combiner().fit(wrong, y)


@all_classifiers
def test_classes_in_another_order_are_refused(combiner):
    y, blocks = classes_and_blocks(np.random.default_rng(15), 3)
    wrong = named(combiner, blocks[:, :, ::-1]).rename(columns=lambda name: name[:3] + str(2 - int(name[3])))
    with pytest.raises(
        ValueError, match="There must be 3 columns side by side for each estimator, in one order"
    ):
        combiner().fit(wrong, y)


@all_classifiers
def test_both_columns_of_two_classes_are_refused(combiner):
    y, blocks = classes_and_blocks(np.random.default_rng(15), 2)
    whole = named(combiner, blocks)
    with pytest.raises(ValueError, match="There must be one column for each estimator, that of the second"):
        combiner().fit(whole, y)
    combiner().fit(whole.filter(like="__1"), y)


@pytest.mark.parametrize("abstract", [CombinerClassifier, CombinerRegressor, Weighted])
def test_what_combiners_share_is_no_combiner(abstract):
    with pytest.raises(TypeError, match="abstract"):
        abstract()


# As final estimators


BASES = [("neighbours", KNeighborsClassifier(5)), ("bayes", GaussianNB())]
STACKS = pytest.mark.parametrize("library", [stackit, ensemble], ids=["stackit", "scikit-learn"])


@all_classifiers
@STACKS
@few_or_more
@pytest.mark.parametrize("stack_method", ["auto", "predict"])
def test_classifiers_are_final_estimators_of_either_stack(combiner, library, width, stack_method):
    X, codes = load_iris(return_X_y=True)
    X, y = X[codes < width], np.array(["setosa", "versicolor", "virginica"])[codes[codes < width]]
    stack = library.StackingClassifier(BASES, combiner(), stack_method=stack_method, cv=3)
    found = stack.fit(X, y)
    assert found.predict(X).dtype == y.dtype
    assert found.score(X, y) > 0.9
    assert_allclose(found.predict_proba(X).sum(axis=1), 1)


@all_regressors
@STACKS
def test_regressors_are_final_estimators_of_either_stack(combiner, library):
    X, y = load_diabetes(return_X_y=True)
    bases = [("forest", RandomForestRegressor(10, random_state=0)), ("neighbours", KNeighborsRegressor(20))]
    stack = library.StackingRegressor(bases, combiner(), cv=3).fit(X[:200], y[:200])
    assert stack.score(X[200:], y[200:]) > 0.25


def test_decision_functions_of_two_classes_are_ranked_in_a_stack():
    X, codes = load_iris(return_X_y=True)
    bases = [("ridge", RidgeClassifier()), ("logistic", LogisticRegression())]
    stack = stackit.StackingClassifier(bases, final_estimator=RankClassifier())
    stack.fit(X[codes > 0], codes[codes > 0])
    assert stack.score(X[codes > 0], codes[codes > 0]) > 0.85


BASE = [("knn", KNeighborsRegressor())]
PASSED = {
    "a stack": lambda final: stackit.StackingRegressor(BASE, final, passthrough=True),
    "levels": lambda final: stackit.LevelsRegressor([BASE], final, passthrough=[0]),
    "a level": lambda final: stackit.LevelsRegressor(
        [BASE, stackit.Level([("own", final)], passthrough=np.array([0]))], MeanRegressor()
    ),
}


@pytest.mark.parametrize("ensemble", PASSED.values(), ids=PASSED)
def test_columns_of_x_are_no_predictions_to_be_averaged(ensemble):
    X, y = load_diabetes(return_X_y=True)
    for combiner in REGRESSORS:
        with pytest.raises(ValueError, match="would average columns of X as if they were predictions"):
            ensemble(combiner()).fit(X, y)
    ensemble(LinearRegression()).fit(X, y)
    n_weighed = 11 if ensemble is PASSED["a stack"] else 2
    weighted = ensemble(MeanRegressor(np.r_[1.0, np.zeros(n_weighed - 1)])).fit(X, y)
    alone = stackit.StackingRegressor(BASE, MeanRegressor()).fit(X, y)
    assert_allclose(weighted.predict(X), alone.predict(X))


def test_calibrated_combiners_see_no_columns_of_x_either():
    X, y = load_iris(return_X_y=True)
    for final in (TemperatureClassifier(), IsotonicClassifier(TemperatureClassifier(MeanClassifier()))):
        with pytest.raises(ValueError, match="would average columns of X as if they were predictions"):
            stackit.StackingClassifier([("nb", GaussianNB())], final, passthrough=True).fit(X, y)


def test_names_of_other_columns_may_begin_alike():
    random = np.random.default_rng(3)
    X = pd.DataFrame(random.normal(size=(60, 4)), columns=["num__a", "num__b", "cat__c", "cat__d"])
    y = X["num__a"] + random.normal(size=60)
    assert GreedyRegressor().fit(X, y).weights_.shape == (4,)
    members = [("ols", LinearRegression()), ("ridge", Ridge())]
    stack = stackit.StackingRegressor(members, MeanRegressor({"ols": 2, "ridge": 1}), cv=3, passthrough=True)
    assert stack.fit(X, y).final_estimator_.weights_.tolist()[2:] == [0, 0, 0, 0]
    versions = pd.DataFrame(random.uniform(size=(60, 2)), columns=["lgb__v1", "lgb__v2"])
    assert MeanClassifier().fit(versions, y > 0).weights_.tolist() == [0.5, 0.5]
