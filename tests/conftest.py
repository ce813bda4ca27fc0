"""What several test files share."""

import sys

import pytest


@pytest.fixture
def without_torch(monkeypatch):
    """Let the engine fork, as in a program without nets: the suite's own tests of nets have loaded torch."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
