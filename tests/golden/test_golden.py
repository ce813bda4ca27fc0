"""The results of small configurations are those that were frozen, to the bit.

After a change of results that is wanted, freeze them again: `python -m tests.golden --freeze NAME ...`.
"""

import pytest

from tests.golden.configurations import CONFIGURATIONS
from tests.golden.freeze import compare_with_frozen, frozen, run


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_results_are_those_that_were_frozen(name):
    assert compare_with_frozen(name, run(name), frozen()) == []


def test_every_frozen_configuration_is_still_there():
    assert sorted(frozen()["configurations"]) == sorted(CONFIGURATIONS)
