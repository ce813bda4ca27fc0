"""A bench compares with all peers or fails: no column is dropped because a library is not installed."""

from importlib.util import find_spec

import pytest

PEERS = ("hillclimbers", "mlxtend", "pytabkit", "skorch", "tabm", "vecstack")


@pytest.fixture(autouse=True)
def _all_peers_are_installed(request):
    missing = [name for name in PEERS if find_spec(name) is None]
    if missing and request.node.get_closest_marker("bench"):
        names = ", ".join(missing)
        pytest.fail(f"Not installed: {names}. Run `make bench`, or pip install -e '.[bench]'.", pytrace=False)
