"""Tasks in worker processes that are forked, and can be killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator
from multiprocessing.connection import wait
from typing import Any

from stackit.engine.forks import Forks
from stackit.engine.serialization import load_outcome
from stackit.engine.task import TaskResult
from stackit.engine.task_queue import TaskQueue
from stackit.engine.time_limits import timed_out
from stackit.engine.worker import Reply
from stackit.engine.worker_process import PATIENCE, WorkerProcess

__all__ = ["run_in_workers"]


def run_in_workers(queue: TaskQueue, forks: Forks, n_workers: int) -> Generator[TaskResult, None, None]:
    """Run the tasks in at most so many forked processes.

    A worker that dies costs the task that it was running, which has failed. One that the system killed may
    have been out of memory because of others: its task is run again when no other is running. Tasks that
    cannot be sent, or have an outcome that cannot be sent back, are kept for this process. A worker is killed
    when its task takes longer than the queue's limits allow.
    """
    killed: list[int] = []
    yield from _run_in_pool(queue, forks, n_workers, killed)
    for at in killed:
        queue.put_back(at)
        yield from _run_in_pool(queue, forks, 1)


def _run_in_pool(
    queue: TaskQueue, forks: Forks, n_workers: int, killed: list[int] | None = None
) -> Generator[TaskResult, None, None]:
    """Run tasks until none waits; add those of a killed worker to `killed`, or let them fail."""
    workers: list[WorkerProcess] = []
    try:
        while busy := _assign_tasks(queue, forks, workers, n_workers):
            for worker in _wait_for_some(busy):
                at, reply, payload = worker.receive()
                if reply is Reply.INTERRUPTED:
                    raise KeyboardInterrupt
                if reply is Reply.DIED:
                    workers.remove(worker)
                    worker.end()
                if reply is Reply.DIED and killed is not None and worker.exit_code == -signal.SIGKILL:
                    killed.append(at)
                    continue
                # Before the payload is read, which takes a while.
                _assign_tasks(queue, forks, workers, n_workers)
                died = reply is Reply.DIED
                outcome = queue.tasks[at].died(worker.cause_of_death) if died else load_outcome(payload)
                if outcome is None:
                    queue.keep_local(at)
                else:
                    yield from queue.record(outcome)
            overdue = [worker for worker in workers if worker.is_overdue]
            for worker in overdue:
                worker.process.kill()  # all, before the first is waited for
            for worker in overdue:
                workers.remove(worker)
                yield from _kill_overdue(worker, queue)
    finally:
        for worker in workers:
            worker.end()


def _kill_overdue(worker: WorkerProcess, queue: TaskQueue) -> list[TaskResult]:
    """Kill a worker; its task has failed, unless the whole run is over."""
    assert worker.at is not None
    task = queue.tasks[worker.at]
    worker.end()
    return [] if queue.limits.are_over else queue.record(timed_out(task, queue.limits.seconds_of(task)))


def _assign_tasks(
    queue: TaskQueue, forks: Forks, workers: list[WorkerProcess], n_workers: int
) -> list[WorkerProcess]:
    """Give each idle worker a task, start more workers up to the limit, and return the busy ones."""
    longest_first = n_workers > 1
    # An estimator's own workers would be workers of workers. Those of one that is alone are threads.
    inner = "sequential" if longest_first else "threading"
    for worker in workers:
        if worker.at is None and (task := _next_task(queue, forks, longest_first)) is not None:
            worker.send(*task, queue.limits)
    while _may_add_to(workers, forks, n_workers):
        task = _next_task(queue, forks, longest_first)
        if task is None:
            break
        workers.append(WorkerProcess(forks, queue.tasks, inner))
        workers[-1].send(*task, queue.limits)
    return [worker for worker in workers if worker.at is not None]


def _next_task(queue: TaskQueue, forks: Forks, longest_first: bool) -> tuple[int, Any] | None:
    """Return the number of a task that waits and can be sent, and what a worker is sent for it."""
    while (at := queue.take(longest_first)) is not None:
        try:
            return at, forks.message(at)
        except Exception:  # noqa: BLE001 - pickling runs code of the estimator
            queue.keep_local(at)
    return None


def _may_add_to(workers: list[WorkerProcess], forks: Forks, n_workers: int) -> bool:
    return len(workers) < n_workers and (not workers or forks.may_start_more())


def _wait_for_some(busy: list[WorkerProcess]) -> list[WorkerProcess]:
    """Wait until workers have replied, died or run out of time; return those that have replied or died."""
    while True:
        seconds_left = min(worker.until for worker in busy) - time.monotonic()
        ready = wait([worker.connection for worker in busy], min(PATIENCE, max(0.0, seconds_left)))
        finished = [worker for worker in busy if worker.connection in ready or worker.exit_code is not None]
        if finished or seconds_left <= 0:
            return finished
