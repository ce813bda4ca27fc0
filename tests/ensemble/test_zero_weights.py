"""Columns with the weight zero are known."""

from stackit.combine import MeanRegressor
from stackit.ensemble.zero_weights import unused_columns


def test_a_weight_of_zero_leaves_a_column_unused():
    mean = MeanRegressor(weights=[1, 0, 1]).fit([[1, 2, 3], [4, 5, 6]], [1, 2])
    assert unused_columns(mean).tolist() == [False, True, False]
