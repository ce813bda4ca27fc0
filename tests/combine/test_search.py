"""Searches by a metric: what is fast agrees with scikit-learn, and no end is worse than its start."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import make_scorer, roc_auc_score

from stackit import make_folds, out_of_fold
from stackit.combine import (
    ConvexRegressor,
    GreedyClassifier,
    GreedyRegressor,
    HillClimbClassifier,
    HillClimbRegressor,
)
from stackit.combine.search.greedy import class_target, number_target
from stackit.combine.search.metrics import ScorerMetric, areas_under_curve
from stackit.combine.search.objective import CHUNK, BlendObjective, SquaredErrors, objective_of

SEEDS = st.integers(0, 2**31 - 1)
N = 80
quick = settings(max_examples=8, deadline=None, derandomize=True)
BINARY = ["neg_log_loss", "neg_brier_score", "accuracy", "roc_auc"]
SEVERAL = ["neg_log_loss", "neg_brier_score", "accuracy", "roc_auc_ovr"]
NUMBERS = ["r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error"]
CASES = [(2, scoring) for scoring in BINARY] + [(3, scoring) for scoring in SEVERAL]
searches = pytest.mark.parametrize("search", [GreedyClassifier, HillClimbClassifier])


def classes(rng, width, k=4):
    y = rng.permutation(np.arange(N) % width)
    raw = rng.random((N, k, width)) + np.eye(width)[y][:, np.newaxis] * rng.random((k, 1))
    return y, raw / raw.sum(axis=2, keepdims=True)


def columns(blocks):
    return blocks[:, :, 1] if blocks.shape[2] == 2 else blocks.reshape(len(blocks), -1)


def target_of(y, width):
    return class_target(np.arange(width), np.eye(width)[y])


# Metrics


@quick
@given(seed=SEEDS, n=st.integers(2, 60), levels=st.integers(1, 30), weighted=st.booleans())
def test_areas_are_those_of_scikit_learn_also_with_ties(seed, n, levels, weighted):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, levels, (3, n)) / levels, rng.random(n) < 0.5
    positive[:2] = True, False
    weights = rng.random(n) + 0.1 if weighted else np.ones(n)
    theirs = [roc_auc_score(positive, row, sample_weight=weights) for row in scores]
    assert_allclose(areas_under_curve(scores, positive, weights), theirs, atol=1e-12)


def test_an_area_without_a_negative_is_one_half():
    assert areas_under_curve(np.array([[0.1, 0.2]]), np.array([True, True]), np.ones(2)).tolist() == [0.5]


@pytest.mark.parametrize(("width", "scoring"), CASES)
@quick
@given(seed=SEEDS, weighted=st.booleans())
def test_fast_metrics_of_classes_are_those_of_scikit_learn(width, scoring, seed, weighted):
    rng = np.random.default_rng(seed)
    y, blocks = classes(rng, width)
    weights = rng.random(N) + 0.1 if weighted else np.ones(N)
    target = target_of(y, width)
    assert_steps_agree(rng, objective_of(scoring, blocks, target, weights), scoring, blocks, target, weights)


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("scoring", NUMBERS)
@quick
@given(seed=SEEDS, weighted=st.booleans())
def test_fast_metrics_of_numbers_are_those_of_scikit_learn(width, scoring, seed, weighted):
    rng = np.random.default_rng(seed)
    y, weights = rng.normal(size=(N, width)), rng.random(N) + 0.1 if weighted else np.ones(N)
    blocks, target = y[:, np.newaxis] + rng.normal(size=(N, 4, width)), number_target(y)
    fast = objective_of(scoring, blocks, target, weights)
    assert isinstance(fast, SquaredErrors) == (scoring != "neg_mean_absolute_error")
    assert_steps_agree(rng, fast, scoring, blocks, target, weights)


def assert_steps_agree(rng, fast, scoring, blocks, target, weights):
    """Steps from any blend, forward and back, score as scikit-learn's scorer says; so does a moved blend."""
    slow = BlendObjective(blocks.transpose(1, 0, 2).copy(), ScorerMetric(scoring, target, weights))
    shares = rng.dirichlet(np.ones(4))
    places, steps = np.array([0, 1, 2, 3, 3]), np.r_[rng.random(4), -0.3]
    for objective in (fast, slow):
        objective.start(shares)
    assert_allclose(fast.score_steps(places, steps), slow.score_steps(places, steps), atol=1e-10)
    for objective in (fast, slow):
        objective.move(2, 0.4)
    assert_allclose(fast.weights, slow.weights)
    assert_allclose(fast.score_steps(places, steps), slow.score_steps(places, steps), atol=1e-10)


