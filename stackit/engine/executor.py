"""Run the tasks: in this process, in forked ones, or by joblib."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from scipy.sparse import issparse

from stackit.engine.fold_batching import AnyTask, prepared_fits
from stackit.engine.fork_pool import run_in_workers
from stackit.engine.fork_safety import may_fork
from stackit.engine.fork_server import ForkServer, fork_server
from stackit.engine.forks import LocalForks, ServerForks, UnsendableError
from stackit.engine.joblib_pool import is_backend_chosen, run_by_joblib
from stackit.engine.task import Task, TaskResult
from stackit.engine.task_queue import TaskQueue
from stackit.engine.threads import single_threaded
from stackit.engine.time_limits import NO_LIMITS, TimeLimits, run_within
from stackit.engine.training_data import TrainingData
from stackit.estimators.seeds import kept_draws

__all__ = ["run_all"]

SHORT = 0.33  # seconds of work that are done sooner than workers are started
PROBE = 0.05  # seconds after which the remaining work is estimated
START = 5.0  # seconds before a deadline in which a fork server would do little else than start
IMPORTS = 20.0  # the same for new processes, which import much more
LARGE = 8 << 20  # bytes of X from which fits release the interpreter's lock most of the time


def run_all(
    tasks: list[AnyTask],
    data: TrainingData,
    n_jobs: int | None,
    failures: Mapping[str, Any],
    seconds: Mapping[str, float] | None = None,
    limits: TimeLimits = NO_LIMITS,
    on_start: Callable[[AnyTask], None] | None = None,
) -> Generator[TaskResult, None, None]:
    """Run the tasks, at most n_jobs at once; yield the results as they come, and warn once per warning.

    With one job all tasks run in this process, and a joblib backend that was chosen outside is used as it is.
    Otherwise short work of trusted libraries runs in this process, and the rest in forked processes, which
    start in milliseconds. Where it is not safe to fork this process, a server is forked, which takes seconds
    to start, once; meanwhile pipelines with functions or transformers of the user's run in this process as
    well. So an estimator that ends its process never ends the program, unless it is such a function or
    transformer. What cannot be sent to another process runs in this one, last. On systems without forks
    trusted estimators work on large tables in threads, and all others in new processes.

    With `limits`, tasks run in processes that can be killed; with one job they do so one at a time, in the
    order of the list. At the deadline those that run are killed, and the generator ends. Where a server has
    not started and the deadline is too near for that, they run in this process. Tasks that do, or cannot be
    sent to another one, and those of backends that cannot kill theirs, go on until they return to Python.

    `failures`, `seconds` and `on_start` are those of `TaskQueue`.
    """
    data.preparations.plan(prepared_fits(tasks))
    queue = TaskQueue(tasks, failures, seconds, limits, on_start)
    jobs = effective_n_jobs(n_jobs)
    try:
        with single_threaded():
            if is_backend_chosen():
                yield from run_by_joblib(queue, data, n_jobs=n_jobs)
            elif jobs > 1 or limits:
                yield from _run_by_workers(queue, data, min(jobs, max(1, len(queue.tasks))))
            queue.release_local()
            with _restored_draws(queue):
                while (at := queue.take(longest_first=False)) is not None:
                    task = queue.tasks[at]
                    yield from queue.record(run_within(task, data, limits) if limits else task.run(data))
    finally:
        queue.warnings.warn()


def _run_by_workers(queue: TaskQueue, data: TrainingData, workers: int) -> Generator[TaskResult, None, None]:
    """Run short work in this process, and the rest in parallel in the fastest way that is safe."""
    large = _n_bytes(data.X) >= LARGE
    plain = not large and not queue.limits and _is_plain(data.X) and _is_plain(data.X_test)
    if plain:
        yield from _run_short_work(queue, data, _is_trusted)
    if not queue.waiting:
        return
    if may_fork():  # faster than threads by 8 % on large tables: no worker waits for another's Python
        yield from run_in_workers(queue, LocalForks(queue.tasks, data), workers)
    elif (server := fork_server()) is not None:
        yield from _run_by_server(server, queue, data, workers, plain)
    elif queue.limits.seconds_left >= IMPORTS:
        yield from _run_by_new_processes(queue, data, workers, plain)


def _run_by_server(
    server: ForkServer, queue: TaskQueue, data: TrainingData, workers: int, plain: bool
) -> Generator[TaskResult, None, None]:
    """Run tasks in forks of a server, and in this process while it starts."""
    if not server.is_ready:
        if queue.limits.seconds_left < START:
            return
        if plain:
            yield from _run_short_work(queue, data, _is_unlikely_to_exit, lambda: not server.is_ready)
    if not queue.waiting:
        return
    try:
        forks = ServerForks(queue.tasks, data)
    except UnsendableError:
        queue.keep_all_local()
        return
    except (EOFError, OSError):  # the server cannot start here
        yield from _run_by_new_processes(queue, data, workers, plain)
        return
    with closing(forks):
        yield from run_in_workers(queue, forks, workers)


def _run_by_new_processes(
    queue: TaskQueue, data: TrainingData, workers: int, plain: bool
) -> Generator[TaskResult, None, None]:
    """Run tasks where nothing can be forked: in new processes, or in threads where tables are large."""
    if plain:
        yield from _run_short_work(queue, data, _is_unlikely_to_exit)
    is_large = _n_bytes(data.X) >= LARGE
    if is_large and not queue.limits and all(_is_trusted(queue.tasks[at]) for at in queue.waiting):
        yield from run_by_joblib(queue, data, n_jobs=workers, backend="threading")
    else:
        one_at_a_time = {"pre_dispatch": 1} if workers == 1 else {}
        yield from run_by_joblib(queue, data, n_jobs=max(workers, 2), backend="loky", **one_at_a_time)


def _run_short_work(
    queue: TaskQueue,
    data: TrainingData,
    only: Callable[[AnyTask], bool],
    has_time: Callable[[], bool] = lambda: False,
) -> Generator[TaskResult, None, None]:
    """Run tasks in this process, fold by fold, while it has time or until more than a little work remains."""
    started = time.perf_counter()
    with _restored_draws(queue):
        while time.perf_counter() - started <= PROBE or has_time() or queue.remaining_seconds(only) <= SHORT:
            at = queue.take(longest_first=False, only=only)
            if at is None:
                return
            yield from queue.record(queue.tasks[at].run(data))


def _restored_draws(queue: TaskQueue) -> AbstractContextManager[None]:
    """Return a context that restores the process's random generators, where a waiting task seeds them."""
    waiting = [queue.tasks[at] for at in queue.waiting]
    draws = any(
        isinstance(task, Task) and task.seed is not None and task.traits.seeds.draws for task in waiting
    )
    return kept_draws() if draws else nullcontext()


def _is_trusted(task: AnyTask) -> bool:
    """Whether an estimator is known not to end its process."""
    return task.traits.is_trusted_library


def _is_unlikely_to_exit(task: AnyTask) -> bool:
    """Whether an estimator can be expected not to end its process."""
    return task.traits.reader.is_unlikely_to_exit


def _is_plain(table: Any) -> bool:
    """Whether a table is of a common kind: others have crashed compiled code."""
    return table is None or isinstance(table, np.ndarray | pd.DataFrame | list) or issparse(table)


def _n_bytes(X: Any) -> int:
    if hasattr(X, "memory_usage"):
        return int(np.sum(X.memory_usage(index=False)))  # of a series it is one number
    return int(getattr(X, "nbytes", 0) or getattr(getattr(X, "data", None), "nbytes", 0))
