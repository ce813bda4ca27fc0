"""Where the tasks of a run are done, and in which order."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any

import cloudpickle
import numpy as np
from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from stackit.data import Data
from stackit.parcel import Common, Light, arrived, pack, sent_ahead, unpack
from stackit.repeated_warnings import Repeats, recorded
from stackit.task import Finished, run
from stackit.threads import one_thread
from stackit.together import AnyTask, Declined, SharedTask, run_shared

__all__ = ["run_all"]

SHORT = 0.33  # seconds of work that are done sooner than workers are started
PROBE = 0.05  # seconds after which the work that is left is estimated
LARGE = 8 << 20  # bytes from which fits release the interpreter's lock most of the time

PORTION = 8  # tasks a worker at a time, where results do not come one by one

_INHERITED: dict[int, tuple[list[AnyTask], Data]] = {}


class Queue:
    """The tasks that wait; those of the first fold come first, then the longest, by what the first took.

    Parameters
    ----------
    tasks : list of Task
        In the order of folds.
    failures : mapping
        Names of estimators that have failed, now or later: their tasks are passed over.
    seconds : mapping
        How long a fit of some estimators took, where that is known already.
    """

    def __init__(
        self, tasks: list[AnyTask], failures: Mapping[str, Any], seconds: Mapping[str, float] | None = None
    ) -> None:
        self.failures = failures
        self.waiting = list(range(len(tasks)))
        # The folds of a shared task are there from the start, for children know what was there when they
        # were made; they wait only if it declines.
        parked = [(task.name, one) for task in tasks if isinstance(task, SharedTask) for one in task.left]
        self.tasks = [*tasks, *(one for _, one in parked)]
        self.parked: dict[str, list[int]] = {}
        for at, (name, _) in enumerate(parked, start=len(tasks)):
            self.parked.setdefault(name, []).append(at)
        self.seconds = dict(seconds or {})
        self.lock = threading.Lock()

    def take(self, longest_first: bool = True) -> int | None:
        """Return the number of the next task, or None when there are no more."""
        with self.lock:
            if self.failures:
                self.waiting = [at for at in self.waiting if self.tasks[at].name not in self.failures]
            if not self.waiting:
                return None
            chosen = max(self.waiting, key=self._expected) if longest_first else self.waiting[0]
            self.waiting.remove(chosen)
            return chosen

    def __iter__(self) -> Iterator[AnyTask]:
        while (at := self.take()) is not None:
            yield self.tasks[at]

    def noted(self, result: list[Finished] | Declined) -> Iterator[Finished]:
        """Hand results on, and remember how long their estimator takes."""
        if isinstance(result, Declined):
            with self.lock:
                self.waiting += self.parked.pop(result.name)
            return
        for done in result:
            self.seconds[done.name] = done.seconds
            yield done

    def remaining(self) -> float:
        """Estimate the seconds of work that wait; a task of which nothing is known takes the average."""
        known = list(self.seconds.values())
        average = sum(known) / len(known) if known else np.inf
        return sum(self.seconds.get(self.tasks[at].name, average) for at in self.waiting)

    def _expected(self, at: int) -> float:
        return self.seconds.get(self.tasks[at].name, np.inf)


def run_all(
    tasks: list[AnyTask],
    data: Data,
    n_jobs: int | None,
    failures: Mapping[str, Any],
    seconds: Mapping[str, float] | None = None,
) -> Generator[Finished, None, None]:
    """Run the tasks, at most n_jobs at once; yield what is finished as it comes.

    A joblib backend that was chosen outside is used as it is. Otherwise short work is done inline, and more
    in forked processes; where a fork is not safe, large tables are worked on in threads by estimators that
    release the interpreter's lock, and all else in processes that are started anew.

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
    repeats = Repeats("fits")
    try:
        for done in _run(tasks, data, n_jobs, failures, seconds):
            repeats.add(done.said, done.name)
            yield done
    finally:
        repeats.say()


