"""Quadratic calibration and structured matrix scaling: optima, limits, known distortions, symmetries."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit, logit, softmax
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from stackit.combine import (
    GreedyClassifier,
    MatrixScalingClassifier,
    QuadraticClassifier,
    TemperatureClassifier,
)

both = pytest.mark.parametrize(
    ("calibration", "n_classes"), [(QuadraticClassifier, 2), (MatrixScalingClassifier, 3)]
)


def drawn(seed, n, n_classes, spread=1.5):
    """Return labels that are drawn from probabilities, and these."""
    random = np.random.default_rng(seed)
    proba = softmax(spread * random.normal(size=(n, n_classes)), axis=1)
    y = (random.random((n, 1)) > proba.cumsum(axis=1)).sum(axis=1).clip(0, n_classes - 1)
    return y, proba


def columns(proba):
    return proba[:, 1:] if proba.shape[1] == 2 else proba


def mixed(proba, n):
    share = 1 / (n + 1)
    return (1 - share) * proba + share / proba.shape[1]


# Both


@both
def test_honest_probabilities_stay_nearly_as_they_are(calibration, n_classes):
    y, proba = drawn(0, 20_000, n_classes)
    found = calibration().fit(columns(proba), y).predict_proba(columns(proba))
    assert abs(found - proba).mean() < 0.01


@both
def test_a_weight_is_so_many_copies_of_the_row(calibration, n_classes):
    y, proba = drawn(1, 60, n_classes)
    weights = np.random.default_rng(0).integers(0, 4, 60)
    copies = np.repeat(np.arange(60), weights)
    weighted = calibration().fit(columns(proba), y, weights)
    repeated = calibration().fit(columns(proba[copies]), y[copies])
    assert_allclose(weighted.predict_proba(columns(proba)), repeated.predict_proba(columns(proba)), atol=1e-5)


@both
def test_a_strong_penalty_leaves_what_the_rows_say_of_the_temperature_or_nothing(calibration, n_classes):
    y, proba = drawn(2, 400, n_classes)
    sure = softmax(2.0 * np.log(proba), axis=1)
    found = calibration(penalty=1e9).fit(columns(sure), y).predict_proba(columns(sure))
    if n_classes == 2:
        assert_allclose(found, mixed(sure, 400), atol=1e-6)
    else:
        tempered = TemperatureClassifier(clip=1e-12).fit(mixed(sure, 400), y).predict_proba(mixed(sure, 400))
        assert_allclose(found, mixed(tempered, 400), atol=1e-6)


@both
def test_order_of_rows_does_not_matter_and_other_combiners_may_be_inside(calibration, n_classes):
    y, proba = drawn(3, 200, n_classes)
    two = np.hstack([columns(proba), columns(softmax(np.log(proba) * 0.5, axis=1))])
    order = np.random.default_rng(0).permutation(200)
    fitted = calibration(GreedyClassifier(n_steps=3)).fit(two, y)
    other = calibration(GreedyClassifier(n_steps=3)).fit(two[order], y[order])
    assert_allclose(fitted.predict_proba(two), other.predict_proba(two), atol=1e-5)
    assert fitted.combiner_.weights_.sum() == pytest.approx(1)


@both
def test_certain_probabilities_stay_finite(calibration, n_classes):
    y = np.arange(60) % n_classes
    hard = np.eye(n_classes)[np.where(np.arange(60) % 10, y, 0)]
    found = calibration().fit(columns(hard), y).predict_proba(columns(hard))
    assert np.isfinite(found).all()
    assert found.min() > 0
    assert log_loss(y, found) < 0.6


@both
@pytest.mark.parametrize("penalty", [-1.0, np.nan, "1"])
def test_a_penalty_that_is_none_is_refused(calibration, n_classes, penalty):
    y, proba = drawn(4, 30, n_classes)
    with pytest.raises(ValueError, match="penalty must be a number of at least 0, but penalty="):
        calibration(penalty=penalty).fit(columns(proba), y)


@both
def test_forests_are_calibrated_for_new_rows(calibration, n_classes):
    random = np.random.default_rng(5)
    X = random.normal(size=(1200, 6))
    y = (X[:, :n_classes] + 0.4 * random.normal(size=(1200, n_classes))).argmax(axis=1)
    forest = ExtraTreesClassifier(40, random_state=0).fit(X[:400], y[:400])
    proba = forest.predict_proba(X[400:])
    fitted = calibration().fit(columns(proba[:400]), y[400:800])
    after, before = (each[400:] for each in (fitted.predict_proba(columns(proba)), mixed(proba, 400)))
    assert log_loss(y[800:], after) < log_loss(y[800:], before)


# Quadratic


def test_a_known_curve_is_found_again():
    random = np.random.default_rng(6)
    odds = random.normal(size=50_000) * 1.5
    y = (random.random(50_000) < expit(0.4 + 1.5 * odds + 0.1 * odds**2)).astype(int)
    fitted = QuadraticClassifier().fit(expit(odds)[:, np.newaxis], y)
    assert_allclose(fitted.coefficients_[0], [0.4, 1.5, 0.1], atol=0.05)


def test_two_values_are_calibrated_to_their_shares():
    X = np.repeat([0.2, 0.9], 50)[:, np.newaxis]
    y = np.r_[np.arange(50) < 5, np.arange(50) < 40].astype(int)
    found = QuadraticClassifier(penalty=0).fit(X, y).predict_proba([[0.2], [0.9]])[:, 1]
    assert_allclose(found, [0.1, 0.8], atol=1e-5)


def test_without_a_bend_it_is_logistic_regression_on_log_odds_with_its_square():
    y, proba = drawn(7, 500, 2)
    odds = logit(mixed(proba, 500)[:, 1])
    powers = np.column_stack([odds, odds**2])
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(powers, y)
    ours = QuadraticClassifier(penalty=0).fit(columns(proba), y)
    assert_allclose(ours.coefficients_[0], [theirs.intercept_[0], *theirs.coef_[0]], atol=1e-4)


def test_no_row_changes_its_place():
    random = np.random.default_rng(8)
    odds = random.normal(size=400) * 2
    y = (random.random(400) < expit(0.3 * odds**2 - 2)).astype(int)  # a curve that falls and rises
    fitted = QuadraticClassifier().fit(expit(odds)[:, np.newaxis], y)
    wide = expit(np.linspace(-12, 12, 200))[:, np.newaxis]
    assert (np.diff(fitted.predict_proba(wide)[:, 1]) >= -1e-9).all()
    _, b, c = fitted.coefficients_[0]
    assert (b + 2 * c * fitted.ranges_ >= -1e-9).all()


def test_classes_may_change_places():
    y, proba = drawn(9, 300, 2)
    one = QuadraticClassifier().fit(proba[:, [1]], y)
    other = QuadraticClassifier().fit(proba[:, [0]], 1 - y)
    assert_allclose(one.predict_proba(proba[:, [1]]), other.predict_proba(proba[:, [0]])[:, ::-1], atol=1e-5)


def test_a_column_that_does_not_vary_is_calibrated_to_the_share():
    found = QuadraticClassifier(penalty=0).fit(np.full((40, 1), 0.5), np.arange(40) < 10)
    assert_allclose(found.predict_proba([[0.5]]), [[0.75, 0.25]], atol=1e-6)


def test_of_more_classes_each_is_calibrated_against_the_others():
    y, proba = drawn(10, 300, 3)
    fitted = QuadraticClassifier().fit(proba, y)
    each = [QuadraticClassifier().fit(proba[:, [at]], y == at) for at in range(3)]
    assert_allclose(fitted.coefficients_[1], each[1].coefficients_[0], atol=0.01)
    raw = np.column_stack([one.predict_proba(proba[:, [at]])[:, 1] for at, one in enumerate(each)])
    found = fitted.predict_proba(proba)
    assert_allclose(found, raw / raw.sum(axis=1, keepdims=True), atol=0.005)


# Matrix scaling


def objective(fitted, proba, y, penalty):
    """Return the penalised loss as a function of the change of matrix and biases, as the paper has it."""
    n, k = proba.shape
    tempered = softmax(np.log(mixed(proba, n)) / fitted.temperature_, axis=1)
    logits = np.log(mixed(tempered, n))
    logits = logits - logits.mean(axis=1, keepdims=True)
    off = ~np.eye(k, dtype=bool)

    def loss(flat):
        change = flat.reshape(k, k + 1)
        M, b = change[:, :-1], change[:, -1]
        found = softmax(logits @ (np.eye(k) + M).T + b, axis=1)
        ridge = k * (b**2).sum() + k * (np.diag(M) ** 2).sum() + k * (k - 1) * (M[off] ** 2).sum()
        return -np.log(found[np.arange(n), y]).mean() + penalty / n * ridge

    return loss


def test_the_matrix_is_the_optimum_of_the_penalised_loss():
    y, proba = drawn(11, 150, 3)
    proba = softmax(np.log(proba) @ np.array([[1.0, 0.3, 0], [0, 1.5, 0], [0.2, 0, 0.7]]), axis=1)
    fitted = MatrixScalingClassifier(penalty=0.5).fit(proba, y)
    loss = objective(fitted, proba, y, 0.5)
    point = np.column_stack([fitted.matrix_ - np.eye(3), fitted.intercept_]).ravel()
    assert_allclose(approx_fprime(point, loss, 1e-7), 0, atol=1e-5)
    other = minimize(loss, np.zeros(12), method="BFGS", options={"gtol": 1e-9})
    assert loss(point) <= other.fun + 1e-9
    assert_allclose(point, other.x, atol=1e-3)


def test_a_known_distortion_is_undone():
    y, proba = drawn(12, 40_000, 4)
    mixing = np.eye(4) + 0.4 * np.eye(4)[[1, 2, 3, 0]]
    bent = softmax(np.log(proba) @ mixing + [0.5, -0.5, 0, 0.3], axis=1)
    fitted = MatrixScalingClassifier().fit(bent, y)
    assert abs(fitted.predict_proba(bent) - proba).mean() < 0.01
    tempered = TemperatureClassifier().fit(bent, y).predict_proba(bent)
    assert abs(tempered - proba).mean() > 0.05


def test_classes_may_stand_in_any_order():
    y, proba = drawn(13, 300, 4)
    order = np.array([2, 0, 3, 1])
    place = np.argsort(order)
    one = MatrixScalingClassifier().fit(proba, y).predict_proba(proba)
    other = MatrixScalingClassifier().fit(proba[:, order], place[y]).predict_proba(proba[:, order])
    assert_allclose(other, one[:, order], atol=1e-5)


def test_with_few_rows_it_is_no_worse_than_the_temperature_and_with_many_better():
    losses, shift = {60: [], 6000: []}, np.array([0.6, 0, 0, -0.6, 0])
    for n, found in losses.items():
        for seed in range(5):
            y, proba = drawn(seed, n + 2000, 5)
            bent = softmax(np.log(proba) + shift, axis=1)
            new = bent[n:]
            by = [one.fit(bent[:n], y[:n]) for one in (MatrixScalingClassifier(), TemperatureClassifier())]
            found.append(np.subtract(*(log_loss(y[n:], each.predict_proba(new)) for each in by)))
    assert np.mean(losses[60]) < 0.02
    assert np.mean(losses[6000]) < -0.03


def test_two_classes_may_be_scaled_too():
    y, proba = drawn(14, 400, 2)
    found = MatrixScalingClassifier().fit(proba[:, [1]], y).predict_proba(proba[:, [1]])
    assert_allclose(found.sum(axis=1), 1)
    assert_array_equal(np.argsort(found[:, 1]), np.argsort(proba[:, 1]))