def test_candidates_are_scored_alike_alone_and_in_chunks():
    rng = np.random.default_rng(0)
    y, table = rng.integers(0, 3, 50_000), rng.dirichlet(np.ones(3), (50_000, 5))
    objective = objective_of("neg_log_loss", table, target_of(y, 3), np.ones(50_000))
    assert table[:, 0].size < CHUNK < table.size
    places, steps = np.arange(5), np.linspace(0.1, 0.5, 5)
    alone = [objective.score_steps(places[[at]], steps[[at]])[0] for at in range(5)]
    assert_allclose(objective.score_steps(places, steps), alone, rtol=1e-12)


# Searches


@searches
@pytest.mark.parametrize(("width", "scoring"), [*CASES, (2, "f1"), (3, "balanced_accuracy")])
@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_no_search_ends_worse_than_the_best_estimator_or_the_mean(search, width, scoring, seed):
    y, blocks = classes(np.random.default_rng(seed), width)
    found = search(scoring).fit(columns(blocks), y).weights_
    target = target_of(y, width)
    metric = ScorerMetric(scoring, target, np.ones(N))
    starts = np.vstack([np.eye(4), np.full(4, 0.25)])
    assert metric(np.einsum("nmc,m->nc", blocks, found)[np.newaxis])[0] >= (
        metric(np.einsum("nmc,sm->snc", blocks, starts)).max() - 1e-9
    )
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("search", [GreedyRegressor(), HillClimbRegressor(negative_weights=False)])
@quick
@given(seed=SEEDS)
def test_shares_are_at_least_zero_with_sum_one_and_near_the_optimum(search, seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=N)
    X = y[:, np.newaxis] + rng.normal(size=(N, 5))
    found, best = search.fit(X, y).weights_, ConvexRegressor().fit(X, y).weights_
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1)
    errors = [((X @ shares - y) ** 2).mean() for shares in (found, best)]
    assert errors[1] - 1e-12 <= errors[0] <= errors[1] * 1.01


def test_negative_weights_find_a_difference():
    rng = np.random.default_rng(1)
    y, shared = rng.normal(size=(2, N))
    X = np.column_stack([y + 2 * shared, y + shared])
    assert_allclose(HillClimbRegressor().fit(X, y).weights_, [-1, 2], atol=0.01)
    assert_allclose(HillClimbRegressor(negative_weights=False).fit(X, y).weights_, [0, 1])


def test_selection_by_hand():
    # (0, 4) aimed at 1: first alone (error 1), then (0 + 0 + 0 + 4) / 4 is exact.
    assert_allclose(GreedyRegressor(n_steps=3).fit([[0, 4], [0, 4]], [1, 1]).weights_, [0.75, 0.25])
    assert_allclose(GreedyRegressor(n_steps=0).fit([[0, 4], [0, 4]], [1, 1]).weights_, [1, 0])


def test_bags_are_drawn_by_the_seed_and_averaged():
    y, blocks = classes(np.random.default_rng(2), 2, k=9)
    seeded = [GreedyClassifier(n_bags=7, random_state=seed) for seed in (0, 0, 1)]
    made = [search.fit(columns(blocks), y).weights_ for search in seeded]
    assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any()
    assert made[0].sum() == pytest.approx(1)
    alone = GreedyClassifier().fit(columns(blocks), y).weights_
    whole = GreedyClassifier(n_bags=3, bag_fraction=1.0).fit(columns(blocks), y).weights_
    assert_allclose(whole, alone)


@searches
def test_a_scorer_that_takes_no_weights_is_called_without(search):
    def share_right(y, predicted):
        return (np.asarray(y) == predicted).mean()

    y, blocks = classes(np.random.default_rng(3), 2)
    weights = np.linspace(1, 2, N)
    own = search(make_scorer(share_right)).fit(columns(blocks), y, weights).weights_
    assert_allclose(own, search("accuracy").fit(columns(blocks), y).weights_)


