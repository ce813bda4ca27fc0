"""Fixtures of the tests of ensembles."""

import pytest
import sklearn

from tests.doubles import CountingRidge


@pytest.fixture(autouse=True)
def reset_counting_ridge():
    CountingRidge.fits, CountingRidge.predictions = {}, {}


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield
