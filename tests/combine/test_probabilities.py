"""Logarithms of probabilities, by hand."""

import numpy as np

from stackit.combine.probabilities import log_probabilities


def test_logarithms_are_those_of_clipped_probabilities():
    found = log_probabilities(np.array([0.0, 1.0]), clip=0.01)
    np.testing.assert_array_equal(found, np.log([0.01, 0.99]))
