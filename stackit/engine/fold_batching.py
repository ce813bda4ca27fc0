"""One estimator on all folds at once: a task like the others, which falls back on the plain loop."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats, num_samples
from stackit.arrays.isolation import own_tables
from stackit.batched_fits import BatchedRequest, BatchedResult, can_batch, fit_batched
from stackit.engine.failures import as_failure
from stackit.engine.task import EstimatorTraits, Task, TaskResult, run, seeded
from stackit.engine.threads import single_threaded
from stackit.engine.training_data import TrainingData
from stackit.estimators.prediction_checks import ALL_ROWS
from stackit.estimators.traits import tags_of
from stackit.folds import Folds
from stackit.results.repeated_warnings import recorded

__all__ = ["AnyTask", "BatchedTask", "Fallback", "failed", "group_by_estimator", "run_batched", "work"]


@dataclass(frozen=True, eq=False)
class BatchedTask:
    """All tasks of one estimator, done as one.

    Parameters
    ----------
    tasks : tuple of Task
        One a split, in the order of splits: what the plain loop would do.
    folds : Folds
        The splits.
    left : tuple of Task
        Those of the tasks that are still to do; the others' results are known already.
    """

    tasks: tuple[Task, ...]
    folds: Folds
    left: tuple[Task, ...]

    @property
    def name(self) -> str:
        """The estimator's name."""
        return self.tasks[0].name

    @property
    def habits(self) -> EstimatorTraits:
        """What is to be minded of the estimator."""
        return self.tasks[0].habits


AnyTask = Task | BatchedTask


@dataclass(frozen=True)
class Fallback:
    """What comes of a shared task that would not be exact: its folds are to be done one by one."""

    name: str


def group_by_estimator(
    left: list[Task], tasks: list[Task], folds: Folds, data: TrainingData
) -> list[AnyTask]:
    """Put the tasks of each estimator together whose folds can be shared; these come first.

    Where some folds of such an estimator are left to do, it sees all of them again: a shared fit and a plain
    one may differ in the last digit, and a run that was interrupted must give what it would have given.

    Parameters
    ----------
    left : list of Task
        What is left to do.
    tasks : list of Task
        All tasks of the run.
    folds : Folds
        The splits.
    data : Data
        The tables.
    """
    folded = [task for task in left if task.split >= 0]
    names = {task.name for task in folded if _only_weights(task) and can_batch(task.estimator)}
    if names and data.matrix is None:
        names &= {task.name for task in folded if _takes_more_than_matrices(task.estimator)}
    if not names or _lacks_classes(folds, data):
        return [*left]
    of_name: dict[str, list[Task]] = {name: [] for name in names}
    for task in tasks:
        if task.name in names and task.split >= 0:
            of_name[task.name].append(task)
    of_name = {name: own for name, own in of_name.items() if _may_watch(own, folds, data)}
    numbers = {id(task) for task in left}
    shared = [
        BatchedTask(tuple(own), _as_fitted(folds, own), tuple(task for task in own if id(task) in numbers))
        for own in of_name.values()
    ]
    return [*shared, *(task for task in left if task.split < 0 or task.name not in of_name)]


def work(task: AnyTask, data: TrainingData) -> list[TaskResult] | Fallback:
    """Do one task, of one fold or of all.

    Parameters
    ----------
    task : Task or SharedTask
        What to do.
    data : Data
        The tables.
    """
    with recorded() as said:
        result = run_batched(task, data) if isinstance(task, BatchedTask) else [run(task, data)]
    if said and not isinstance(result, Fallback):
        for done in result:
            done.said = tuple(said)
    return result


def failed(task: AnyTask, cause: str) -> list[TaskResult]:
    """Return what comes of a task whose process has died.

    Parameters
    ----------
    task : Task or SharedTask
        What it was doing.
    cause : str
        How it died, as far as that is known.
    """
    tasks = task.left if isinstance(task, BatchedTask) else (task,)
    return [TaskResult(one.name, one.split, error=_death(one, cause)) for one in tasks]


def _death(task: Task, cause: str) -> RuntimeError:
    repeat, fold = task.place
    where = "fitted on all rows" if task.place == ALL_ROWS else f"repeat {repeat} fold {fold}"
    return RuntimeError(f"the process that did this fit has died ({task.name!r}, {where}): {cause}")


def run_batched(shared: BatchedTask, data: TrainingData) -> list[TaskResult] | Fallback:
    """Fit all folds at once, or say that it would not be exact.

    Parameters
    ----------
    shared : SharedTask
        What to do.
    data : Data
        The tables.

    Returns
    -------
    list of Finished, or Declined
        One a split.
    """
    with single_threaded():
        try:
            return _all_folds(shared, data)
        except BaseException as error:  # noqa: BLE001 - whatever a user's estimator raises, the engine decides on
            failure = as_failure(error)
            return [TaskResult(task.name, task.split, error=failure) for task in shared.left]


