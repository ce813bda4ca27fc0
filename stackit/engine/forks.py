"""Where workers are forked: from this process, or from a fork server that has loaded the same."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import weakref
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar, Protocol

import cloudpickle

from stackit.arrays.isolation import INSTALLED
from stackit.engine.fold_batching import AnyTask
from stackit.engine.fork_server import ForkServer, HasThreadsError, fork_server, import_modules
from stackit.engine.parent_death import end_with_parent
from stackit.engine.pickle_file import PickleFile
from stackit.engine.serialization import SharedContext, dumps
from stackit.engine.task import Task
from stackit.engine.training_data import TrainingData
from stackit.engine.worker import enter, load_context, load_data, surroundings, work, work_on_loaded

__all__ = ["Forks", "LocalForks", "ServerForks", "UnsendableError"]


class UnsendableError(RuntimeError):
    """Raised where what all tasks share cannot be sent to another process."""


class Forks(Protocol):
    """Where workers are forked, and how a task is sent to them."""

    def start(self, inner: str) -> tuple[Any, Connection]:
        """Start a worker, and return its process and the connection to it."""

    def may_start_more(self) -> bool:
        """Whether it is safe to start another one now."""

    def message(self, at: int) -> Any:
        """Return what a worker is sent for the task of this number."""


class LocalForks:
    """Forks this process, which has the tables and the tasks in memory."""

    def __init__(self, tasks: list[AnyTask], data: TrainingData) -> None:
        self.tasks, self.data = tasks, data
        self.n_threads = threading.active_count()
        for kind in _kinds_in(tasks):
            # Classes of functions or the main script come back as the same classes: cloudpickle numbers a
            # class that it cannot import when it first pickles it, and recognises the number.
            with suppress(Exception):
                cloudpickle.dumps(kind)

    def start(self, inner: str) -> tuple[Any, Connection]:
        """Start a worker, and return its process and the connection to it."""
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        process = context.Process(target=self._work, args=(there, os.getpid(), inner))
        process.start()
        there.close()
        return process, here

    def may_start_more(self) -> bool:
        """Whether the caller has started no thread meanwhile."""
        return threading.active_count() <= self.n_threads

    def message(self, at: int) -> int:
        """Return the number: a worker has the tasks."""
        return at

    def _work(self, connection: Connection, parent: int, inner: str) -> None:
        end_with_parent(parent)
        work(connection, self.tasks.__getitem__, self.data, inner)


class ServerForks:
    """Has a fork server load the tables and what the tasks share, and forks that.

    Raises `UnsendableError` if these cannot be sent to another process.
    """

    def __init__(self, tasks: list[AnyTask], data: TrainingData) -> None:
        self.tasks, self.data = tasks, data
        self.context = SharedContext.of(tasks, data)
        self._file = _pickled((self.context.own_parts, data.preparations))
        self._loaded: ForkServer | None = None
        modules = {kind.__module__ for kind in _kinds_in(tasks)} - {"__main__"}
        self._modules = sorted(modules)
        _import_libraries(modules)
        with suppress(HasThreadsError):
            self._load()

    def start(self, inner: str) -> tuple[Any, Connection]:
        """Start a worker, and return its process and the connection to it."""
        try:
            worker = self._fork()
        except (EOFError, OSError):  # killed, as by the system when memory runs out
            self._loaded = None
            worker = self._fork()
        worker.hand_over(work_on_loaded, inner)
        return worker, worker.connection

    def may_start_more(self) -> bool:
        """Whether it is safe to start another one now: threads of this process do not matter."""
        return True

    def message(self, at: int) -> bytes:
        """Return the pickled task."""
        return dumps(self.tasks[at], self.context)

    def close(self) -> None:
        """End the process that workers were forked from."""
        self._file.close()
        if self._loaded is not None:
            self._loaded.close()

    def _fork(self) -> ForkServer:
        """Return a process that has loaded all that is needed."""
        try:
            return self._load().fork()
        except HasThreadsError:  # of a library that the tables need
            return self._with_context(_process_with(self.data))

    def _load(self) -> ForkServer:
        if self._loaded is None:
            self._loaded = self._with_context(_copy_with(self.data))
        return self._loaded

    def _with_context(self, process: ForkServer) -> ForkServer:
        process.call(enter, surroundings())
        if not process.call(load_context, self._file.path, self._modules):
            raise UnsendableError
        return process


class _Latest:
    """The tables that are needed again, and the process that has loaded them."""

    data: weakref.ref[TrainingData] | None = None
    process: ForkServer | None = None


def _copy_with(data: TrainingData) -> ForkServer:
    """Return a copy of a process that has loaded the tables, which is kept for other calls of the run."""
    process = _Latest.process
    if process is not None and _Latest.data and _Latest.data() is data and process.program == os.getpid():
        with suppress(EOFError, OSError):  # killed, as by the system when memory runs out
            return process.fork()
    process = _process_with(data)
    if data.preparations.expects_more:
        _Latest.data, _Latest.process = weakref.ref(data, _forget), process
    return process.fork()


def _forget(data: weakref.ref[TrainingData]) -> None:
    if _Latest.data is data and _Latest.process is not None:
        _Latest.process.close()
        _Latest.data = _Latest.process = None


def _process_with(data: TrainingData) -> ForkServer:
    """Return a new process that has loaded the tables."""
    server = fork_server()
    assert server is not None, "there are none on this system"
    file, process = _pickled(data), server.fork()
    try:
        process.call(enter, surroundings())
        if not process.call(load_data, file.path):
            raise UnsendableError
    finally:
        file.close()
    return process


def _pickled(value: Any) -> PickleFile:
    try:
        return PickleFile(value, cloudpickle.dumps)
    except Exception as error:
        raise UnsendableError from error


class _Imports:
    """The modules that a server has imported, and those that start threads, which no server imports."""

    server: ForkServer | None = None
    done: ClassVar[set[str]] = set()
    unfit: ClassVar[set[str]] = set()


def _import_libraries(modules: set[str]) -> None:
    """Have the server import those of these modules that are installed, once for all runs.

    Other modules may be edited while the program runs: they are imported for each run, as they are then.
    """
    server = fork_server()
    if server is None or server is not _Imports.server:
        _Imports.server, _Imports.done = server, set()
    names = {name for name in modules - _Imports.done - _Imports.unfit if _is_installed(name)}
    if server is None or not names:
        return
    if server.call(import_modules, sorted(names), sys.path):
        _Imports.done |= names
    else:
        _Imports.unfit |= names
        server.kill()
        server.join()


def _is_installed(name: str) -> bool:
    file = str(getattr(sys.modules.get(name), "__file__", None) or "")
    return name.startswith("stackit.") or not INSTALLED.isdisjoint(Path(file).parts)


def _kinds_in(tasks: list[AnyTask]) -> set[type]:
    """Return the classes of estimators and their parameters."""
    estimators = {id(task.estimator): task.estimator for task in tasks if isinstance(task, Task)}
    kinds = set()
    for estimator in estimators.values():
        params = estimator.get_params() if hasattr(estimator, "get_params") else {}
        kinds |= {type(part) for part in (estimator, *params.values())}
    return kinds
