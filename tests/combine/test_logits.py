"""Combiners on logarithms, and calibration after a combiner: optima, limits, and what may not change."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, logit, softmax
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from stackit import StackingClassifier, make_folds, out_of_fold
from stackit.combine import (
    ConvexClassifier,
    ConvexRegressor,
    GeometricClassifier,
    GreedyClassifier,
    HillClimbClassifier,
    IsotonicClassifier,
    LogisticClassifier,
    MeanClassifier,
    MeanRegressor,
    TemperatureClassifier,
)
from stackit.combine.logistic import ROUGH_GAIN, STRENGTHS, _derivatives, _loss, _minimum, _prior, _scores
from stackit.combine.temperature import COLDEST, HOTTEST

SEEDS = st.integers(0, 2**31 - 1)
N = 150
quick = settings(max_examples=6, deadline=None, derandomize=True)
few_or_more = pytest.mark.parametrize("width", [2, 3])
calibrations = pytest.mark.parametrize("calibration", [TemperatureClassifier, IsotonicClassifier])


def problem(rng, width, k=3, n=N):
    """Return labels, and (n, k, width) probabilities that know of them, each in its own degree."""
    y = rng.permutation(np.arange(n) % width)
    scores = rng.normal(size=(n, k, width)) + np.eye(width)[y][:, np.newaxis] * rng.uniform(0, 2, (k, 1))
    return y, softmax(scores, axis=2)


def columns(blocks):
    return blocks[:, :, 1] if blocks.shape[2] == 2 else blocks.reshape(len(blocks), -1)


# Logistic regression on logarithms


@few_or_more
@quick
@given(seed=SEEDS, C=st.sampled_from([0.1, 10.0, 1000.0]))
def test_logistic_weights_are_the_optimum_of_the_penalised_log_loss(width, seed, C):
    rng = np.random.default_rng(seed)
    y, blocks = problem(rng, width)
    weights, logs = rng.random(N) + 0.1, np.log(blocks)
    share = weights / weights.sum()
    fitted = LogisticClassifier(C=C).fit(columns(blocks), y, weights)

    def loss(point):
        scores = np.einsum("nmc,m->nc", logs, point[:3]) + point[3:]
        penalty = (np.sum((point[:3] - 1 / 3) ** 2) + np.sum(point[3:] ** 2)) / (2 * C)
        return -share @ np.log(softmax(scores, axis=1)[np.arange(N), y]) + penalty

    ours = np.r_[fitted.weights_, fitted.intercept_]
    theirs = minimize(loss, np.zeros(3 + width), method="BFGS", options={"gtol": 1e-7})
    assert loss(ours) <= theirs.fun + 1e-12
    assert_allclose(ours, theirs.x, atol=1e-3)
    assert_allclose(fitted.intercept_.sum(), 0, atol=1e-9)


def test_two_classes_with_hardly_a_penalty_are_logistic_regression_on_log_odds():
    y, blocks = problem(np.random.default_rng(0), 2, n=600)
    fitted = LogisticClassifier(C=1e9).fit(columns(blocks), y)
    theirs = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(logit(blocks[:, :, 1]), y)
    assert_allclose(fitted.weights_, theirs.coef_[0], rtol=1e-4)
    assert_allclose(fitted.intercept_[1] - fitted.intercept_[0], theirs.intercept_[0], atol=1e-4)


@few_or_more
def test_little_c_leaves_the_geometric_mean(width):
    y, blocks = problem(np.random.default_rng(1), width)
    X = columns(blocks)
    drawn = LogisticClassifier(C=1e-9).fit(X, y).predict_proba(X)
    assert_allclose(drawn, GeometricClassifier().fit(X, y).predict_proba(X), atol=1e-8)


def test_derivatives_are_those_of_differences_in_chunks_of_any_size(monkeypatch):
    rng = np.random.default_rng(2)
    y, blocks = problem(rng, 3)
    logs, target, share, point = np.log(blocks), np.eye(3)[y], rng.random(N) / N, rng.normal(size=6)
    slope, curve = _derivatives(logs, target, share / share.sum(), point)
    monkeypatch.setattr("stackit.combine.logistic.CHUNK", 100)
    in_parts = _derivatives(logs, target, share / share.sum(), point)
    assert_allclose(in_parts[0], slope, rtol=1e-10, atol=1e-14)
    assert_allclose(in_parts[1], curve, rtol=1e-10, atol=1e-14)

    def at(moved):
        return _loss(_scores(logs, moved[:3], moved[3:]), target, share / share.sum())

    steps = 1e-6 * np.eye(6)
    assert_allclose(slope, [(at(point + step) - at(point - step)) / 2e-6 for step in steps], atol=1e-8)
    slopes = [
        _derivatives(logs, target, share / share.sum(), point + step)[0]
        - _derivatives(logs, target, share / share.sum(), point - step)[0]
        for step in steps
    ]
    assert_allclose(curve, np.array(slopes) / 2e-6, atol=1e-7)


def test_a_strength_is_chosen_by_cross_validation():
    rng = np.random.default_rng(3)
    y, blocks = problem(rng, 2, n=2000)
    chosen = LogisticClassifier(C=None).fit(columns(blocks), y)
    assert chosen.C_ in STRENGTHS
    same = LogisticClassifier(C=chosen.C_).fit(columns(blocks), y)
    assert_array_equal(same.weights_, chosen.weights_)
    # Eight estimators that are one and the same but for noise: there is nothing to learn but their mean.
    evidence = rng.normal(size=(80, 1))
    y = (rng.random(80) < expit(evidence[:, 0])).astype(int)
    alike = expit(evidence + 0.5 * rng.normal(size=(80, 8)))
    assert LogisticClassifier(C=None).fit(alike, y).C_ < LogisticClassifier().C


def test_estimators_that_are_too_modest_together_get_weights_of_sum_above_one():
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 4000)
    evidence = (2 * y - 1)[:, np.newaxis] * 0.5 + rng.normal(size=(4000, 4))
    X = 1 / (1 + np.exp(-evidence))  # the log-odds of each alone are exactly its evidence
    fitted = LogisticClassifier(C=1e6).fit(X, y)
    assert_allclose(fitted.weights_, 1, atol=0.15)


def test_a_start_nearby_ends_at_the_same_optimum():
    rng = np.random.default_rng(3)
    y, blocks = problem(rng, 3, n=300)
    logs, target, share = np.log(blocks), np.eye(3)[y], np.full(300, 1 / 300)
    point = _prior(logs)
    for C in STRENGTHS:
        point = _minimum(logs, target, share, C, point, ROUGH_GAIN)
        assert_allclose(point, _minimum(logs, target, share, C, _prior(logs)), atol=1e-6)


@pytest.mark.parametrize(
    ("combiner", "text"),
    [
        (LogisticClassifier(C="1"), "C must be a number above 0, or None to choose it, but C='1'"),
        (LogisticClassifier(clip="a"), "clip must be above 0 and below 0.5, for example 1e-6, but clip='a'"),
        (GeometricClassifier(clip="a"), "clip must be above 0 and below 0.5, for example 1e-6, but clip='a'"),
        (
            IsotonicClassifier(clip="a"),
            "clip must be at least 0 and below 0.5, for example 1e-4, but clip='a'",
        ),
        (GreedyClassifier(n_steps=2.5), "n_steps one of at least 0, but .*n_steps=2.5"),
        (GreedyClassifier(n_bags="x"), "n_bags must be a whole number of at least 1.*n_bags='x'"),
        (HillClimbClassifier(precision="a"), "precision must be above 0 and at most 0.25, but precision='a'"),
        (MeanClassifier("abc"), "weights must be None or 1 numbers of at least 0, not all 0.*They are 'abc'"),
    ],
)
def test_what_is_no_number_is_refused_by_its_name(combiner, text):
    with pytest.raises(ValueError, match=text):
        combiner.fit([[0.1], [0.9]], [0, 1])


@pytest.mark.parametrize("C", [0, -1.0, np.inf, np.nan])
def test_a_strength_that_is_none_is_refused(C):
    with pytest.raises(ValueError, match="C must be a number above 0, or None to choose it, but C="):
        LogisticClassifier(C=C).fit([[0.1], [0.9]], [0, 1])


# Temperature


@few_or_more
@quick
@given(seed=SEEDS)
def test_no_other_temperature_has_less_loss_and_no_decision_changes(width, seed):
    rng = np.random.default_rng(seed)
    y, blocks = problem(rng, width)
    X, weights = columns(blocks), rng.random(N) + 0.1
    before = MeanClassifier().fit(X, y)
    fitted = TemperatureClassifier().fit(X, y, weights)
    assert_array_equal(fitted.predict(X), before.predict(X))
    found = log_loss(y, fitted.predict_proba(X), sample_weight=weights)
    for temperature in np.geomspace(COLDEST, HOTTEST, 50):
        fitted.temperature_ = temperature
        assert found <= log_loss(y, fitted.predict_proba(X), sample_weight=weights) + 1e-12


def test_a_known_temperature_is_found_again():
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(20_000, 3)) * 2
    chances = softmax(scores, axis=1)
    y = (rng.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    too_sure = softmax(2.5 * scores, axis=1)
    assert_allclose(TemperatureClassifier().fit(too_sure, y).temperature_, 2.5, rtol=0.05)


def test_temperatures_end_at_their_bounds():
    X, y = np.array([[0.1], [0.2], [0.8], [0.9]]), np.array([0, 0, 1, 1])
    assert TemperatureClassifier().fit(X, y).temperature_ == COLDEST
    assert TemperatureClassifier().fit(X, 1 - y).temperature_ == HOTTEST
    assert TemperatureClassifier().fit(np.full((4, 1), 0.5), y).temperature_ == HOTTEST


# Isotonic regression


def test_two_classes_are_one_isotonic_regression_of_the_second():
    rng = np.random.default_rng(6)
    y, blocks = problem(rng, 2)
    X, weights = columns(blocks), rng.random(N)
    fitted = IsotonicClassifier(clip=0).fit(X, y, weights)
    blend = X.mean(axis=1)
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(blend, y, weights)
    assert_allclose(fitted.predict_proba(X)[:, 1], theirs.predict(blend), atol=1e-9)
    assert len(fitted.curves_) == 1


@few_or_more
@quick
@given(seed=SEEDS)
def test_isotonic_calibration_keeps_the_order_of_rows_and_lessens_the_squared_error(width, seed):
    y, blocks = problem(np.random.default_rng(seed), width)
    X = columns(blocks)
    before = MeanClassifier().fit(X, y).predict_proba(X)
    fitted = IsotonicClassifier(clip=0).fit(X, y)
    bent = np.column_stack([fitted._calibrated(before)])
    for at in range(width):
        assert (np.diff(bent[np.argsort(before[:, at]), at]) >= -1e-12).all()
        truth = y == at
        assert brier_score_loss(truth, bent[:, at]) <= brier_score_loss(truth, before[:, at]) + 1e-12
    assert_allclose(fitted.predict_proba(X), bent / bent.sum(axis=1, keepdims=True), atol=1e-12)


def test_isotonic_probabilities_are_kept_off_zero_and_one():
    X, y = [[0.1], [0.2], [0.8], [0.9]], [0, 0, 1, 1]
    found = IsotonicClassifier(clip=0.01).fit(X, y).predict_proba([[0.0], [1.0]])
    assert_allclose(found, [[0.99, 0.01], [0.01, 0.99]])
    with pytest.raises(ValueError, match=r"clip must be at least 0 and below 0\.5, .*but clip=0\.5"):
        IsotonicClassifier(clip=0.5).fit(X, y)


# After another combiner


@calibrations
@few_or_more
def test_a_calibration_is_of_what_its_combiner_says_alone(calibration, width):
    y, blocks = problem(np.random.default_rng(7), width)
    X = columns(blocks)
    both = calibration(ConvexClassifier()).fit(X, y)
    blend = ConvexClassifier().fit(X, y)
    assert_array_equal(both.combiner_.weights_, blend.weights_)
    said = blend.predict_proba(X)
    after = calibration().fit(said[:, 1:] if width == 2 else said, y)
    assert_allclose(
        both.predict_proba(X), after.predict_proba(said[:, 1:] if width == 2 else said), atol=1e-9
    )


@calibrations
def test_calibrations_go_around_each_other_and_into_stacks(calibration):
    y, blocks = problem(np.random.default_rng(8), 3)
    X = blocks.reshape(N, -1)
    bases = [("bayes", GaussianNB()), ("knn", KNeighborsClassifier())]
    final = calibration(IsotonicClassifier(MeanClassifier({"knn": 2, "bayes": 1})))
    stack = StackingClassifier(bases, final, cv=3).fit(X, y)
    inner = stack.final_estimator_.combiner_.combiner_
    assert_allclose(inner.weights_, [1 / 3, 2 / 3])
    assert_allclose(stack.predict_proba(X).sum(axis=1), 1)
    assert clone(final).set_params(combiner__clip=0.2).combiner.clip == 0.2


@calibrations
@pytest.mark.parametrize("wrong", [LogisticRegression(), ConvexRegressor(), "mean"])
def test_what_is_no_combiner_of_classes_is_not_calibrated(calibration, wrong):
    with pytest.raises(ValueError, match=r"combiner must be a classifier of stackit.combine, or None"):
        calibration(wrong).fit([[0.1], [0.9]], [0, 1])


def test_a_calibrated_combiner_is_honest_when_it_is_cross_fitted():
    rng = np.random.default_rng(9)
    y, blocks = problem(rng, 2, n=3000)
    X = np.clip((columns(blocks) - 0.5) * 0.4 + 0.5, 0, 1)  # far too modest
    final = TemperatureClassifier(ConvexClassifier())
    oof = out_of_fold([("plain", ConvexClassifier()), ("calm", final)], X, y, cv=5, scoring="neg_log_loss")
    assert oof.summary["whole"]["calm"] > oof.summary["whole"]["plain"] + 0.02


# Weights by name


def test_given_weights_may_be_named():
    meta = pd.DataFrame({"a": [0.2, 0.9], "b": [0.4, 0.7], "c": [0.1, 0.8]})
    named = MeanClassifier({"c": 1, "a": 3}).fit(meta, [0, 1])
    assert named.named_weights_ == {"a": 0.75, "b": 0.0, "c": 0.25}
    placed = MeanClassifier([3, 0, 1]).fit(meta, [0, 1])
    assert_array_equal(named.predict_proba(meta), placed.predict_proba(meta))
    three = pd.DataFrame(np.full((3, 6), 1 / 3), columns=[f"{e}__{c}" for e in "ab" for c in "xyz"])
    assert GeometricClassifier({"b": 1}).fit(three, list("xyz")).weights_.tolist() == [0, 1]
    assert MeanRegressor({"x1": 1}).fit([[1, 2], [3, 4]], [1, 2]).weights_.tolist() == [0, 1]


def test_weights_of_an_estimator_that_is_not_there_are_refused():
    text = r"weights name d, but the estimators are a, b\. Use their names"
    with pytest.raises(ValueError, match=text):
        MeanRegressor({"a": 1, "d": 2}).fit(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), [1, 2])
    with pytest.raises(ValueError, match="weights must be None or 2 numbers of at least 0, not all 0"):
        MeanRegressor({"a": 0}).fit(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), [1, 2])


def test_stacks_tell_their_combiners_the_names():
    y, blocks = problem(np.random.default_rng(10), 3)
    X = blocks.reshape(N, -1)
    bases = [("bayes", GaussianNB()), ("knn", KNeighborsClassifier())]
    cv = make_folds(y, n_splits=3)
    stack = StackingClassifier(bases, GeometricClassifier({"knn": 1}), cv=cv).fit(X, y)
    assert stack.final_estimator_.named_weights_ == {"bayes": 0.0, "knn": 1.0}
    assert_allclose(stack.predict_proba(X), stack.transform(X)[:, 3:], atol=1e-5)


# Weights of at least 0


@few_or_more
@quick
@given(seed=SEEDS, C=st.sampled_from([1.0, 30.0, 1000.0]))
def test_nonnegative_logistic_weights_are_the_optimum_among_these(width, seed, C):
    rng = np.random.default_rng(seed)
    y, blocks = problem(rng, width)
    blocks[:, 0] = softmax(-np.log(blocks[:, 0]), axis=1)  # a free weight would be negative
    weights = rng.random(N) + 0.1
    fitted = LogisticClassifier(C=C, nonnegative=True).fit(columns(blocks), y, weights)
    logs, target = np.log(blocks.clip(1e-6, 1 - 1e-6)), np.eye(width)[y]
    share, prior = weights / weights.sum(), _prior(logs)

    def loss(point):
        return (
            _loss(_scores(logs, point[:3], point[3:]), target, share) + ((point - prior) ** 2).sum() / 2 / C
        )

    bounds = [(0, None)] * 3 + [(None, None)] * width
    theirs = minimize(loss, prior, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-9})
    ours = np.r_[fitted.weights_, fitted.intercept_]
    assert (fitted.weights_ >= 0).all()
    assert loss(ours) <= theirs.fun + 1e-10
    assert_allclose(ours, theirs.x, atol=1e-3)


@few_or_more
def test_where_free_weights_are_above_0_the_bound_changes_nothing(width):
    y, blocks = problem(np.random.default_rng(0), width)
    free = LogisticClassifier(C=1.0).fit(columns(blocks), y)
    bounded = LogisticClassifier(C=1.0, nonnegative=True).fit(columns(blocks), y)
    assert free.weights_.min() > 0
    assert_allclose(bounded.weights_, free.weights_, atol=1e-6)
    assert_allclose(bounded.intercept_, free.intercept_, atol=1e-6)


def test_a_strength_is_not_chosen_for_weights_of_at_least_0():
    with pytest.raises(ValueError, match="Pass a number for C with nonnegative=True"):
        LogisticClassifier(C=None, nonnegative=True).fit([[0.1], [0.9]], [0, 1])