def _run(
    tasks: list[AnyTask],
    data: Data,
    n_jobs: int | None,
    failures: Mapping[str, Any],
    seconds: Mapping[str, float] | None,
) -> Generator[Finished, None, None]:
    queue = Queue(tasks, failures, seconds)
    n_fits = sum(len(task.left) if isinstance(task, SharedTask) else 1 for task in tasks)
    workers = min(effective_n_jobs(n_jobs), n_fits)
    with one_thread():
        if _chosen_outside():
            yield from _by_joblib(queue, data, n_jobs=n_jobs)
            return
        large = _n_bytes(data.X) >= LARGE
        if workers == 1 or not large:
            yield from _inline(queue, data, all_of_it=workers == 1)
        if not queue.waiting:
            return
        if _may_fork():  # quicker than threads by 8 % on large tables: no child waits for another's Python
            yield from _in_children(queue, data, workers)
        elif large and all(task.habits.well_known for task in tasks):
            yield from _by_joblib(queue, data, n_jobs=workers, backend="threading")
        else:
            yield from _by_joblib(queue, data, n_jobs=workers)


def work(task: AnyTask, data: Data) -> list[Finished] | Declined:
    """Do one task, of one fold or of all."""
    with recorded() as said:
        result = run_shared(task, data) if isinstance(task, SharedTask) else [run(task, data)]
    if said and not isinstance(result, Declined):
        for done in result:
            done.said = tuple(said)
    return result


def _inline(queue: Queue, data: Data, all_of_it: bool) -> Generator[Finished, None, None]:
    """Do tasks here, fold by fold, as long as little is left."""
    started = time.perf_counter()
    while queue.waiting:
        if not all_of_it and time.perf_counter() - started > PROBE and queue.remaining() > SHORT:
            return
        at = queue.take(longest_first=False)
        if at is None:
            return
        yield from queue.noted(work(queue.tasks[at], data))


def _by_joblib(queue: Queue, data: Data, **options: Any) -> Generator[Finished, None, None]:
    """Hand the tasks to joblib one by one; what they have in common goes to each worker once."""
    backend = get_active_backend()[0]
    call = _call_here(data)
    if options.get("backend") != "threading" and not getattr(backend, "supports_sharedmem", False):
        call = _call_there(Common(queue.tasks, data), backend)
    streams = "backend" in options or backend.supports_return_generator
    options |= {"batch_size": 1, "return_as": "generator_unordered" if streams else "list"}
    with Parallel(**options) as parallel:
        while queue.waiting:  # again, when shared tasks have declined
            calls = (call(task) for task in queue)
            with _closing_quietly(parallel(calls) if streams else _in_portions(parallel, calls)) as results:
                for result in results:
                    yield from queue.noted(result)


def _call_here(data: Data) -> Callable[[AnyTask], Any]:
    return lambda task: delayed(work)(task, data)


def _call_there(common: Common, backend: Any) -> Callable[[AnyTask], Any]:
    sent = sent_ahead(common, backend)
    return lambda task: delayed(_run_packed)(pack(task, common), sent)


def _in_portions(parallel: Any, calls: Iterator[Any]) -> Generator[Any, None, None]:
    """Hand out a few calls a worker at a time: some backends, such as ray's, give results in lists alone."""
    size = PORTION * effective_n_jobs(parallel.n_jobs)
    while portion := list(islice(calls, size)):
        yield from parallel(portion)


def _run_packed(light: Light, sent: Any) -> list[Finished] | Declined:
    common = arrived(sent)
    return work(unpack(light, common), common.data)


def _in_children(queue: Queue, data: Data, workers: int) -> Generator[Finished, None, None]:
    """Do the tasks in forked processes, which have the tables and the tasks already."""
    token = id(queue)
    _INHERITED[token] = (queue.tasks, data)
    try:
        while queue.waiting:
            suspects = yield from _in_pool(queue, data, workers, token)
            # A process has died, and with it its pool: which of the tasks under way was it?
            for at in suspects:
                yield from queue.noted(_alone(queue.tasks[at], token, at))
    finally:
        del _INHERITED[token]


