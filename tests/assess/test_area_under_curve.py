"""The area under the ROC curve as a mean of contributions: DeLong's variance, and weights as copies."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from stackit.assess import area_contributions


def test_the_area_is_the_mean_of_contributions_and_delong_their_variance():
    random = np.random.default_rng(0)
    y, score = random.integers(0, 2, 80), random.normal(size=80).round(1)
    proba = np.column_stack([1 - expit(score), expit(score)])
    found = area_contributions(proba, y, np.ones(80))
    assert found.mean() == pytest.approx(roc_auc_score(y, score))
    pairs = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (score[y == 1][:, None] == score[y == 0])
    delong = pairs.mean(axis=1).var() / (y == 1).sum() + pairs.mean(axis=0).var() / (y == 0).sum()
    assert found.var() / 80 == pytest.approx(delong)


def test_weights_of_an_area_are_copies_of_rows():
    random = np.random.default_rng(1)
    y, score, weights = random.integers(0, 2, 60), random.random(60), random.integers(1, 4, 60)
    proba, copies = np.column_stack([1 - score, score]), np.repeat(np.arange(60), weights)
    weighted = area_contributions(proba, y, weights.astype(float))
    repeated = area_contributions(proba[copies], y[copies], np.ones(len(copies)))
    np.testing.assert_allclose(weighted[copies], repeated)