@searches
def test_random_labels_stay_random_by_cross_fitting(search):
    rng = np.random.default_rng(4)
    X, y = rng.random((600, 20)), rng.integers(0, 2, 600)
    folds = make_folds(y, scheme="stratified", n_splits=5, random_state=0)
    stack = out_of_fold([("stack", search("roc_auc"))], X, y, cv=folds, n_jobs=1)
    inside = roc_auc_score(y, search("roc_auc").fit(X, y).predict_proba(X)[:, 1])
    honest = roc_auc_score(y, stack.meta_train["stack"])
    assert inside > 0.55  # which is why the score climbed by is not kept
    assert abs(honest - 0.5) < 0.07
    flipped = y.copy()
    flipped[0] = 1 - y[0]
    again = out_of_fold([("stack", search("roc_auc"))], X, flipped, cv=folds, n_jobs=1)
    assert again.meta_train["stack"].iloc[0] == stack.meta_train["stack"].iloc[0]


@pytest.mark.parametrize(
    ("search", "text"),
    [
        (
            GreedyClassifier(n_bags=0),
            "n_bags must be a whole number of at least 1, and n_steps",
        ),
        (GreedyClassifier(bag_fraction=2), "bag_fraction must be above 0 and at most 1, but bag_fraction=2"),
        (HillClimbClassifier(precision=0), "precision must be above 0 and at most 0.25, but precision=0"),
        (HillClimbClassifier("best"), "scoring must be the name of a scikit-learn scorer"),
    ],
)
def test_unusable_settings_are_refused(search, text):
    with pytest.raises(ValueError, match=text.replace(".", r"\.")):
        search.fit([[0.1, 0.2], [0.9, 0.7]], [0, 1])


def test_numbers_that_do_not_vary_have_no_share_explained():
    X = np.array([[0.0, 1.0], [2.0, 1.0]])
    assert GreedyRegressor("r2").fit(X, [1.0, 1.0]).predict(X).tolist() == [1, 1]


@pytest.mark.parametrize("scoring", ["neg_root_mean_squared_log_error", "neg_mean_squared_log_error"])
def test_blends_that_a_metric_refuses_are_passed_by(scoring):
    rng = np.random.default_rng(5)
    y = np.exp(rng.normal(size=N))
    X = np.exp(2 * rng.normal(size=(N, 3))) + y[:, np.newaxis]
    for search in (HillClimbRegressor(scoring), GreedyRegressor(scoring)):
        climbed = search.fit(X, y)
        metric = ScorerMetric(scoring, number_target(y[:, np.newaxis]), np.ones(N))
        own = metric(climbed.predict(X).reshape(1, N, 1))[0]
        assert own >= metric(X.T[:, :, np.newaxis]).max()
        assert np.isfinite(own)
    low = np.column_stack([X, X[:, 0] - 2 * X[:, 0].max()])  # one of four is refused by itself
    assert GreedyRegressor(scoring).fit(low, y).weights_[3] == 0


@pytest.mark.parametrize("search", [GreedyRegressor, HillClimbRegressor])
def test_a_start_that_the_metric_refuses_is_an_error(search):
    text = "scoring cannot score the predictions: "
    with pytest.raises(ValueError, match=text):
        search("neg_mean_squared_log_error").fit([[-3.0, -2.0], [-4.0, -5.0]], [1.0, 2.0])


@searches
def test_the_area_of_several_classes_is_named_where_that_of_two_is_requested(search):
    y, blocks = classes(np.random.default_rng(3), 3)
    with pytest.raises(ValueError, match="Pass scoring='roc_auc_ovr'"):
        search("roc_auc").fit(columns(blocks), y)


def test_a_metric_that_is_nan_from_the_start_is_refused():
    with pytest.raises(ValueError, match="the score is NaN"):
        GreedyRegressor(lambda *_: float("nan")).fit([[1, 2], [2, 3], [3, 5]], [1, 2, 3])


def test_a_tie_of_the_classes_is_half_a_pair_in_the_right_order():
    scores, positive = np.array([[0.1, 0.4, 0.4, 0.8]]), np.array([False, False, True, True])
    assert areas_under_curve(scores, positive, np.ones(4)).tolist() == [0.875]
