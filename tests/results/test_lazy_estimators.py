"""Fold estimators that a store lacks are fitted on first use, together and once."""

import copy
import pickle

import pytest

from stackit.results.lazy_estimators import LazyFoldEstimators


@pytest.fixture
def lazy():
    calls = []

    def fit(missing):
        calls.append(missing)
        return [f"fitted {at}" for at in missing]

    estimators = LazyFoldEstimators(["first", None, "third", None], fit)
    estimators.calls = calls
    return estimators


def test_what_is_missing_is_fitted_together_on_first_use_and_once(lazy):
    assert len(lazy) == 4
    assert repr(lazy) == "LazyFoldEstimators(2 of 4 fitted, the others on first use)"
    assert lazy.calls == []
    assert lazy[3] == "fitted 3"
    assert list(lazy) == ["first", "fitted 1", "third", "fitted 3"]
    assert lazy[1:3] == ["fitted 1", "third"]
    assert lazy.calls == [[1, 3]]


def test_a_part_fits_nothing_until_it_is_used_and_shares_what_is_fitted(lazy):
    part = lazy.restrict([2, 3])
    assert lazy.calls == []
    assert list(part) == ["third", "fitted 3"]
    assert list(lazy)[3] == "fitted 3"
    assert lazy.calls == [[1, 3]]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_and_pickles_are_plain_lists(lazy, copied):
    again = copied(lazy)
    assert type(again) is list
    assert again == lazy
    assert lazy != 3
