"""The solvers of linear discriminant analysis: which one, and its coefficient by hand."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stackit.batched_fits.gaussian.class_moments import ClassMoments
from stackit.batched_fits.gaussian.lda_solvers import LdaFold, solve, solver_of


@pytest.mark.parametrize(("d", "expected"), [(10, "_svd_of_columns"), (100, "_svd_of_rows")])
def test_a_fold_with_more_columns_than_rows_is_solved_in_the_space_of_the_rows(d, expected):
    assert solver_of(LinearDiscriminantAnalysis(), d, 3, 50).__name__ == expected


def test_the_coefficient_is_the_distance_of_the_means_over_the_variance():
    X, codes = np.array([[0.0], [2.0], [8.0], [10.0]]), np.array([0, 0, 1, 1])
    lda = LinearDiscriminantAnalysis()
    moments = ClassMoments(np.array([2.0, 2.0]), np.array([[1.0], [9.0]]), np.array([[4.0]]))
    found = solve(solver_of(lda, 1, 2, 4), LdaFold(lda, X, codes, np.arange(4), moments))
    np.testing.assert_allclose(found["coef_"], [[8.0]], rtol=1e-12)
