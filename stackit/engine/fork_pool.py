"""Tasks in forked processes, which have the tables and the tasks in memory already."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from enum import Enum
from multiprocessing.connection import Connection, wait

import cloudpickle
from joblib import parallel_config

from stackit.engine.fold_batching import AnyTask
from stackit.engine.parent_death import end_with_parent
from stackit.engine.serialization import dump_outcome, load_outcome
from stackit.engine.task import Task, TaskResult
from stackit.engine.task_queue import TaskQueue
from stackit.engine.time_limits import TimeLimits, timed_out
from stackit.engine.training_data import TrainingData

__all__ = ["run_in_children"]

PATIENCE = 1.0  # seconds that an idle child has to end by itself, and between two looks at busy ones


class Reply(Enum):
    """What became of a task in a child."""

    DONE = "done, and the outcome follows"
    STUCK = "done, but the outcome cannot be pickled"
    INTERRUPTED = "interrupted as by the user"
    DIED = "the child is dead"


def run_in_children(queue: TaskQueue, data: TrainingData, workers: int) -> Generator[TaskResult, None, None]:
    """Run the tasks in at most so many forked processes.

    A child that dies costs the task that it was running, which has failed. One that the system killed may
    have been out of memory because of others: its task is run again when no other is running. Tasks with an
    outcome that cannot be sent back are kept for this process. A child is killed when its task takes longer
    than the queue's limits allow.
    """
    killed: list[int] = []
    _register_local_classes(queue.tasks)
    yield from _run_in_pool(queue, data, workers, killed)
    for at in killed:
        queue.put_back(at)
        yield from _run_in_pool(queue, data, 1)


def _run_in_pool(
    queue: TaskQueue, data: TrainingData, workers: int, killed: list[int] | None = None
) -> Generator[TaskResult, None, None]:
    """Run tasks until none waits; add those of a killed child to `killed`, or let them fail."""
    children: list[_Child] = []
    try:
        while busy := _assign_tasks(queue, data, children, workers):
            for child in _wait_for_some(busy):
                at, reply, payload = child.receive()
                if reply is Reply.INTERRUPTED:
                    raise KeyboardInterrupt
                if reply is Reply.DIED:
                    children.remove(child)
                    child.end()
                if reply is Reply.DIED and killed is not None and child.exit_code == -signal.SIGKILL:
                    killed.append(at)
                    continue
                _assign_tasks(
                    queue, data, children, workers
                )  # before the payload is read, which takes a while
                died = reply is Reply.DIED
                outcome = queue.tasks[at].died(_cause_of_death(child)) if died else load_outcome(payload)
                if outcome is None:
                    queue.keep_local(at)
                else:
                    yield from queue.record(outcome)
            overdue = [child for child in children if child.is_overdue]
            for child in overdue:
                child.process.kill()  # all, before the first is waited for
            for child in overdue:
                children.remove(child)
                yield from _kill_overdue(child, queue)
    finally:
        for child in children:
            child.end()


def _kill_overdue(child: _Child, queue: TaskQueue) -> list[TaskResult]:
    """Kill a child; its task has failed, unless the whole run is over."""
    assert child.at is not None
    task = queue.tasks[child.at]
    child.end()
    return [] if queue.limits.are_over else queue.record(timed_out(task, queue.limits.seconds_of(task)))


def _register_local_classes(tasks: list[AnyTask]) -> None:
    """Make classes of functions or the main script come back from children as the same classes.

    cloudpickle numbers a class that it cannot import when it first pickles it, and recognises the number.
    """
    estimators = {id(task.estimator): task.estimator for task in tasks if isinstance(task, Task)}
    for estimator in estimators.values():
        params = estimator.get_params() if hasattr(estimator, "get_params") else {}
        for kind in {type(part) for part in (estimator, *params.values())}:
            with suppress(Exception):
                cloudpickle.dumps(kind)


def _assign_tasks(queue: TaskQueue, data: TrainingData, children: list[_Child], workers: int) -> list[_Child]:
    """Give each idle child a task, fork more children up to the limit, and return the busy ones."""
    longest_first = workers > 1
    for child in children:
        if child.at is None and (at := queue.take(longest_first)) is not None:
            child.send(at, queue.limits)
    while _may_add_to(children, workers) and (at := queue.take(longest_first)) is not None:
        children.append(_Child(queue.tasks, data, workers))
        children[-1].send(at, queue.limits)
    return [child for child in children if child.at is not None]


def _may_add_to(children: list[_Child], workers: int) -> bool:
    """Whether one more child may be forked: not while the caller of this generator has started a thread."""
    return len(children) < workers and (not children or threading.active_count() <= children[0].n_threads)


def _wait_for_some(busy: list[_Child]) -> list[_Child]:
    """Wait until children have replied, died or run out of time; return those that have replied or died."""
    while True:
        seconds_left = min(child.until for child in busy) - time.monotonic()
        ready = wait([child.connection for child in busy], min(PATIENCE, max(0.0, seconds_left)))
        finished = [child for child in busy if child.connection in ready or child.exit_code is not None]
        if finished or seconds_left <= 0:
            return finished


class _Child:
    """A forked process that runs one task after the other."""

    def __init__(self, tasks: list[AnyTask], data: TrainingData, workers: int) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, other_end = context.Pipe()
        # An estimator's own workers would be workers of workers. Those of a child that is alone are threads.
        inner = "threading" if workers == 1 else "sequential"
        self.process = context.Process(target=_serve, args=(other_end, tasks, data, os.getpid(), inner))
        self.tasks = tasks
        self.at: int | None = None
        self.n_threads = threading.active_count()  # of this process, at the fork
        self.until = math.inf  # the moment at which the task is out of time
        self._exit_code: int | None = None
        self.process.start()
        other_end.close()

    @property
    def exit_code(self) -> int | None:
        """How the process has ended: an exit code, or a signal as a negative number."""
        return self.process.exitcode if self._exit_code is None else self._exit_code

    @property
    def is_overdue(self) -> bool:
        """Whether the task is out of time and has not even a reply that waits to be read."""
        return self.at is not None and time.monotonic() >= self.until and not self.connection.poll()

    def send(self, at: int, limits: TimeLimits) -> None:
        """Send a task's number; a child that has died meanwhile is noticed by `receive`."""
        self.at = at
        if limits:
            self.until = min(limits.deadline, time.monotonic() + limits.seconds_of(self.tasks[at]))
        try:
            self.connection.send(at)
        except OSError:
            self.process.join(PATIENCE)

    def receive(self) -> tuple[int, Reply, bytes]:
        """Return which task was run, what became of it, and the pickled outcome."""
        at, self.at = self.at, None
        assert at is not None
        try:
            reply = self.connection.recv()
            return at, reply, self.connection.recv_bytes() if reply is Reply.DONE else b""
        except (EOFError, OSError):
            self.process.join(PATIENCE)
            return at, Reply.DIED, b""

    def end(self) -> None:
        """End the process: ask an idle one to end, kill one that is busy or does not end."""
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


def _serve(connection: Connection, tasks: list[AnyTask], data: TrainingData, parent: int, inner: str) -> None:
    """Run the tasks by the numbers that arrive, until None arrives or the parent ends."""
    end_with_parent(parent)
    # An interrupt by the keyboard reaches the parent too, which ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with parallel_config(inner):
        while (at := connection.recv()) is not None:
            reply, payload = _reply_to(tasks[at], data)
            _flush_output()
            connection.send(reply)
            if reply is Reply.DONE:
                connection.send_bytes(payload)


def _reply_to(task: AnyTask, data: TrainingData) -> tuple[Reply, bytes]:
    try:
        payload = dump_outcome(task.run(data))
    except KeyboardInterrupt:
        return Reply.INTERRUPTED, b""
    return (Reply.DONE, payload) if payload else (Reply.STUCK, b"")


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # None, or closed
            stream.flush()


def _cause_of_death(child: _Child) -> str:
    code = child.exit_code
    if code is None or code >= 0:
        return f"it ended itself with exit code {code}"
    if -code == signal.SIGKILL:
        return "SIGKILL, killed, most often by the system because memory ran out"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"{name}, a crash in compiled code"
