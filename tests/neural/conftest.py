"""The tests of neural use one thread of torch."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def one_thread(single_torch_thread):
    """Let torch work in one thread in every module of this folder."""
