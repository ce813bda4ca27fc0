"""Objects that forked processes share: each is made by one of them and read by all."""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import tempfile
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import cloudpickle

from stackit.engine.memory import memory_limit
from stackit.engine.pickle_file import file_path, length_of, pickled_parts, read_parts, write_parts

try:
    import fcntl
except ImportError:  # Windows, which has no fork either
    fcntl = None  # type: ignore[assignment]

__all__ = ["SharedPickles", "pickle_or_cloudpickle"]

MOST_BYTES = 1 << 30
MOST_OBJECTS = 4096
ENTRY = struct.Struct("<QQ")  # where an object begins in the file, and its length
DATA = MOST_OBJECTS * ENTRY.size  # the entries come first
REFUSED = (1, 0)


class SharedPickles:
    """Objects in a file without a name, which other processes have open as well.

    Those are the processes forked from this one, and those that have loaded a pickle of this object.

    The first process that gets an object makes it; those that want it meanwhile wait. Arrays are read where
    they lie in the file; what is written into one is seen by nothing else. The system deletes the file with
    the last process that has it open, also where all are killed.

    Parameters
    ----------
    most_bytes : int, optional
        Of all objects together; one that would be too much is made by each process that gets it.

    Examples
    --------
    >>> import numpy as np
    >>> shared = SharedPickles()
    >>> number = shared.reserve()
    >>> for _ in range(2):
    ...     print(shared.get(number, lambda: print("made") or (np.arange(3), True)))
    made
    [0 1 2]
    [0 1 2]
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self.most_bytes = _most_bytes() if most_bytes is None else most_bytes
        self._file = -1
        self._locks: list[threading.Lock] = []  # a lock of the file is one of a process, not of a thread
        self._growing = threading.Lock()

    def reserve(self) -> int | None:
        """Return the number of a new object, before processes are forked; None where there can be no more."""
        if fcntl is None or len(self._locks) == MOST_OBJECTS:
            return None
        try:
            if self._file < 0:
                with tempfile.TemporaryFile() as file:
                    self._keep_open(os.dup(file.fileno()))
                os.ftruncate(self._file, DATA)
        except OSError:
            return None
        self._locks.append(threading.Lock())
        return len(self._locks) - 1

    def get(self, number: int, make: Callable[[], tuple[Any, bool]]) -> Any:
        """Return an object; `make` makes it, and says whether others may have it."""
        with self._locks[number], self._locked(number * ENTRY.size):
            start, length = self._entry(number)
            if not start:
                made, is_for_all = make()
                self._enter(number, self._written(made) if is_for_all else REFUSED)
                return made
        return make()[0] if (start, length) == REFUSED else read_parts(self._file, start, length)

    def is_refused(self, number: int) -> bool:
        """Whether each process has to make an object for itself."""
        return self._entry(number) == REFUSED

    def __getstate__(self) -> dict[str, Any]:
        """Be pickled for processes that are not forked from this one, while this one keeps the file."""
        path = file_path(self._file) if self._file >= 0 else None
        return {"most_bytes": self.most_bytes, "path": path, "n_objects": len(self._locks)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["most_bytes"])  # type: ignore[misc]
        if state["path"] is not None:
            self._keep_open(os.open(state["path"], os.O_RDWR))
        self._locks = [threading.Lock() for _ in range(state["n_objects"])]

    def _keep_open(self, file: int) -> None:
        self._file = file
        weakref.finalize(self, os.close, file)

    def _entry(self, number: int) -> tuple[int, ...]:
        return ENTRY.unpack(os.pread(self._file, ENTRY.size, number * ENTRY.size))

    def _enter(self, number: int, entry: tuple[int, int]) -> None:
        os.pwrite(self._file, ENTRY.pack(*entry), number * ENTRY.size)

    def _written(self, made: Any) -> tuple[int, int]:
        """Write an object behind the others, and return its entry."""
        try:
            parts = pickled_parts(made)
            length = length_of(parts)
            start = self._allocate(length)
            if start is None:
                return REFUSED
            write_parts(self._file, start, parts)
        except Exception:  # noqa: BLE001 - pickling runs code of the object; a disk may be full
            return REFUSED
        return start, length

    def _allocate(self, length: int) -> int | None:
        with self._growing, self._locked(DATA):
            size = os.fstat(self._file).st_size
            start = -(-size // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
            if start + length > self.most_bytes:
                return None
            os.ftruncate(self._file, start + length)
        return start

    @contextmanager
    def _locked(self, at: int) -> Generator[None, None, None]:
        """Hold the lock of a byte of the file, which ends with the process at the latest."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, at)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, at)


def pickle_or_cloudpickle(value: Any) -> bytes:
    """Pickle a value by reference, else by value: a class of the main script is the same in all processes."""
    try:
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001 - pickling runs code of the value
        return bytes(cloudpickle.dumps(value))


def _most_bytes() -> int:
    """Return how many bytes are kept: at most an eighth of the memory that the process may use."""
    return min(MOST_BYTES, (memory_limit() or 8 * MOST_BYTES) // 8)
