"""Scorers are found by name."""

import pytest

from stackit.estimators.scoring import scorer_of
from stackit.target import regression_target


def test_an_unknown_scorer_is_refused_by_name():
    with pytest.raises(ValueError, match=r"scoring must be the name of .*; got scoring='best'"):
        scorer_of("best", regression_target([1.0, 2.0]))
