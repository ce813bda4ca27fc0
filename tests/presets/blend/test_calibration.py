"""Calibration of members: where it pays, without a row's own label, and never for a worse loss."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn.metrics import log_loss

from stackit import make_folds
from stackit.combine import MatrixScalingClassifier, QuadraticClassifier
from stackit.presets.blend.calibration import calibrate_member
from stackit.target import classification_target, regression_target


def member(n_classes, n=1500, power=1.0, seed=0):
    """Return labels, and probabilities that are too careful where the power is below 1."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(n, n_classes))
    truth = softmax(logits, axis=1)
    y = (random.random((n, 1)) > truth.cumsum(axis=1)).sum(axis=1).clip(0, n_classes - 1)
    return y, softmax(power * logits, axis=1)


def calibrated(y, proba, n_splits=5, **options):
    folds = make_folds(y, n_splits=n_splits, random_state=0)
    return calibrate_member(proba, classification_target(y), folds, **options), folds


@pytest.mark.parametrize(("n_classes", "kind"), [(2, QuadraticClassifier), (4, MatrixScalingClassifier)])
def test_members_that_are_too_careful_are_calibrated_for_old_and_new_rows(n_classes, kind):
    y, proba = member(n_classes, 3000, power=0.4)
    (found, calibrator), _ = calibrated(y[:1500], proba[:1500])
    assert isinstance(calibrator.combiner, kind)
    assert log_loss(y[:1500], found) == pytest.approx(
        log_loss(y[:1500], proba[:1500]) - calibrator.gain, abs=0.01
    )
    new = calibrator.predict(proba[1500:])
    assert log_loss(y[1500:], new) < log_loss(y[1500:], proba[1500:]) - 0.03


@pytest.mark.parametrize("n_classes", [2, 3])
def test_honest_members_stay_as_they_are(n_classes):
    y, proba = member(n_classes)
    (found, calibrator), _ = calibrated(y, proba)
    assert calibrator is None
    assert_allclose(found, proba, rtol=1e-12)


def test_no_row_is_calibrated_by_the_labels_of_its_fold():
    y, proba = member(2, power=0.4)
    (before, _), folds = calibrated(y, proba)
    held_out = folds.splits[0][1]
    other = y.copy()
    other[held_out[:30]] = 1 - other[held_out[:30]]
    after, _ = calibrate_member(proba, classification_target(other), folds)
    assert_allclose(after[held_out], before[held_out], rtol=1e-9)
    assert abs(after - before).max() > 1e-4


@pytest.mark.parametrize("n_classes", [2, 3])
def test_calibrated_noise_is_no_better_than_the_shares_of_the_classes(n_classes):
    losses = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        y = random.permutation(np.arange(300) % n_classes)
        (found, _), _ = calibrated(y, softmax(random.normal(size=(300, n_classes)), axis=1), n_splits=2)
        losses.append(log_loss(y, found) - np.log(n_classes))
    assert np.mean(losses) > -3 * np.std(losses) / np.sqrt(20)


def test_few_rows_and_numbers_are_not_calibrated():
    y, proba = member(2, 150, power=0.3)
    assert calibrated(y, proba)[0][1] is None
    numbers = np.arange(300.0)
    found, calibrator = calibrate_member(
        numbers + 1, regression_target(numbers), make_folds(numbers, scheme="kfold", n_splits=3)
    )
    assert calibrator is None
    assert_allclose(found[:, 0], numbers + 1)


def test_zeros_of_a_forest_are_no_reason_to_calibrate_and_no_infinite_loss():
    y, proba = member(3)
    hard = np.where(proba < 0.05, 0, proba)
    (found, _), _ = calibrated(y, hard / hard.sum(axis=1, keepdims=True))
    assert np.isfinite(found).all()
