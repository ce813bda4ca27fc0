"""What the tasks of a run have in common, which travels to a worker once, and tasks made light without it."""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any

import cloudpickle
import numpy as np

from stackit.engine.fold_batching import AnyTask, BatchedTask
from stackit.engine.task import Task
from stackit.engine.training_data import TrainingData

__all__ = ["SharedContext", "TaskBytes", "broadcast", "dumps", "loads", "resolve"]

TaskBytes = bytes


class SharedContext:
    """What the tasks of a run have in common: the tables, the rows of the folds, and the weights.

    Parameters
    ----------
    tasks : list of Task or SharedTask
        Whose common parts these are.
    data : Data
        The tables.
    """

    def __init__(self, tasks: list[AnyTask], data: TrainingData) -> None:
        parts = [data, data.target, data.target.type]
        for task in tasks:
            parts += _parts_of(task)
        self.data = data
        self.parts: list[Any] = list({id(part): part for part in parts}.values())

    def can_travel(self) -> bool:
        """Whether it can be pickled: all is tried but the numbers in arrays, which always can."""
        try:
            _Trial(_Nowhere()).dump([self.data.X, self.data.X_test, *self.parts[1:]])
        except Exception:  # noqa: BLE001 - pickling runs code of the caller's tables
            return False
        return True

    def __sizeof__(self) -> int:
        """Tell clusters how much this is in truth: what is small they send along with every task."""
        target, arrays = self.data.target, [part for part in self.parts if isinstance(part, np.ndarray)]
        tables = [self.data.X, self.data.X_test, target.y, target.codes, *arrays]
        return sum(int(getattr(table, "nbytes", 0)) or sys.getsizeof(table) for table in tables)


def dumps(task: AnyTask, common: SharedContext) -> TaskBytes:
    """Return a task without what is common; a few kilobytes, however many rows there are.

    Parameters
    ----------
    task : Task or SharedTask
        One of those that `common` was made of.
    common : Common
        What stays behind.
    """
    file = io.BytesIO()
    _Packer(file, common).dump(task)
    return file.getvalue()


def loads(light: TaskBytes, common: SharedContext) -> AnyTask:
    """Return the task that was packed, its parts taken from what is common.

    Parameters
    ----------
    light : bytes
        What `pack` has returned in this program; it is a pickle, and not for storing.
    common : Common
        What was packed without, or a copy of it in another process.
    """
    task: AnyTask = _Unpacker(io.BytesIO(light), common).load()
    return task


def broadcast(common: SharedContext, backend: Any) -> Any:
    """Send what is common to a cluster once, and return what stands for it in the tasks.

    With dask each worker gets a copy: what came from here would lie on one of them otherwise, be lost with
    it, and could not be computed again. With ray it goes into the object store. All other backends get the
    thing itself.

    Parameters
    ----------
    common : Common
        What the tasks have in common.
    backend : joblib backend
        The active one.
    """
    if hasattr(backend, "client"):
        return backend.client.scatter(common, broadcast=True, hash=False)
    if type(backend).__module__.startswith("ray."):
        return sys.modules["ray"].put(common)
    return common


def resolve(sent: Any) -> SharedContext:
    """Return what stands behind what `sent_ahead` has returned; dask has looked it up already.

    Parameters
    ----------
    sent : Common or ray's reference to it
        As it came with a task.
    """
    common: SharedContext = sent if isinstance(sent, SharedContext) else sys.modules["ray"].get(sent)
    return common


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]
    """Writes the place of a common part instead of the part."""

    def __init__(self, file: io.BytesIO, common: SharedContext) -> None:
        super().__init__(file)
        self.places = {id(part): place for place, part in enumerate(common.parts)}

    def persistent_id(self, part: Any) -> int | None:
        return self.places.get(id(part))


class _Nowhere(io.RawIOBase):
    """Takes bytes and forgets them."""

    def write(self, _: Any) -> int:
        return 0


class _Trial(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles everything but arrays of numbers."""

    def persistent_id(self, part: Any) -> int | None:
        return 0 if type(part) is np.ndarray and not part.dtype.hasobject else None


class _Unpacker(pickle.Unpickler):
    """Puts the common parts back in their places."""

    def __init__(self, file: io.BytesIO, common: SharedContext) -> None:
        super().__init__(file)
        self.common = common

    def persistent_load(self, place: int) -> Any:
        return self.common.parts[place]


def _parts_of(task: AnyTask) -> list[Any]:
    if isinstance(task, BatchedTask):
        return [task.folds, *(part for one in task.tasks for part in _parts_of(one))]
    rows = [rows for rows in (task.train, task.held_out, task.watched) if rows is not None]
    return [*rows, *_columns_of(task)]


def _columns_of(task: Task) -> list[Any]:
    return [values for values in task.fit_params.values() if hasattr(values, "__len__")]
