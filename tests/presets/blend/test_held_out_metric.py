"""Scores as means of contributions, and the standard errors of their differences."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, make_scorer, roc_auc_score, root_mean_squared_error

from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.target import classification_target, regression_target


def halves(n):
    return tuple(np.array_split(np.arange(n), 2))


def test_areas_of_folds_are_averaged_and_do_not_compare_rows_across_folds():
    y = np.array([0, 1, 0, 1])
    second = np.array([0.1, 0.2, 0.8, 0.9])
    metric = HeldOutMetric(classification_target(y), halves(4), "roc_auc", np.ones(4))
    assert metric.estimate(metric.contributions(np.column_stack([1 - second, second])))[0] == 1.0


def test_several_classes_have_the_mean_of_their_areas():
    random = np.random.default_rng(2)
    y, proba = random.integers(0, 3, 90), softmax(random.normal(size=(90, 3)), axis=1)
    metric = HeldOutMetric(classification_target(y), (np.arange(90),), "roc_auc_ovr", np.ones(90))
    score = metric.estimate(metric.contributions(proba))[0]
    assert score == pytest.approx(roc_auc_score(y, proba, multi_class="ovr"))


def test_a_root_has_its_mean_and_the_error_that_draws_of_rows_have():
    random = np.random.default_rng(3)
    y, predicted = np.zeros(400), random.normal(size=(400, 1)) ** 3
    metric = HeldOutMetric(regression_target(y), halves(400), "neg_root_mean_squared_error", np.ones(400))
    score, error = metric.estimate(metric.contributions(predicted))
    assert score == pytest.approx(-root_mean_squared_error(y, predicted))
    draws = [np.sqrt((predicted[random.integers(0, 400, 400)] ** 2).mean()) for _ in range(500)]
    assert error == pytest.approx(np.std(draws), rel=0.15)


def test_the_error_of_a_difference_is_smaller_than_that_of_a_score():
    random = np.random.default_rng(4)
    y = random.normal(size=300)
    one = (y + random.normal(size=300))[:, np.newaxis]
    metric = HeldOutMetric(regression_target(y), halves(300), "r2", np.ones(300))
    contributions, other = (
        metric.contributions(one),
        metric.contributions(one + 0.1 * random.normal(size=(300, 1))),
    )
    assert metric.compare(contributions, other)[1] < metric.estimate(contributions)[1] / 2


def test_other_metrics_are_scored_by_folds_and_what_they_reject_is_left_out():
    def needs_both_classes(truth, predicted):
        if len(np.unique(truth)) < 2:
            raise ValueError("one class")
        return accuracy_score(truth, predicted)

    y = np.array([0, 0, 0, 0, 0, 1, 0, 1])
    second = np.array([0.1, 0.2, 0.3, 0.4, 0.3, 0.6, 0.7, 0.8])
    metric = HeldOutMetric(classification_target(y), halves(8), make_scorer(needs_both_classes), np.ones(8))
    contributions = metric.contributions(np.column_stack([1 - second, second]))
    assert contributions.tolist() == pytest.approx([np.nan, 0.75], nan_ok=True)
    assert metric.estimate(contributions)[0] == 0.75
