"""Which tasks of a run share the steps before the last of their pipelines, and what these steps have made."""

from __future__ import annotations

import hashlib
import pickle
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.pipeline import Pipeline

from stackit.arrays import Rows
from stackit.batched_fits.pipelines import is_separable
from stackit.engine.preparation import FoldTables, Preparation, pipeline_in, set_first_steps
from stackit.engine.shared_pickles import SharedPickles, pickle_or_cloudpickle
from stackit.estimators.seeds import generator_states
from stackit.results.repeated_warnings import RecordedWarning, record_again, record_warnings
from stackit.store.fingerprint import Descriptions, IndescribableError

if TYPE_CHECKING:
    from stackit.engine.task import Task, TaskResult

__all__ = ["PreparationCache"]


class PreparationCache:
    """The preparations of a run: those that several tasks share are made once, for all forked processes.

    Two tasks share a preparation where the steps before the last are equal by fingerprint, as for a store,
    and so are the rows of the fold. Steps without a seed get one that depends on the estimator's name, so
    they are not shared; nor are those that turn out to draw random numbers.

    `adapts` says that gradient boosting libraries get the table in another form than others do. While
    `expects_more` is true, tasks of later calls of `plan` may share what one task prepares.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Lasso
    >>> from sklearn.preprocessing import StandardScaler
    >>> from stackit import out_of_fold
    >>> pipelines = [Pipeline([("scale", StandardScaler()), ("lasso", Lasso(alpha))]) for alpha in (0.1, 1)]
    >>> oof = out_of_fold(pipelines, np.eye(6), np.arange(6.0), cv=3, n_jobs=1)
    >>> scalers = [oof[name].fold_estimators[0].named_steps["scale"] for name in oof]
    >>> scalers[0] is scalers[1]
    True
    """

    def __init__(self, adapts: bool = False) -> None:
        self.adapts, self.expects_more = adapts, False
        self._objects = SharedPickles()
        self._keys: dict[tuple[str, int], str] = {}
        self._n_tasks: Counter[str] = Counter()
        self._numbers: dict[str, int | None] = {}
        self._kinds: Counter[tuple[type, ...]] = Counter()
        self._steps: WeakValueDictionary[tuple[str, int], Any] = WeakValueDictionary()

    def plan(self, tasks: Iterable[Task]) -> None:
        """Find out which tasks share a preparation, before processes are forked that run them."""
        planned = [*tasks]
        for task in planned:  # a name may be fitted with another estimator than before
            self._keys.pop((task.name, task.split), None)
        candidates = self._candidates(planned)
        texts, rows = Descriptions(), _RowDigests()
        described: dict[int, str | None] = {}
        for task in candidates:
            if id(task.estimator) not in described:
                described[id(task.estimator)] = _text_of(task.estimator, texts)
            text = described[id(task.estimator)]
            if text is not None:
                key = self._keys[task.name, task.split] = self._key_of(task, text, rows)
                self._n_tasks[key] += 1
        for key, n_tasks in self._n_tasks.items():
            if key not in self._numbers and (self.expects_more or n_tasks > 1):
                self._numbers[key] = self._objects.reserve()

    def get(self, task: Task, make: Callable[[], Preparation]) -> Preparation | None:
        """Return the preparation of a task that shares it with others, None of any other task."""
        key = self._keys.get((task.name, task.split))
        number = None if key is None else self._numbers.get(key)
        if key is None or number is None:
            return None

        def made() -> tuple[_Packed, bool]:
            before = generator_states() if task.traits.seeds.draws else None
            with record_warnings() as warnings:
                preparation = make()
            has_drawn = before is not None and generator_states() != before
            packed = _Packed(preparation.steps, preparation.tables, tuple(warnings))
            return packed, not has_drawn and _can_be_shared(preparation.tables)

        packed: _Packed = self._objects.get(number, made)
        record_again(packed.warnings)
        if self._objects.is_refused(number):
            return Preparation(packed.steps(), packed.tables)
        known = [self._steps.get((key, at)) for at in range(len(task.estimator.steps) - 1)]
        steps = packed.steps() if None in known else known
        return Preparation(self._unified(key, steps), packed.tables)

    def __getstate__(self) -> dict[str, Any]:
        """Be pickled for processes that are not forked from this one: they plan nothing."""
        return vars(self) | {"_kinds": Counter(), "_steps": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _steps=WeakValueDictionary())

    def share_steps(self, result: TaskResult) -> None:
        """Replace the fitted steps in a result from another process by equal ones that are here already."""
        key, pipeline = self._keys.get((result.name, result.split)), pipeline_in(result.estimator)
        number = None if key is None else self._numbers.get(key)
        if key is None or pipeline is None or number is None or self._objects.is_refused(number):
            return
        set_first_steps(pipeline, self._unified(key, [step for _, step in pipeline.steps[:-1]]))

    def _candidates(self, tasks: list[Task]) -> list[Task]:
        """Return the tasks of pipelines with steps of the same classes as those of others, now or before."""
        shareable = [task for task in tasks if _is_shareable(task)]
        kinds = {id(task.estimator): _kinds_of(task.estimator) for task in shareable}
        # Names, because a run may clone an estimator that it gets under two names.
        own = {(task.name, id(task.estimator)): kinds[id(task.estimator)] for task in shareable}
        self._kinds.update(own.values())
        if self.expects_more:
            return shareable
        return [task for task in shareable if self._kinds[kinds[id(task.estimator)]] > 1]

    def _key_of(self, task: Task, text: str, rows: _RowDigests) -> str:
        """Return the digest of everything that a preparation depends on, within a run."""
        is_adapted = self.adapts and task.traits.reader.boosts
        state = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
        state.update(f"{task.traits.is_classifier} {is_adapted} {task.split < 0}".encode())
        for part in (task.train, task.held_out, task.validation_rows):
            state.update(rows.of(part))
        return state.hexdigest()

    def _unified(self, key: str, steps: list[Any]) -> list[Any]:
        """Return fitted steps, or those that are equal and in use already."""
        return [
            step if step is None or isinstance(step, str) else self._steps.setdefault((key, at), step)
            for at, step in enumerate(steps)
        ]


