"""Rows are matched by the labels of their index."""

import pandas as pd
import pytest

from stackit.arrays.rows import ids_by_rows, is_plain, order_of


@pytest.mark.parametrize(("index", "expected"), [(pd.RangeIndex(3), True), (pd.Index([2, 0, 1]), False)])
def test_row_numbers_in_order_are_a_plain_index(index, expected):
    assert is_plain(index) is expected


def test_wanted_labels_are_found_by_position():
    assert order_of(pd.Index(["a", "b"]), pd.Index(["b", "a"])) == [1, 0]


def test_a_series_of_ids_is_put_in_the_order_of_the_rows():
    ids = pd.Series(["a", "b"], index=[7, 9])
    assert ids_by_rows(pd.Index([9, 7]), ids).tolist() == ["b", "a"]
