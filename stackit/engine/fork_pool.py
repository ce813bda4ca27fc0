"""Tasks in forked processes, which have the tables and the tasks already."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Generator
from contextlib import suppress
from enum import Enum
from multiprocessing.connection import Connection, wait

import cloudpickle
from joblib import parallel_config

from stackit.engine.fold_batching import AnyTask, Fallback, failed, work
from stackit.engine.parent_death import end_with_parent
from stackit.engine.task import Task, TaskResult
from stackit.engine.task_queue import TaskQueue
from stackit.engine.training_data import TrainingData
from stackit.results.placeholders import keep_rows

__all__ = ["run_in_children"]

PATIENCE = 1.0  # seconds for an idle child to end by itself, and between two looks at those that are busy


class Outcome(Enum):
    """What became of a task in a child."""

    DONE = "done, and the result follows"
    STUCK = "done, but the result cannot be pickled"
    INTERRUPTED = "interrupted as by the user"
    DIED = "the child is dead"


def run_in_children(queue: TaskQueue, data: TrainingData, workers: int) -> Generator[TaskResult, None, None]:
    """Do the tasks in forked processes, at most `workers` at once.

    A child that dies costs the task that it had, which has failed. One that was killed by the system may have
    been out of memory because of others: its task is done once more when no other is.

    Parameters
    ----------
    queue : TaskQueue
        What there is to do. Tasks whose results cannot leave their process are put aside in it.
    data : Data
        The tables.
    workers : int
        How many children at most.
    """
    killed: list[int] = []
    _make_types_known(queue.tasks)
    yield from _in_pool(queue, data, workers, killed)
    for at in killed:
        queue.put_back(at)
        yield from _in_pool(queue, data, 1)


def _in_pool(
    queue: TaskQueue, data: TrainingData, workers: int, killed: list[int] | None = None
) -> Generator[TaskResult, None, None]:
    """Do tasks until none waits; those whose child was killed are added to `killed`, or have failed."""
    children: list[_Child] = []
    try:
        while busy := _hand_out(queue, data, children, workers):
            for child in _heard_of(busy):
                at, outcome, payload = child.answer()
                if outcome is Outcome.INTERRUPTED:
                    raise KeyboardInterrupt
                if outcome is Outcome.DIED:
                    children.remove(child)
                    child.end()
                if outcome is Outcome.DIED and killed is not None and child.exit_code == -signal.SIGKILL:
                    killed.append(at)
                    continue
                _hand_out(queue, data, children, workers)  # before the result is read, which may take a while
                result = (
                    failed(queue.tasks[at], _death(child)) if outcome is Outcome.DIED else _loaded(payload)
                )
                if result is None:
                    queue.keep_here(at)
                else:
                    yield from queue.record(result)
    finally:
        for child in children:
            child.end()


def _make_types_known(tasks: list[AnyTask]) -> None:
    """Let classes made in functions or the main script come back from children as what they are here.

    cloudpickle numbers a class that it cannot import when it first pickles it, and knows the number again.
    """
    for estimator in {
        id(task.estimator): task.estimator for task in tasks if isinstance(task, Task)
    }.values():
        params = estimator.get_params() if hasattr(estimator, "get_params") else {}
        for kind in {type(part) for part in (estimator, *params.values())}:
            with suppress(Exception):
                cloudpickle.dumps(kind)


def _hand_out(queue: TaskQueue, data: TrainingData, children: list[_Child], workers: int) -> list[_Child]:
    """Give each idle child a task, fork more as long as there may be, and return those that are busy."""
    for child in children:
        if child.at is None and (at := queue.take()) is not None:
            child.begin(at)
    while len(children) < workers and (at := queue.take()) is not None:
        children.append(_Child(queue.tasks, data))
        children[-1].begin(at)
    return [child for child in children if child.at is not None]


def _heard_of(busy: list[_Child]) -> list[_Child]:
    """Wait until children have answered or died, and return these."""
    while True:
        ready = wait([child.connection for child in busy], PATIENCE)
        heard = [child for child in busy if child.connection in ready or child.exit_code is not None]
        if heard:
            return heard


class _Child:
    """A forked process that does one task after the other.

    Parameters
    ----------
    tasks : list of Task or SharedTask
        All there are.
    data : Data
        The tables.
    """

    def __init__(self, tasks: list[AnyTask], data: TrainingData) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, tasks, data, os.getpid()))
        self.at: int | None = None
        self._exit_code: int | None = None
        self.process.start()
        there.close()

    @property
    def exit_code(self) -> int | None:
        """How the process has ended: an exit code, or a signal as a negative number."""
        return self.process.exitcode if self._exit_code is None else self._exit_code

    def begin(self, at: int) -> None:
        """Tell the child to do a task; one that has died meanwhile is heard of when it is waited for."""
        self.at = at
        try:
            self.connection.send(at)
        except OSError:
            self.process.join(PATIENCE)

    def answer(self) -> tuple[int, Outcome, bytes]:
        """Return which task was done, with what outcome, and the pickled result."""
        at, self.at = self.at, None
        assert at is not None
        try:
            outcome = self.connection.recv()
            return at, outcome, self.connection.recv_bytes() if outcome is Outcome.DONE else b""
        except (EOFError, OSError):
            self.process.join(PATIENCE)
            return at, Outcome.DIED, b""

    def end(self) -> None:
        """End the process: an idle one by its own code, one that is busy or does not end by force."""
        if self.at is None and self.exit_code is None:
            try:
                self.connection.send(None)
                self.process.join(PATIENCE)
            except OSError:
                pass
        if self.exit_code is None:
            self.process.kill()
        self.process.join()
        self._exit_code = self.process.exitcode
        self.process.close()  # or its pipes stay open as long as an error's traceback refers to it
        self.connection.close()


def _serve(connection: Connection, tasks: list[AnyTask], data: TrainingData, parent: int) -> None:
    """Do the tasks that are asked for, until none is or the parent ends."""
    end_with_parent(parent)
    # An interrupt by the keyboard reaches the parent too, which ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with parallel_config("sequential"):  # an estimator's own workers would be workers of workers
        while (at := connection.recv()) is not None:
            outcome, payload = _outcome_of(tasks[at], data)
            _flush()
            connection.send(outcome)
            if outcome is Outcome.DONE:
                connection.send_bytes(payload)


def _outcome_of(task: AnyTask, data: TrainingData) -> tuple[Outcome, bytes]:
    try:
        result = work(task, data)
    except KeyboardInterrupt:
        return Outcome.INTERRUPTED, b""
    # By reference first: a class of the main script is then the same class in the parent.
    for dumps in (pickle.dumps, cloudpickle.dumps):
        try:
            with keep_rows():  # fitted ensembles go back as they are
                return Outcome.DONE, dumps(result)
        except Exception:  # noqa: BLE001 - pickling runs code of the fitted estimator
            continue
    return Outcome.STUCK, b""


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # None, or closed
            continue


def _loaded(payload: bytes) -> list[TaskResult] | Fallback | None:
    """Return what a child has sent, or None when it sent nothing that can be read here."""
    try:
        result: list[TaskResult] | Fallback = pickle.loads(payload)
    except Exception:  # noqa: BLE001 - unpickling runs code of the fitted estimator
        return None
    return result


def _death(child: _Child) -> str:
    code = child.exit_code
    if code is None or code >= 0:
        return f"it ended itself with exit code {code}"
    causes = {signal.SIGKILL: "killed, most often by the system because memory ran out"}
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"{name}, {causes.get(signal.Signals(-code), 'a crash in compiled code')}"