def _all_folds(shared: BatchedTask, data: TrainingData) -> list[TaskResult] | Fallback:
    started = time.perf_counter()
    result = _share(shared, data)
    if result is None:
        return Fallback(shared.name)
    seconds = (time.perf_counter() - started) / len(shared.tasks)
    return [_checked(task, result, data, seconds) for task in shared.left]


def _takes_more_than_matrices(estimator: Any) -> bool:
    """Whether an estimator shares fits itself, and says by scikit-learn's tags that it reads other tables."""
    tags = tags_of(estimator) if hasattr(estimator, "fit_folds") else None
    return tags is not None and bool(tags.input_tags.categorical or tags.input_tags.three_d_array)


def _only_weights(task: Task) -> bool:
    """Whether nothing is passed to fit but weights, to a pipeline those of its last step."""
    names = list(task.fit_params)
    if hasattr(task.estimator, "steps"):
        return names in ([], [f"{task.estimator.steps[-1][0]}__sample_weight"])
    return names in ([], ["sample_weight"])


def _may_watch(tasks: list[Task], folds: Folds, data: TrainingData) -> bool:
    """Whether no task watches rows, or all do and the estimator's shared fit can be shown them."""
    n_watching = sum(task.watched is not None for task in tasks)
    if n_watching == 0:
        return True
    fit_folds = getattr(tasks[0].estimator, "fit_folds", None)
    if n_watching < len(tasks) or fit_folds is None or "watch" not in signature(fit_folds).parameters:
        return False
    return not _lacks_classes(_as_fitted(folds, tasks), data)


def _as_fitted(folds: Folds, tasks: list[Task]) -> Folds:
    """Return the folds with the rows that are fitted on as training parts: watched rows are in none."""
    if all(task.watched is None for task in tasks):
        return folds
    return replace(folds, splits=tuple((task.train, task.held_out) for task in tasks))


def _share(shared: BatchedTask, data: TrainingData) -> BatchedResult | None:
    first, target = shared.tasks[0], data.target
    estimator, watched = seeded(first), [task.watched for task in shared.tasks if task.watched is not None]
    if data.matrix is not None and not _fits(data):
        return None
    X, y, sample_weight, X_test = own_tables(
        first.habits.reader,
        data.X if data.matrix is None else data.matrix,
        target.y if first.habits.classifies else target.codes,
        next(iter(first.fit_params.values()), None),
        data.test_matrix,
    )
    request = BatchedRequest(
        X=X,
        y=y,
        folds=shared.folds,
        method=first.response.method,
        sample_weight=sample_weight,
        X_test=X_test,
        watch=watched or None,
        seeds=[getattr(seeded(task), "random_state", None) for task in shared.tasks],
    )
    result = fit_batched(estimator, request)
    if result is not None and data.matrix is not None and isinstance(data.X, pd.DataFrame):
        for fitted in result.estimators:
            _first_part(fitted).feature_names_in_ = np.asarray(data.X.columns, dtype=object)
    return result


def _fits(data: TrainingData) -> bool:
    """Whether a test table is a matrix too; its columns are those of the training table."""
    return data.X_test is None or data.test_matrix is not None


def _checked(task: Task, shared: BatchedResult, data: TrainingData, seconds: float) -> TaskResult:
    """Return the result of a fold, or what is wrong with its predictions, under its own number."""
    try:
        return _finished(task, shared, data, seconds)
    except BaseException as error:  # noqa: BLE001 - whatever a user's estimator raises, the engine decides on
        return TaskResult(task.name, task.split, error=as_failure(error))


def _finished(task: Task, shared: BatchedResult, data: TrainingData, seconds: float) -> TaskResult:
    at = task.split
    done = TaskResult(task.name, task.split, shared.estimators[at], seconds=seconds, shared=True)
    done.held_out = _answer(task, shared.held_out, at, done.estimator, data, held_out=True)
    if data.X_test is not None:
        done.test = _answer(task, shared.test, at, done.estimator, data, held_out=False)
    if not task.keeps:
        done.estimator = shared.estimators[at] = None
    return done


def _answer(task: Task, raw: Any, at: int, estimator: Any, data: TrainingData, held_out: bool) -> Floats:
    if raw is None:
        X = data.rows(task.held_out, task.habits.reader) if held_out else data.X_test
        owned = held_out and not task.habits.is_trusted_library
        return task.response.predict_readonly(estimator, X, task.place, task.habits.reader, owned)
    n = len(task.held_out) if held_out else num_samples(data.X_test)
    return task.response.align_classes(estimator, raw[at], n, task.place)


def _first_part(fitted: Any) -> Any:
    """Return what sees the table's columns: the first step of a pipeline, or the estimator itself."""
    return fitted.steps[0][1] if hasattr(fitted, "steps") else fitted


def _lacks_classes(folds: Folds, data: TrainingData) -> bool:
    target = data.target
    if target.kind not in ("binary", "multiclass"):
        return False
    n_classes = len(target.classes)
    return any(len(np.unique(target.codes[train])) < n_classes for train, _ in folds.splits)
