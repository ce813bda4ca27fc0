"""Where the tasks of a run are done, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, nullcontext
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from scipy.sparse import issparse

from stackit.engine.fold_batching import AnyTask, work
from stackit.engine.fork_pool import run_in_children
from stackit.engine.fork_safety import may_fork
from stackit.engine.joblib_pool import is_backend_chosen, run_by_joblib
from stackit.engine.task import Task, TaskResult
from stackit.engine.task_queue import TaskQueue
from stackit.engine.threads import single_threaded
from stackit.engine.training_data import TrainingData
from stackit.estimators.seeds import kept_draws
from stackit.results.repeated_warnings import RepeatedWarnings

__all__ = ["run_all"]

SHORT = 0.33  # seconds of work that are done sooner than workers are started
PROBE = 0.05  # seconds after which the work that is left is estimated
LARGE = 8 << 20  # bytes from which fits release the interpreter's lock most of the time


def run_all(
    tasks: list[AnyTask],
    data: TrainingData,
    n_jobs: int | None,
    failures: Mapping[str, Any],
    seconds: Mapping[str, float] | None = None,
) -> Generator[TaskResult, None, None]:
    """Run the tasks, at most n_jobs at once; yield what is finished as it comes.

    With one job all is done in this process, and a joblib backend that was chosen outside is used as it is.
    Otherwise short work of well-known libraries is done in this process, and all else in forked ones, which
    are there in milliseconds. Where no fork is safe, large tables are worked on in threads by well-known
    estimators, and what is left in processes that are started anew: they import all libraries first, which
    takes seconds once (2 to 9 were measured), and serve later runs too. For their sake short work of
    pipelines whose steps call functions of the user's, or hold transformers of the user's own, is done here
    as well. So an estimator that may end its process never ends the program, but for such a function or
    transformer where no fork is safe. What cannot be sent between processes is done here, in the end.

    Parameters
    ----------
    tasks : list of Task
        In the order of folds.
    data : Data
        The tables.
    n_jobs : int or None
        As in joblib.
    failures : mapping
        Names of estimators that have failed; may grow while the tasks run.
    seconds : mapping, optional
        How long a fit of some estimators took, as a store knows it.

    Warns
    -----
    Warning
        What fits and predictions have warned of, each once, with the estimators and how many of their fits.
    """
    repeats = RepeatedWarnings("fits")
    try:
        with closing(_run(tasks, data, n_jobs, failures, seconds)) as results:
            for done in results:
                repeats.add(done.said, done.name)
                yield done
    finally:
        repeats.say()


def _run(
    tasks: list[AnyTask],
    data: TrainingData,
    n_jobs: int | None,
    failures: Mapping[str, Any],
    seconds: Mapping[str, float] | None,
) -> Generator[TaskResult, None, None]:
    queue = TaskQueue(tasks, failures, seconds)
    jobs = effective_n_jobs(n_jobs)
    with single_threaded():
        if is_backend_chosen():
            yield from run_by_joblib(queue, data, n_jobs=n_jobs)
        elif jobs > 1:
            yield from _by_workers(queue, data, min(jobs, max(1, len(queue.tasks))))
        queue.bring_back()
        yield from _inline(queue, data)


def _by_workers(queue: TaskQueue, data: TrainingData, workers: int) -> Generator[TaskResult, None, None]:
    """Do short work here and the rest beside each other, in the quickest way that is safe."""
    large = _n_bytes(data.X) >= LARGE
    plain = not large and _is_plain(data.X) and _is_plain(data.X_test)
    if plain:
        yield from _inline(queue, data, only=_is_trusted, until=SHORT)
    if not queue.waiting:
        return
    if may_fork():  # quicker than threads by 8 % on large tables: no child waits for another's Python
        yield from run_in_children(queue, data, workers)
        return
    if plain:
        yield from _inline(queue, data, only=_is_unlikely_to_exit, until=SHORT)
    if large and all(_is_trusted(queue.tasks[at]) for at in queue.waiting):
        yield from run_by_joblib(queue, data, n_jobs=workers, backend="threading")
    else:
        yield from run_by_joblib(queue, data, n_jobs=max(workers, 2), backend="loky")


def _inline(
    queue: TaskQueue, data: TrainingData, only: Callable[[AnyTask], bool] | None = None, until: float = np.inf
) -> Generator[TaskResult, None, None]:
    """Do tasks here, fold by fold, as long as little is left."""
    started = time.perf_counter()
    with kept_draws() if any(_draws(queue.tasks[at]) for at in queue.waiting) else nullcontext():
        while queue.waiting:
            if only is not None and time.perf_counter() - started > PROBE and queue.remaining(only) > until:
                return
            at = queue.take(longest_first=False, only=only)
            if at is None:
                return
            yield from queue.record(work(queue.tasks[at], data))


def _draws(task: AnyTask) -> bool:
    """Whether the generators that all of a process share are set to a seed for a task."""
    return isinstance(task, Task) and task.habits.seeds.draws and task.seed is not None


def _is_trusted(task: AnyTask) -> bool:
    """Whether an estimator is known not to end its process."""
    return task.habits.is_trusted_library


def _is_unlikely_to_exit(task: AnyTask) -> bool:
    """Whether an estimator can be expected not to end its process."""
    return task.habits.reader.is_unlikely_to_exit


def _is_plain(table: Any) -> bool:
    """Whether a table is of a kind that compiled code is used to: others have ended processes."""
    return table is None or isinstance(table, np.ndarray | pd.DataFrame | list) or issparse(table)


def _n_bytes(X: Any) -> int:
    if hasattr(X, "nbytes"):
        return int(X.nbytes)
    if hasattr(X, "memory_usage"):
        return int(X.memory_usage(index=False).sum())
    return int(X.data.nbytes) if hasattr(X, "data") and hasattr(X.data, "nbytes") else 0
