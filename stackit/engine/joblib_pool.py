"""Tasks run by joblib: in threads, in new processes, or by a backend that was chosen outside."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any

from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from stackit.engine.fold_batching import AnyTask
from stackit.engine.parent_death import Lifeline, lifeline, watch_parent
from stackit.engine.serialization import (
    SharedContext,
    TaskBytes,
    broadcast,
    dump_outcome,
    dumps,
    load_outcome,
    loads,
    resolve,
)
from stackit.engine.task import TaskResult
from stackit.engine.task_queue import Outcome, TaskQueue
from stackit.engine.time_limits import TimeLimits, run_within
from stackit.engine.training_data import TrainingData

__all__ = ["is_backend_chosen", "run_by_joblib"]

CALLS_PER_WORKER = 8  # that are handed out together, where results do not come one by one
# Backends of which the workers are processes of this one, and do not end with it by themselves.
OWN_PROCESSES = {"LokyBackend", "MultiprocessingBackend"}
GROWN = "A worker stopped while some jobs were given to the executor"

Reply = tuple[int, Outcome | bytes | None]  # a task's number and outcome, pickled or not; None cannot be sent
MakeCall = Callable[[int], Any]


def run_by_joblib(queue: TaskQueue, data: TrainingData, **options: Any) -> Generator[TaskResult, None, None]:
    """Hand the tasks to joblib one by one, with options of `joblib.Parallel`.

    What the tasks have in common goes to each worker once. When a worker dies, joblib loses all tasks that
    were running and does not say which one it ran: each is run again in isolation, and the one that ends its
    worker again has failed. Tasks that cannot be sent to other processes are kept for this one. At the
    deadline of the queue joblib kills its own processes; other backends end the running tasks if they can.
    """
    if not queue.waiting:
        return
    backend = get_active_backend()[0]
    if options.get("backend") == "threading" or getattr(backend, "supports_sharedmem", False):
        make_call = _local_calls(queue.tasks, data)
    else:
        context = SharedContext.of(queue.tasks, data)
        if not context.can_be_pickled():
            queue.keep_all_local()
            return
        make_call = _remote_calls(queue, context, backend)
    streams = "backend" in options or backend.supports_return_generator
    options |= {"batch_size": 1, "return_as": "generator_unordered" if streams else "list"}
    running: list[int] = []
    while queue.waiting or running:  # again after a fallback
        for at in [at for at in running if queue.tasks[at].name not in queue.failures]:
            if not queue.limits.are_over:
                yield from _record(queue, (at, _run_isolated(queue, at, make_call(at), options)))
        running.clear()
        try:
            yield from _run_waiting(queue, make_call, options, running)
        except Exception:
            # Not an estimator's error, which would be in its result: a worker has died, or time is over.
            if not running:
                raise


def is_backend_chosen() -> bool:
    """Whether a joblib backend was chosen, or this is inside one: preferences change nothing then."""
    names = [type(get_active_backend(prefer=wish)[0]).__name__ for wish in ("threads", "processes")]
    return names != ["ThreadingBackend", "LokyBackend"]


def _run_waiting(
    queue: TaskQueue, make_call: MakeCall, options: dict[str, Any], running: list[int]
) -> Generator[TaskResult, None, None]:
    """Run all tasks that wait; `running` holds those that were handed out and have not come back."""
    calls = _calls(queue, make_call, running)
    with Parallel(**options) as parallel:
        streams = options["return_as"] != "list"
        parallel.timeout = queue.limits.timeout
        with _closing_quietly(parallel(calls) if streams else _in_portions(parallel, calls)) as replies:
            for reply in replies:
                running.remove(reply[0])
                yield from _record(queue, reply)
                parallel.timeout = queue.limits.timeout  # without a result for so long, joblib gives up


def _calls(queue: TaskQueue, make_call: MakeCall, running: list[int]) -> Iterator[Any]:
    while (at := queue.take()) is not None:
        try:
            call = make_call(at)
        except Exception:  # noqa: BLE001 - pickling runs code of the estimator
            queue.keep_local(at)
            continue
        running.append(at)
        yield call


def _record(queue: TaskQueue, reply: Reply) -> list[TaskResult]:
    """Return the results of a reply; a task without an outcome is kept for this process."""
    at, outcome = reply
    outcome = load_outcome(outcome) if isinstance(outcome, bytes) else outcome
    if outcome is None:
        queue.keep_local(at)
        return []
    return queue.record(outcome)


def _run_isolated(queue: TaskQueue, at: int, call: Any, options: dict[str, Any]) -> Outcome | bytes | None:
    """Run a task while no other is running; if its worker dies again, it has failed."""
    try:
        with Parallel(**options | {"return_as": "list"}) as parallel:
            parallel.timeout = queue.limits.timeout
            replies: list[Reply] = parallel([call])
    except Exception as error:  # noqa: BLE001 - each backend has its own for a worker that died
        return [] if queue.limits.are_over else queue.tasks[at].died(f"{type(error).__name__}: {error}")
    return replies[0][1]


def _local_calls(tasks: list[AnyTask], data: TrainingData) -> MakeCall:
    return lambda at: delayed(_run_local)(at, tasks[at], data)


def _remote_calls(queue: TaskQueue, context: SharedContext, backend: Any) -> MakeCall:
    sent, parent = broadcast(context, backend), None
    if type(backend).__name__ in OWN_PROCESSES:
        parent = lifeline()
        # loky replaces workers that grow by 300 MB, as those of earlier calls do when they import libraries,
        # and warns of it. Where warnings are errors, that ends the thread that hands out the work: no call
        # would ever return.
        warnings.filterwarnings("ignore", GROWN, UserWarning)
    limits = TimeLimits(task_seconds=queue.limits.task_seconds)  # clocks differ between machines
    return lambda at: delayed(_run_remote)(at, dumps(queue.tasks[at], context), sent, parent, limits)


def _in_portions(parallel: Any, calls: Iterator[Any]) -> Generator[Any, None, None]:
    """Hand out a few calls per worker: some backends, such as ray's, return results only as lists."""
    size = CALLS_PER_WORKER * effective_n_jobs(parallel.n_jobs)
    while portion := list(islice(calls, size)):
        yield from parallel(portion)


def _run_local(at: int, task: AnyTask, data: TrainingData) -> Reply:
    return at, task.run(data)


def _run_remote(at: int, packed: TaskBytes, sent: Any, parent: Lifeline | None, limits: TimeLimits) -> Reply:
    """Run a task in another process; reply with None where it or its outcome cannot be sent."""
    if parent is not None:
        watch_parent(parent)
    try:
        context = resolve(sent)
        task = loads(packed, context)
    except Exception:  # noqa: BLE001 - unpickling runs code of the estimator
        return at, None
    return at, dump_outcome(run_within(task, context.data, limits) if limits else task.run(context.data))


@contextmanager
def _closing_quietly(results: Generator[Any, None, None]) -> Generator[Any, None, None]:
    """Close the results at the end, without joblib's warnings or errors about cancelled tasks."""
    try:
        yield results
    finally:
        with warnings.catch_warnings(), suppress(Exception):
            warnings.simplefilter("ignore", UserWarning)
            results.close()
