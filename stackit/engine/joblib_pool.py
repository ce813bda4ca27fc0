"""Tasks handed to joblib, one by one: to threads, new processes, or a backend that was chosen outside."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import cloudpickle
from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from stackit.engine.fold_batching import AnyTask, Fallback, failed, work
from stackit.engine.parent_death import Lifeline, lifeline, watch_parent
from stackit.engine.serialization import SharedContext, TaskBytes, broadcast, dumps, loads, resolve
from stackit.engine.task import TaskResult
from stackit.engine.task_queue import TaskQueue
from stackit.engine.training_data import TrainingData
from stackit.results.placeholders import keep_rows

__all__ = ["is_backend_chosen", "run_by_joblib"]

PORTION = 8  # tasks a worker at a time, where results do not come one by one
# Backends whose workers are processes of this one, and are not ended by anybody else when it ends.
OWN_PROCESSES = {"LokyBackend", "MultiprocessingBackend"}


def run_by_joblib(queue: TaskQueue, data: TrainingData, **options: Any) -> Generator[TaskResult, None, None]:
    """Hand the tasks to joblib one by one; what they have in common goes to each worker once.

    When a worker dies, joblib loses all tasks under way and does not tell whose it was: each of them is done
    again, alone, and the one that takes its worker along once more has failed.

    Parameters
    ----------
    queue : TaskQueue
        What there is to do. What cannot be sent to other processes is put aside in it.
    data : Data
        The tables.
    **options : keyword arguments of joblib.Parallel
        The number of workers, and the backend where none was chosen outside.
    """
    if not queue.waiting:
        return
    backend = get_active_backend()[0]
    if options.get("backend") == "threading" or getattr(backend, "supports_sharedmem", False):
        call = _call_here(queue.tasks, data)
    else:
        common = SharedContext(queue.tasks, data)
        if not common.can_travel():
            queue.keep_all_here()
            return
        call = _call_there(queue.tasks, common, backend)
    streams = "backend" in options or backend.supports_return_generator
    options |= {"batch_size": 1, "return_as": "generator_unordered" if streams else "list"}
    under_way: list[int] = []
    while queue.waiting or under_way:  # again, when shared tasks have declined
        for at in [at for at in under_way if queue.tasks[at].name not in queue.failures]:
            yield from _taken(queue, (at, _isolated(queue.tasks[at], call(at), options)))
        under_way.clear()
        try:
            yield from _pass(queue, call, options, under_way)
        except Exception:
            # Not an estimator's error, which would be in its result: a worker has died.
            if not under_way:
                raise


def is_backend_chosen() -> bool:
    """Whether a joblib backend was chosen, or we are inside one: mere preferences change nothing then."""
    names = [type(get_active_backend(prefer=wish)[0]).__name__ for wish in ("threads", "processes")]
    return names != ["ThreadingBackend", "LokyBackend"]


Result = list[TaskResult] | Fallback | bytes | None
Answer = tuple[int, Result]
Call = Callable[[int], Any]


def _pass(
    queue: TaskQueue, call: Call, options: dict[str, Any], under_way: list[int]
) -> Generator[TaskResult, None, None]:
    """Do all tasks that wait; keep in `under_way` those that were handed out and have not come back."""
    calls = _calls(queue, call, under_way)
    with Parallel(**options) as parallel:
        streams = options["return_as"] != "list"
        with _closing_quietly(parallel(calls) if streams else _in_portions(parallel, calls)) as answers:
            for answer in answers:
                under_way.remove(answer[0])
                yield from _taken(queue, answer)


def _calls(queue: TaskQueue, call: Call, under_way: list[int]) -> Iterator[Any]:
    while (at := queue.take()) is not None:
        try:
            made = call(at)
        except Exception:  # noqa: BLE001 - pickling runs code of the estimator
            queue.keep_here(at)
            continue
        under_way.append(at)
        yield made


def _taken(queue: TaskQueue, answer: Answer) -> Iterator[TaskResult]:
    """Hand on the results in an answer; without any, the task is put aside."""
    at, result = answer
    if isinstance(result, bytes):
        result = _loaded(result)
    if result is None:
        queue.keep_here(at)
    else:
        yield from queue.record(result)


def _isolated(task: AnyTask, call: Any, options: dict[str, Any]) -> Result:
    """Do a task while no other is under way; if its worker dies again, it has failed."""
    try:
        with Parallel(**options | {"return_as": "list"}) as parallel:
            ((_, result),) = parallel([call])
    except Exception as error:  # noqa: BLE001 - each backend has its own for a worker that died
        return failed(task, f"{type(error).__name__}: {error}")
    returned: Result = result
    return returned


def _call_here(tasks: list[AnyTask], data: TrainingData) -> Call:
    return lambda at: delayed(_run_here)(at, tasks[at], data)


def _call_there(tasks: list[AnyTask], common: SharedContext, backend: Any) -> Call:
    sent = broadcast(common, backend)
    parent = lifeline() if type(backend).__name__ in OWN_PROCESSES else None
    return lambda at: delayed(_run_packed)(at, dumps(tasks[at], common), sent, parent)


def _in_portions(parallel: Any, calls: Iterator[Any]) -> Generator[Any, None, None]:
    """Hand out a few calls a worker at a time: some backends, such as ray's, give results in lists alone."""
    size = PORTION * effective_n_jobs(parallel.n_jobs)
    while portion := list(islice(calls, size)):
        yield from parallel(portion)


def _run_here(at: int, task: AnyTask, data: TrainingData) -> Answer:
    return at, work(task, data)


def _run_packed(at: int, light: TaskBytes, sent: Any, parent: Lifeline | None) -> Answer:
    """Do a task in another process; return None instead of a result that cannot be sent back."""
    if parent is not None:
        watch_parent(parent)
    try:
        common = resolve(sent)
        task = loads(light, common)
    except Exception:  # noqa: BLE001 - unpickling runs code of the estimator
        return at, None
    result = work(task, common.data)
    try:
        with keep_rows():  # fitted ensembles go back as they are
            return at, bytes(cloudpickle.dumps(result))
    except Exception:  # noqa: BLE001 - pickling runs code of the fitted estimator
        return at, None


def _loaded(payload: bytes) -> list[TaskResult] | Fallback | None:
    try:
        result: list[TaskResult] | Fallback = cloudpickle.loads(payload)
    except Exception:  # noqa: BLE001 - unpickling runs code of the fitted estimator
        return None
    return result


@contextmanager
def _closing_quietly(results: Generator[Any, None, None]) -> Generator[Any, None, None]:
    """Close the results at the end; that tasks are cancelled then is what was asked for, and no warning."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()
