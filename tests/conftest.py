"""What several test files share."""

import sys

import pytest
from hypothesis import settings

# Examples have no deadline: on a busy machine the first may take long. They are the same in every run,
# so that no change is refused for an example that has nothing to do with it.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


def pytest_collection_modifyitems(items):
    """Run the tests of polars last: the threads of its first query never end, and rule out forks."""
    items.sort(key=lambda item: "polars" in item.nodeid)


@pytest.fixture
def without_torch(monkeypatch):
    """Let the engine fork, as in a program without nets: the suite's own tests of nets have loaded torch."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)


@pytest.fixture(scope="module")
def single_torch_thread():
    """Let torch work in one thread: for networks this small, more threads cost more than they bring."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
