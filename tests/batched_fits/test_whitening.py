"""Roots of pseudo-inverses, by hand."""

import numpy as np

from stackit.batched_fits.gaussian.whitening import whitening_of_rows, whitening_of_scatter


def test_the_root_of_a_scatter_has_no_part_along_a_constant_column():
    F = whitening_of_scatter(np.diag([4.0, 0.0]), 1e-8)
    assert F.up(F.down(np.eye(2))).round(12).tolist() == [[0.25, 0.0], [0.0, 0.0]]


def test_the_root_of_rows_has_no_part_outside_them():
    F = whitening_of_rows(np.array([[3.0, 0.0, 0.0]]), np.zeros((1, 0)), 1e-8)
    assert F.up(F.down(np.array([[9.0], [1.0], [1.0]]))).round(12).ravel().tolist() == [1.0, 0.0, 0.0]
