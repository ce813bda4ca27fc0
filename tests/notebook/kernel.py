"""A real kernel of a notebook, without a browser: cells are run, and what they show is returned."""

from contextlib import contextmanager

import pytest


class Kernel:
    def __init__(self, client):
        self.client = client

    def run(self, code: str) -> list[dict]:
        """Return the messages of a cell: streams, displays, updates of displays, results."""
        shown = []

        def keep(message):
            if message["msg_type"] not in ("status", "execute_input"):
                shown.append({"type": message["msg_type"], **message["content"]})

        reply = self.client.execute_interactive(code, timeout=120, output_hook=keep)
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))
        return shown


@contextmanager
def running_kernel():
    """Run a kernel in a process of its own for as long as the context lasts."""
    pytest.importorskip("ipykernel")
    manager = pytest.importorskip("jupyter_client").manager
    with manager.run_kernel(kernel_name="python3") as client:
        yield Kernel(client)
