"""Log-likelihoods of Gaussian classes, by hand, and where they are exact enough."""

import numpy as np
import pytest

from stackit.batched_fits.gaussian.likelihoods import GaussianParams, is_accurate, log_likelihoods

PARAMS = GaussianParams(np.log([0.5, 0.5]), np.array([[0.0], [2.0]]), np.ones((2, 1)), 2.0)


def test_log_likelihoods_are_those_of_the_normal_density():
    # log(1/2) - log(2 pi) / 2 = -1.612 at the first mean; (0 - 2)^2 / 2 less for the second.
    (found,) = log_likelihoods(np.array([[0.0]]), np.array([1.0]), [PARAMS])
    assert found.round(3).tolist() == [[-1.612, -3.612]]


@pytest.mark.parametrize(("far", "expected"), [(1e3, True), (1e8, False)])
def test_log_likelihoods_of_a_row_far_from_all_classes_are_inexact(far, expected):
    assert is_accurate(np.array([[-3.0, -1.0], [-far, -far]]), PARAMS) is expected