class _Packed:
    """A preparation as it is kept: its steps are unpickled only where a process has none that are equal.

    Else classes of the main script or of functions would be made again with them.
    """

    def __init__(self, steps: list[Any], tables: FoldTables, warnings: tuple[RecordedWarning, ...]) -> None:
        self.tables, self.warnings = tables, warnings
        self._steps: list[Any] | bytes = steps

    def steps(self) -> list[Any]:
        """Return the fitted steps."""
        return pickle.loads(self._steps) if isinstance(self._steps, bytes) else self._steps

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_steps": pickle_or_cloudpickle(self._steps)}


class _RowDigests:
    """Digests of arrays of rows, each read once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, bytes]] = {}

    def of(self, rows: Rows | None) -> bytes:
        if id(rows) not in self._known:
            content = b"none" if rows is None else np.ascontiguousarray(rows).tobytes()
            self._known[id(rows)] = rows, hashlib.sha256(content).digest()
        return self._known[id(rows)][1]


def _is_shareable(task: Task) -> bool:
    """Whether nothing but the rows and y enters the fit of the steps before the last."""
    if not is_separable(task.estimator):
        return False
    last, seeds = task.estimator.steps[-1][0], task.traits.seeds
    names = (*task.fit_params, *seeds.unseeded, *seeds.splitters, *seeds.encoders, *task.traits.encoded_parts)
    return all(name == last or name.startswith(f"{last}__") for name in names)


def _kinds_of(pipeline: Pipeline) -> tuple[type, ...]:
    return tuple(type(step) for _, step in pipeline.steps[:-1])


def _text_of(pipeline: Pipeline, texts: Descriptions) -> str | None:
    """Return the fingerprint of the steps before the last, or None where they have none."""
    try:
        return texts.of([step for _, step in pipeline.steps[:-1]])
    except IndescribableError:
        return None


def _can_be_shared(tables: FoldTables) -> bool:
    """Whether a pickle of the tables has all numbers in the same order in memory, which sums depend on."""
    parts = (tables.train, tables.held_out, tables.validation, tables.test)
    return all(table is None or _is_plain(table) for table in parts)


def _is_plain(table: Any) -> bool:
    if isinstance(table, pd.DataFrame):
        kinds = set(table.dtypes)
        if len(kinds) != 1 or not isinstance(kinds.pop(), np.dtype):
            return True  # the columns are copied together when they are read as an array
        table = table.to_numpy()
    if type(table) is np.ndarray:
        return bool(table.flags.c_contiguous or table.flags.f_contiguous)
    return bool(sparse.issparse(table))
