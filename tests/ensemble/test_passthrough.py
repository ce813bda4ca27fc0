"""Columns of X are chosen to be passed through."""

import numpy as np

from stackit.ensemble.passthrough import select_columns


def test_columns_are_chosen_in_the_order_that_is_given():
    assert select_columns([2, 0], np.arange(6).reshape(2, 3)).tolist() == [[2, 0], [5, 3]]
