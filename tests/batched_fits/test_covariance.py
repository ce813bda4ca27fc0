"""Shrunk covariances, by hand."""

import numpy as np
import pytest

from stackit.batched_fits.gaussian.covariance import ledoit_wolf, shrunk
from stackit.batched_fits.gaussian.parameters import is_shrinkage


@pytest.mark.parametrize(
    ("value", "expected"), [(None, True), ("auto", True), (0.5, True), (2.0, False), (True, False)]
)
def test_shrinkage_is_none_auto_or_a_number_from_0_to_1(value, expected):
    assert is_shrinkage(value) is expected


def test_shrinking_by_half_goes_half_way_to_the_mean_variance():
    assert shrunk(np.diag([1.0, 3.0]), 0.5).tolist() == [[1.5, 0.0], [0.0, 2.5]]


def test_shrinkage_of_ledoit_and_wolf_by_formula():
    # Of scaled columns, a = 1/2 and b = 1/4: the correlation of 1/sqrt(2) is halved, variances stay.
    X = np.array([[0.0, 0.0], [2.0, 2.0], [1.0, 0.0], [1.0, 2.0]])
    found = ledoit_wolf(X, X.mean(axis=0), np.cov(X.T, bias=True))
    assert found.round(3).tolist() == [[0.5, 0.25], [0.25, 1.0]]
