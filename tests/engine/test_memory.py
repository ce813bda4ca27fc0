"""The memory that a process may use."""

import subprocess
import sys

import pytest

from stackit.engine import memory
from stackit.engine.memory import memory_limit

resource = pytest.importorskip("resource")
SCRIPT = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from stackit.engine.memory import memory_limit
print(memory_limit() == 3 << 30)
"""


def test_a_limit_of_the_process_counts():
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(memory_limit() >= 3 << 30)


@pytest.mark.parametrize(("text", "limit"), [("1048576\n", 1 << 20), ("max\n", None)])
def test_a_limit_of_the_container_counts(tmp_path, monkeypatch, text, limit):
    monkeypatch.setattr(memory, "OF_CONTAINER", tmp_path / "memory.max")
    plain = memory_limit()  # without a container
    (tmp_path / "memory.max").write_text(text)
    assert memory_limit() == (plain if limit is None else limit)
