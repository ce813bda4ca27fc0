"""Columns are duplicates where they hold the same in all rows."""

import numpy as np
import pandas as pd

from stackit.tables.duplicates import duplicates_of

N = 1000
NUMBERS = np.random.default_rng(0).normal(size=N)


def test_equal_columns_are_duplicates_of_the_first():
    gaps = np.where(NUMBERS > 1, np.nan, NUMBERS)
    found = duplicates_of({"a": NUMBERS, "b": gaps, "c": NUMBERS.astype("f8"), "d": gaps.copy()})
    assert found == {"c": "a", "d": "b"}


def test_columns_that_differ_in_any_row_are_both_kept():
    for row in range(0, N, 37):
        other = NUMBERS.copy()
        other[row] += 1
        assert duplicates_of({"a": NUMBERS, "b": other}) == {}


def test_categories_that_split_the_rows_in_the_same_way_are_duplicates():
    codes = np.random.default_rng(0).integers(0, 3, N)
    letters, words = (pd.Categorical(np.array(levels)[codes]) for levels in ([*"abc"], ["z", "y", "x"]))
    merged = pd.Categorical(np.array(["z", "y", "y"])[codes])
    assert duplicates_of({"a": letters, "b": words, "c": merged}) == {"b": "a"}


def test_dates_and_numbers_are_never_duplicates():
    days = np.arange(N).astype("datetime64[s]")
    assert duplicates_of({"a": days, "b": np.arange(N) * 1.0, "c": days.copy()}) == {"c": "a"}
