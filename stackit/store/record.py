"""A finished fit as a store keeps it, and as bytes that start with a checksum."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Key", "Stored", "from_bytes", "read_metadata", "to_bytes"]

MAGIC = b"stackit result 1"
# The first line: the magic, a space, and the sha256 in hexadecimal.
HEAD = len(MAGIC) + 1 + 64 + 1


class Key(NamedTuple):
    """The key of a result.

    Parameters
    ----------
    fit : str
        The digest of everything that the fitted estimator and its held-out predictions depend on.
    test : str
        The digest of the test table; empty if no test predictions are needed, and then the result of the
        same fit with any test table will do.
    """

    fit: str
    test: str = ""

    def __str__(self) -> str:
        return f"{self.fit}-{self.test}" if self.test else self.fit


@dataclass(frozen=True, eq=False)
class Stored:
    """The stored result of a finished task.

    Parameters
    ----------
    held_out : (n_held_out, width) array
        The predictions for the rows held out.
    test : (m, width) array, optional
        The predictions for the test rows.
    metadata : dict
        The columns of `DiskStore.list`: estimator, repeat, fold, seconds.
    estimator : estimator, optional
        The fitted estimator, if the store can keep it (a file cannot, without pickle).
    """

    held_out: npt.NDArray[Any]
    test: npt.NDArray[Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    estimator: Any = None


def to_bytes(stored: Stored) -> bytes:
    """Return a result as bytes: a line with the checksum of the rest, a line of JSON, and ``.npy`` arrays.

    A ValueError says that an array holds objects, which cannot be written without pickle.

    Examples
    --------
    >>> to_bytes(Stored(np.zeros((1, 1)), metadata={"estimator": "ridge"})).splitlines()[1]
    b'{"estimator": "ridge", "arrays": 1}'
    """
    arrays = [values for values in (stored.held_out, stored.test) if values is not None]
    body = io.BytesIO()
    body.write(json.dumps({**stored.metadata, "arrays": len(arrays)}).encode() + b"\n")
    for values in arrays:
        np.lib.format.write_array(body, values, allow_pickle=False)
    content = body.getvalue()
    return MAGIC + b" " + hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def from_bytes(data: bytes) -> Stored:
    """Return the result that `to_bytes` wrote; a ValueError says that the bytes are damaged.

    Nothing is parsed before the checksum has been compared.

    Examples
    --------
    >>> from_bytes(to_bytes(Stored(np.ones((2, 1))))).held_out.tolist()
    [[1.0], [1.0]]
    >>> from_bytes(b"stackit result 1 torn")
    Traceback (most recent call last):
        ...
    ValueError: the checksum is wrong
    """
    content = data[HEAD:]
    if data[:HEAD] != MAGIC + b" " + hashlib.sha256(content).hexdigest().encode() + b"\n":
        raise ValueError("the checksum is wrong")
    body = io.BytesIO(content)
    metadata = json.loads(body.readline())
    n_arrays = min(metadata["arrays"], 2)
    if n_arrays < 1:
        raise ValueError("it holds no predictions")
    held_out, *test = [np.lib.format.read_array(body, allow_pickle=False) for _ in range(n_arrays)]
    metadata = {name: value for name, value in metadata.items() if name != "arrays"}
    return Stored(held_out, test[0] if test else None, metadata)


def read_metadata(file: io.BufferedIOBase) -> dict[str, Any]:
    """Return the metadata of an open file, without reading its arrays or comparing its checksum."""
    file.seek(HEAD)
    metadata = json.loads(file.readline(1 << 16))
    return metadata if isinstance(metadata, dict) else {}
