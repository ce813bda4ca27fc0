"""Nets as bytes: those that stackit trains, and pretrained ones for photographs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from stackit import images

__all__ = ["net_as_bytes", "net_of_bytes"]

PRETRAINED = "PretrainedNetwork"
FILE = "net.safetensors"


def net_as_bytes(net: Any) -> bytes:
    """Return what the file of a net holds.

    Parameters
    ----------
    net : estimator of stackit.neural, fitted, or PretrainedNetwork

    Raises
    ------
    ValueError
        When a file cannot hold it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        if type(net).__name__ == PRETRAINED:
            images.save_network(net, path)
        else:
            net.save(path)
        return path.read_bytes()


def net_of_bytes(kind: Any, data: bytes) -> Any:
    """Return the net of such a file.

    Parameters
    ----------
    kind : type
        The class that it is to be of.
    data : bytes
        What `net_as_bytes` gave.

    Raises
    ------
    ValueError
        When it is something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_bytes(data)
        return images.load_network(path) if kind.__name__ == PRETRAINED else kind.load(path)
