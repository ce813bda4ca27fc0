"""Fixtures of the tests of the engine."""

import pytest

from stackit.engine import executor
from tests.engine.cases import ConcurrencyCounter


@pytest.fixture
def forks(monkeypatch):
    """Let the engine fork: other tests may have left idle threads of worker pools behind."""
    monkeypatch.setattr(executor, "may_fork", lambda: True)


@pytest.fixture
def concurrency():
    ConcurrencyCounter.running = ConcurrencyCounter.most = ConcurrencyCounter.fits = 0
    return ConcurrencyCounter
