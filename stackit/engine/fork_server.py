"""A process without threads that forks copies of itself, for programs that must not be forked."""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any

from stackit.engine.fork_safety import is_only_thread
from stackit.engine.parent_death import INTERVAL, Lifeline, end_with_parent, end_with_program, lifeline

__all__ = ["ForkServer", "HasThreadsError", "fork_server", "serve_program"]

# What the new process runs: it sees to its end first, for it takes seconds to import all that workers need.
COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = {path}
from stackit.engine.parent_death import end_with_program
end_with_program({program})
import stackit.engine.worker
from stackit.engine.fork_server import serve_program
serve_program({file}, {program})
"""


class HasThreadsError(RuntimeError):
    """Raised where a process cannot be forked, since something that it has loaded has started threads."""


class ForkServer:
    """A process that calls functions, and forks copies of itself, which do the same.

    A program with threads must not be forked, and new processes import for seconds. So the program starts one
    process, once, and has it forked: that takes milliseconds, and a copy has all that its original has
    imported or loaded. A copy ends with its original, and the first process with the program.

    Each method raises EOFError or OSError where the process has ended.
    """

    _exit_code: int | None

    def __init__(
        self, connection: Connection, process_id: int, original: ForkServer | subprocess.Popen[bytes]
    ) -> None:
        self.connection, self.process_id, self.original = connection, process_id, original
        self.program = os.getpid()  # a fork of it must not use this object
        self._is_ready = isinstance(original, ForkServer)
        self._is_killed, self._exit_code = False, None
        self._lock = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether there is nothing to wait for: it has imported what it needs, or could not start."""
        with self._lock:
            if not self._is_ready and self.connection.poll():
                try:
                    self._is_ready = self.connection.recv()
                except (EOFError, OSError):
                    return True
            return self._is_ready

    @property
    def exitcode(self) -> int | None:
        """How it has ended: an exit code, or a signal as a negative number; None while it runs."""
        self.join(0.0)
        return self._exit_code

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function there, and return what it returns; an error of the function ends the process."""
        return self._request(_call, (function, arguments))

    def fork(self) -> ForkServer:
        """Return a copy."""
        here, there = multiprocessing.Pipe()
        with there:
            process_id = self._request(_fork, (), file=there.fileno())
        if process_id is None:
            raise HasThreadsError
        return ForkServer(here, process_id, self)

    def hand_over(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function there that uses the connection from now on, until it returns."""
        self.connection.send((function, arguments))

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        if self._exit_code is not None:
            return
        try:
            if isinstance(self.original, ForkServer):
                self._exit_code = self.original.call(_wait_for, self.process_id, timeout)
            else:
                self._exit_code = self.original.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        except (EOFError, OSError):  # copies end with their original
            self._exit_code = -signal.SIGKILL

    def kill(self) -> None:
        """End it at once."""
        if self._exit_code is None and not self._is_killed:  # or its id may be that of another process
            self._is_killed = True
            with suppress(ProcessLookupError):
                os.kill(self.process_id, signal.SIGKILL)

    def close(self) -> None:
        """Close the connection, with which it ends."""
        self.connection.close()

    def _request(self, function: Callable[..., None], arguments: Any, file: int | None = None) -> Any:
        """Send a function that replies, its arguments, and perhaps an open file; return the reply."""
        with self._lock:
            try:
                if not self._is_ready:
                    self._is_ready = self.connection.recv()
                self.connection.send((function, arguments))
                if file is not None:
                    send_handle(self.connection, file, self.process_id)
                return self.connection.recv()
            except BaseException:  # it has ended, or an interrupt came before the reply
                self.kill()
                raise


_SERVERS: dict[int, ForkServer] = {}  # by the process that started it
_COPIES: dict[int | None, Any] = {}  # the processes forked from this one
_LOCK = threading.Lock()


def fork_server() -> ForkServer | None:
    """Return this program's first server, which is started if there is none; None where none can be."""
    if sys.platform != "linux" or not sys.executable:
        return None
    with _LOCK:
        server = _SERVERS.get(os.getpid())
        if server is None or server.exitcode is not None:
            server = _SERVERS[os.getpid()] = _start()
        return server


def serve_program(file: int, program: Lifeline) -> None:
    """Serve the program that started this process, until it ends."""
    connection = Connection(file)
    connection.send(True)
    while end_with_program(program):
        if connection.poll(INTERVAL) and not _serve_request(connection):
            return


def import_modules(names: list[str], path: list[str]) -> bool:
    """Import modules that are on a path, and return whether this process can be forked with them."""
    sys.path[:] = path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            with suppress(Exception):  # who needs the module reports its error
                importlib.import_module(name)
    return is_only_thread()


def _start() -> ForkServer:
    here, there = multiprocessing.Pipe()
    with there:
        command = COMMAND.format(path=sys.path, file=there.fileno(), program=lifeline())
        process = subprocess.Popen(
            [sys.executable, "-c", command], pass_fds=[there.fileno()], stdin=subprocess.DEVNULL
        )
    server = ForkServer(here, process.pid, process)
    atexit.register(_end, server)
    return server


def _end(server: ForkServer) -> None:
    """End a server when its program ends, unless this is a fork of the program."""
    if server.program == os.getpid():
        server.kill()
        server.join()


def _serve_request(connection: Connection) -> bool:
    """Do what arrives next on a connection; return False when it has closed."""
    try:
        function, arguments = connection.recv()
    except (EOFError, OSError):
        return False
    function(connection, *arguments)
    return True


def _call(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    connection.send(function(*arguments))


def _fork(connection: Connection) -> None:
    """Fork a copy that serves the connection that arrives, and reply with its id."""
    file = recv_handle(connection)
    process_id = None
    if is_only_thread():
        process = multiprocessing.get_context("fork").Process(target=_serve_as_copy, args=(file, os.getpid()))
        process.start()
        process_id = process.pid
        _COPIES[process_id] = process
    os.close(file)
    connection.send(process_id)


def _serve_as_copy(file: int, original: int) -> None:
    end_with_parent(original)
    _COPIES.clear()
    connection = Connection(file)
    while _serve_request(connection):
        pass
    os._exit(0)


def _wait_for(copy: int, timeout: float | None) -> int | None:
    """Wait for a copy of this process, and return its exit code."""
    _COPIES[copy].join(timeout)
    code: int | None = _COPIES[copy].exitcode
    if code is not None:
        del _COPIES[copy]
    return code
