"""Sums of products of rows that are sorted by class, by hand."""

import numpy as np
import pytest

from stackit.batched_fits.gaussian.class_moments import by_class, diagonal, pooled, squares

ROWS = np.array([[1.0, 2.0], [3.0, 0.0]])


@pytest.mark.parametrize(
    ("scatter_fn", "expected"),
    [
        (squares, [[1.0, 4.0], [9.0, 0.0]]),
        (diagonal, [10.0, 4.0]),
        (pooled, [[10.0, 2.0], [2.0, 4.0]]),
        (by_class, [[[1.0, 2.0], [2.0, 4.0]], [[9.0, 0.0], [0.0, 0.0]]]),
    ],
)
def test_scatter_of_one_row_per_class(scatter_fn, expected):
    assert scatter_fn(ROWS, np.array([0, 1, 2])).tolist() == expected


def test_squares_are_summed_within_each_class():
    rows = np.array([*ROWS, [1.0, 1.0]])
    assert squares(rows, np.array([0, 2, 3])).tolist() == [[10.0, 4.0], [1.0, 1.0]]
