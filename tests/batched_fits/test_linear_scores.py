"""Scores and probabilities of linear models, by hand."""

import numpy as np

from stackit.batched_fits.linear_scores import batched_scores, probabilities


def test_a_score_of_zero_makes_two_classes_equally_likely():
    assert probabilities(np.array([[0.0]])).tolist() == [[0.5, 0.5]]


def test_each_fold_has_its_own_coefficients_and_intercept():
    coefs = [np.array([[1.0, 2.0]]).T, np.array([[3.0, 4.0]]).T]
    scores = batched_scores(np.eye(2), coefs, [np.array([0.0]), np.array([1.0])])
    assert [table.ravel().tolist() for table in scores] == [[1.0, 2.0], [4.0, 5.0]]
