"""Fixtures of the tests of the engine."""

import pytest

from tests.engine.cases import Watched


@pytest.fixture
def watched():
    Watched.running = Watched.most = Watched.fits = 0
    return Watched
