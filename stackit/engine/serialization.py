"""Tasks on their way to a worker, without what all of them share, and outcomes on their way back."""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any

import cloudpickle
import numpy as np

from stackit.engine.fold_batching import AnyTask
from stackit.engine.task_queue import Outcome
from stackit.engine.training_data import TrainingData
from stackit.results.placeholders import keep_rows

__all__ = [
    "SharedContext",
    "TaskBytes",
    "broadcast",
    "dump_outcome",
    "dumps",
    "load_outcome",
    "loads",
    "resolve",
]

TaskBytes = bytes


class SharedContext:
    """What the tasks of a run share: the tables, the rows of the folds, and the weights."""

    def __init__(self, data: TrainingData, parts: list[Any]) -> None:
        self.data, self.own_parts = data, parts  # in which nothing of the data is
        self.parts: list[Any] = [data, data.target, data.target.type, *parts]

    @classmethod
    def of(cls, tasks: list[AnyTask], data: TrainingData) -> SharedContext:
        """Return what these tasks share."""
        parts = {id(part): part for task in tasks for part in task.shared_parts()}
        for part in (data, data.target, data.target.type):
            parts.pop(id(part), None)
        return cls(data, [*parts.values()])

    def can_be_pickled(self) -> bool:
        """Whether it can be pickled: all is tried but the numbers in arrays, which always can."""
        try:
            _TrialPickler(_Discard()).dump([self.data.X, self.data.X_test, *self.parts[1:]])
        except Exception:  # noqa: BLE001 - pickling runs code of the caller's tables
            return False
        return True

    def __sizeof__(self) -> int:
        """Tell clusters the true size: what is small they send along with every task."""
        target, arrays = self.data.target, [part for part in self.parts if isinstance(part, np.ndarray)]
        tables = [self.data.X, self.data.X_test, target.y, target.codes, *arrays]
        return sum(int(getattr(table, "nbytes", 0)) or sys.getsizeof(table) for table in tables)


def dumps(task: AnyTask, context: SharedContext) -> TaskBytes:
    """Pickle a task without what is shared; a few kilobytes, however many rows there are."""
    file = io.BytesIO()
    _TaskPickler(file, context).dump(task)
    return file.getvalue()


def loads(packed: TaskBytes, context: SharedContext) -> AnyTask:
    """Return the task that `dumps` has pickled with the same context, or with a copy of it."""
    task: AnyTask = _TaskUnpickler(io.BytesIO(packed), context).load()
    return task


def dump_outcome(outcome: Outcome) -> bytes | None:
    """Pickle what came of a task; return None where it cannot be pickled."""
    # By reference first: a class of the main script is then the same class in the parent.
    for dumps in (pickle.dumps, cloudpickle.dumps):
        try:
            with keep_rows():  # fitted ensembles go back as they are
                return bytes(dumps(outcome))
        except Exception:  # noqa: BLE001 - pickling runs code of the fitted estimator
            continue
    return None


def load_outcome(payload: bytes) -> Outcome | None:
    """Return what `dump_outcome` has pickled in a worker, or None where it cannot be loaded here."""
    try:
        outcome: Outcome = pickle.loads(payload)
    except Exception:  # noqa: BLE001 - unpickling runs code of the fitted estimator
        return None
    return outcome


def broadcast(context: SharedContext, backend: Any) -> Any:
    """Send the context to a cluster once, and return what stands for it in the tasks.

    With dask each worker gets a copy: what came from here would lie on one of them otherwise, be lost with
    it, and could not be computed again. With ray it goes into the object store. All other backends get the
    context itself.
    """
    if hasattr(backend, "client"):
        return backend.client.scatter(context, broadcast=True, hash=False)
    if type(backend).__module__.startswith("ray."):
        return sys.modules["ray"].put(context)
    return context


def resolve(sent: Any) -> SharedContext:
    """Return the context that `broadcast` has sent; dask has looked it up already."""
    context: SharedContext = sent if isinstance(sent, SharedContext) else sys.modules["ray"].get(sent)
    return context


class _TaskPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Writes the position of a shared part instead of the part."""

    def __init__(self, file: io.BytesIO, context: SharedContext) -> None:
        super().__init__(file)
        self.positions = {id(part): at for at, part in enumerate(context.parts)}

    def persistent_id(self, part: Any) -> int | None:
        return self.positions.get(id(part))


class _TaskUnpickler(pickle.Unpickler):
    """Puts the shared parts back in their positions."""

    def __init__(self, file: io.BytesIO, context: SharedContext) -> None:
        super().__init__(file)
        self.context = context

    def persistent_load(self, at: int) -> Any:
        return self.context.parts[at]


class _TrialPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles everything but arrays of numbers."""

    def persistent_id(self, part: Any) -> int | None:
        return 0 if type(part) is np.ndarray and not part.dtype.hasobject else None


class _Discard(io.RawIOBase):
    """Accepts bytes and discards them."""

    def write(self, _: Any) -> int:
        return 0
