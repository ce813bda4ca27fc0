"""Nets as the bytes of their safetensors files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from stackit import images

__all__ = ["net_from_bytes", "net_to_bytes"]


def net_to_bytes(net: Any) -> bytes:
    """Return the content of the file of a fitted net, or of a `PretrainedNetwork`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        if hasattr(net, "save"):
            net.save(path)
        else:
            images.save_network(net, path)
        return path.read_bytes()


def net_from_bytes(kind: Any, data: bytes) -> Any:
    """Return the net of a class from the content of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        path.write_bytes(data)
        return kind.load(path) if hasattr(kind, "load") else images.load_network(path)
