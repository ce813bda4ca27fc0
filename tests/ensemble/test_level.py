"""Levels are read from lists, and know how many fits they take."""

import pytest
from sklearn.linear_model import Ridge

from stackit import Level
from stackit.ensemble.level import as_levels, count_fits

PAIR = [("a", Ridge()), ("b", Ridge(2))]


def test_a_list_of_pairs_is_a_level():
    (level,) = as_levels([PAIR])
    assert isinstance(level, Level)
    assert level.estimators == PAIR


@pytest.mark.parametrize(
    ("nested", "refit", "expected"),
    [(False, False, [10, 10]), (True, False, [50, 10]), (False, True, [12, 12])],
)
def test_each_level_takes_a_fit_per_estimator_and_fold(nested, refit, expected):
    assert count_fits([Level(PAIR), Level(PAIR, nested=nested)], 5, refit=refit) == expected
