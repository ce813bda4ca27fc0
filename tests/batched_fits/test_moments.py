"""Statistics of the cells of a table, by hand."""

import numpy as np

from stackit.batched_fits.moments import centred_table, origin_of


def table_of(X, cells):
    return centred_table(X, np.zeros((len(X), 0)), cells, None, np.zeros(X.shape[1]))


def test_a_cell_is_centred_at_its_mean():
    table = table_of(np.array([[1.0], [3.0]]), [np.array([0, 1])])
    assert table.values[0].tolist() == [[-1.0], [1.0]]
    assert (table.centre.tolist(), table.scatter.tolist()) == ([[2.0]], [[[2.0]]])


def test_a_factor_of_zero_leaves_a_cell_out():
    table = table_of(np.array([[1.0], [3.0], [8.0]]), [np.array([0]), np.array([1]), np.array([2])])
    moments = table.merged(np.array([1.0, 1.0, 0.0]))
    assert (moments.weight, moments.mean.tolist(), moments.scatter.tolist()) == (2.0, [2.0], [[2.0]])


def test_the_origin_is_near_the_middle_of_columns_far_from_zero():
    assert origin_of(np.array([[1e9, 0.0], [1e9 + 2.0, 4.0]])).tolist() == [1e9 + 1.0, 2.0]
