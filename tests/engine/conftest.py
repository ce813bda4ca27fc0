"""Fixtures of the tests of the engine."""

import pytest

from tests.engine.cases import ConcurrencyCounter


@pytest.fixture
def concurrency():
    ConcurrencyCounter.running = ConcurrencyCounter.most = ConcurrencyCounter.fits = 0
    return ConcurrencyCounter
