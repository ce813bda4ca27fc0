"""What a worker process does: run the tasks that it is sent, and send back what comes of them."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
import sklearn
from joblib import parallel_config

from stackit.engine.fold_batching import AnyTask
from stackit.engine.fork_server import import_modules
from stackit.engine.pickle_file import PickleFile
from stackit.engine.serialization import SharedContext, dump_outcome, loads
from stackit.engine.training_data import TrainingData

__all__ = ["Reply", "enter", "load_context", "load_data", "surroundings", "work", "work_on_loaded"]

# Where libraries read at their import how many threads they shall have.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Reply(Enum):
    """What became of a task in a worker."""

    DONE = "done, and the outcome follows"
    STUCK = "the task or its outcome cannot be sent"
    INTERRUPTED = "interrupted as by the user"
    DIED = "the worker is dead"


class _Loaded:
    """What a process has loaded for its copies."""

    data: TrainingData
    context: SharedContext


def work(connection: Connection, task_of: Callable[[Any], AnyTask], data: TrainingData, inner: str) -> None:
    """Run the tasks that messages stand for, until None arrives; an estimator's own jobs run in `inner`."""
    # An interrupt by the keyboard reaches the program too, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A library that a fit imports sets its threads then, over the limit around the fit.
    os.environ.update(dict.fromkeys(THREADS, "1"))
    with parallel_config(inner):
        while (message := connection.recv()) is not None:
            reply, payload = _reply_to(message, task_of, data)
            _flush_output()
            connection.send(reply)
            if reply is Reply.DONE:
                connection.send_bytes(payload)


def work_on_loaded(connection: Connection, inner: str) -> None:
    """Run pickled tasks, with what this process or its original has loaded, and end."""
    work(connection, lambda packed: loads(packed, _Loaded.context), _Loaded.data, inner)
    sys.exit()


def load_data(path: str) -> bool:
    """Load the tables of a run, and return whether that can be done."""
    try:
        _Loaded.data = PickleFile.read(path)
    except Exception:  # noqa: BLE001 - unpickling runs code of the caller's tables
        return False
    return True


def load_context(path: str, modules: list[str]) -> bool:
    """Load what the tasks of a run share, and import modules that they need."""
    import_modules(modules, sys.path)
    try:
        parts, _Loaded.data.preparations = PickleFile.read(path)
    except Exception:  # noqa: BLE001 - unpickling runs code of the caller's
        return False
    _Loaded.context = SharedContext(_Loaded.data, parts)
    return True


def surroundings() -> bytes:
    """Return what fits may depend on in this process, pickled."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:  # it has been deleted
        folder = ""
    # Each by itself: to load one with a class of torch's imports torch.
    filters = [(one[2].__module__, cloudpickle.dumps(one)) for one in warnings.filters]
    found = (folder, sys.path, dict(os.environ), filters, sklearn.get_config())
    return bytes(cloudpickle.dumps(found))


def enter(packed: bytes) -> None:
    """Take over the surroundings of another process."""
    folder, path, environment, filters, config = pickle.loads(packed)
    with suppress(OSError):  # the folder has been deleted
        os.chdir(folder)
    sys.path[:] = path
    known = [pickle.loads(one) for module, one in filters if module in sys.modules]
    warnings.filters[:] = known  # type: ignore[index]
    os.environ.clear()
    os.environ.update(environment)
    sklearn.set_config(**config)


def _reply_to(message: Any, task_of: Callable[[Any], AnyTask], data: TrainingData) -> tuple[Reply, bytes]:
    try:
        task = task_of(message)
    except Exception:  # noqa: BLE001 - unpickling runs code of the estimator
        return Reply.STUCK, b""
    try:
        payload = dump_outcome(task.run(data))
    except KeyboardInterrupt:
        return Reply.INTERRUPTED, b""
    return (Reply.DONE, payload) if payload else (Reply.STUCK, b"")


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # None, or closed
            stream.flush()
