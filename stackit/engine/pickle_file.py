"""Pickles in files, of which the arrays are read where they lie."""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["PickleFile", "file_path", "length_of", "pickled_parts", "read_parts", "write_parts"]

ALIGNMENT = 64  # bytes, of the arrays in a file


class PickleFile:
    """A pickle in memory that other processes read by its path, as long as this process keeps the object.

    Examples
    --------
    >>> import cloudpickle, numpy as np
    >>> file = PickleFile({"table": np.arange(3)}, cloudpickle.dumps)
    >>> PickleFile.read(file.path)["table"].tolist()
    [0, 1, 2]
    >>> file.close()
    """

    def __init__(self, value: Any, dumps: Callable[..., bytes]) -> None:
        parts = pickled_parts(value, dumps)
        file = os.memfd_create("stackit")
        self.path = file_path(file)
        self.close = weakref.finalize(self, os.close, file)
        os.ftruncate(file, length_of(parts))
        write_parts(file, 0, parts)

    @staticmethod
    def read(path: str) -> Any:
        """Return what a file holds; what is written into its arrays is seen by nothing else."""
        file = os.open(path, os.O_RDONLY)
        try:
            return read_parts(file, 0, os.fstat(file).st_size)
        finally:
            os.close(file)


def file_path(file: int) -> str:
    """Return the path by which other processes can open a file of this one that has no name."""
    return f"/proc/{os.getpid()}/fd/{file}"


def pickled_parts(value: Any, dumps: Callable[..., bytes] = pickle.dumps) -> list[memoryview]:
    """Return the sizes of the parts of a pickle, the pickle without its arrays, and the arrays."""
    buffers: list[pickle.PickleBuffer] = []
    head = dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
    sizes = struct.pack(f"<{len(parts) + 1}Q", len(parts), *map(len, parts))
    return [memoryview(sizes), *parts]


def length_of(parts: list[memoryview]) -> int:
    """Return how many bytes the parts take in a file."""
    return sum(_padded(len(part)) for part in parts)


def write_parts(file: int, at: int, parts: list[memoryview]) -> None:
    """Write the parts of a pickle into a file."""
    for part in parts:
        left, position = part, at
        while len(left):
            written = os.pwrite(file, left, position)
            left, position = left[written:], position + written
        at += _padded(len(part))


def read_parts(file: int, start: int, length: int) -> Any:
    """Return the object of which the parts lie in a file, from a position that a page begins at."""
    mapped = memoryview(mmap.mmap(file, length, access=mmap.ACCESS_COPY, offset=start))
    (n_parts,) = struct.unpack_from("<Q", mapped)
    sizes = struct.unpack_from(f"<{n_parts}Q", mapped, 8)
    parts, at = [], _padded(8 + 8 * n_parts)
    for size in sizes:
        parts.append(mapped[at : at + size])
        at += _padded(size)
    return pickle.loads(parts[0], buffers=parts[1:])


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