def _in_pool(queue: Queue, data: Data, workers: int, token: int) -> Generator[Finished, None, list[int]]:
    """Do tasks until none waits; return those that were under way if the pool has broken before."""
    others = set(multiprocessing.active_children())
    pool = _forked(workers)
    running: dict[Future[bytes], int] = {}
    try:
        while _refill(pool, running, queue, workers, token):
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                if isinstance(future.exception(), BrokenProcessPool):
                    return list(running.values())
                at = running.pop(future)
                # What cannot leave its process is done again, here.
                result = _unpacked(future.result())
                yield from queue.noted(work(queue.tasks[at], data) if result is None else result)
        return []
    finally:
        if running:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _refill(
    pool: ProcessPoolExecutor, running: dict[Future[bytes], int], queue: Queue, workers: int, token: int
) -> bool:
    """Keep one task more than workers on the way; return whether any is."""
    while len(running) <= workers and (at := queue.take()) is not None:
        running[pool.submit(_run_inherited, token, at)] = at
    return bool(running)


def _forked(workers: int) -> ProcessPoolExecutor:
    """Return a pool whose processes are forked already, and from a new thread.

    OpenMP's threads do not survive a fork, and a child of a thread that has used some would wait for them
    for ever: xgboost, used in this process before, is enough. A new thread has none.
    """
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork"))
    errors: list[Exception] = []

    def fork() -> None:
        try:
            with warnings.catch_warnings():
                # Idle threads do no harm to children that have threads of their own.
                warnings.filterwarnings(
                    "ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning
                )
                pool.submit(int)
        except Exception as error:  # noqa: BLE001 - raised below, where somebody hears it
            errors.append(error)

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    if errors:
        pool.shutdown()
        raise errors[0]
    return pool


def _alone(task: AnyTask, token: int, at: int) -> list[Finished] | Declined:
    """Do a task in a process of its own; if that dies, the task has failed."""
    with _forked(1) as pool:
        try:
            result = _unpacked(pool.submit(_run_inherited, token, at).result())
        except BrokenProcessPool:
            result = None
    if result is not None:
        return result
    lost = RuntimeError("the process that did this fit has died: out of memory, or a crash in compiled code")
    splits = [one.split for one in task.left] if isinstance(task, SharedTask) else [task.split]
    return [Finished(task.name, split, error=lost) for split in splits]


def _run_inherited(token: int, at: int) -> bytes:
    tasks, data = _INHERITED[token]
    result = work(tasks[at], data)
    try:
        return bytes(cloudpickle.dumps(result))
    except Exception:  # noqa: BLE001 - pickling runs code of the fitted estimator
        return b""


def _unpacked(packed: bytes) -> list[Finished] | Declined | None:
    """Return what a child has sent, or None when it cannot be read here."""
    try:
        result: list[Finished] | Declined = cloudpickle.loads(packed)
    except Exception:  # noqa: BLE001 - unpickling runs code of the fitted estimator
        return None
    return result


def _chosen_outside() -> bool:
    """Whether a joblib backend was chosen, or we are inside one: mere preferences change nothing then."""
    names = [type(get_active_backend(prefer=wish)[0]).__name__ for wish in ("threads", "processes")]
    return names != ["ThreadingBackend", "LokyBackend"]


def _may_fork() -> bool:
    """Whether a fork is safe: no other Python threads, whose locks children would wait for, and no torch."""
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and "torch" not in sys.modules
        and not multiprocessing.current_process().daemon
    )


def _n_bytes(X: Any) -> int:
    if hasattr(X, "nbytes"):
        return int(X.nbytes)
    if hasattr(X, "memory_usage"):
        return int(X.memory_usage(index=False).sum())
    return int(X.data.nbytes) if hasattr(X, "data") and hasattr(X.data, "nbytes") else 0


@contextmanager
def _closing_quietly(results: Generator[Finished, None, None]) -> Generator[Any, None, None]:
    """Close the results at the end; that tasks are cancelled then is what was asked for, and no warning."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()
