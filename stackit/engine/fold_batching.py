"""All folds of one estimator as one task, which falls back on a task per fold."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import num_samples
from stackit.arrays.isolation import own_tables
from stackit.batched_fits import BatchedRequest, BatchedResult, can_batch, fit_batched
from stackit.batched_fits.dispatch import takes_other_tables
from stackit.batched_fits.pipelines import has_batched_learner
from stackit.engine.failures import as_failure
from stackit.engine.prepared_folds import fit_prepared_folds
from stackit.engine.task import Task, TaskResult
from stackit.engine.threads import single_threaded
from stackit.engine.training_data import TrainingData
from stackit.estimators.callbacks import has_callbacks
from stackit.estimators.early_stopping.fitting import last_step
from stackit.estimators.metadata_routing import weights_parameter
from stackit.estimators.traits import EstimatorTraits
from stackit.folds import Folds
from stackit.results.repeated_warnings import record_warnings

__all__ = ["AnyTask", "BatchedTask", "Fallback", "group_by_estimator", "prepared_fits"]


@dataclass(frozen=True)
class Fallback:
    """The outcome of a batched task that would not be exact: its folds are fitted one by one."""

    name: str


@dataclass(frozen=True, eq=False)
class BatchedTask:
    """All tasks of one estimator, done together."""

    tasks: tuple[Task, ...]  # one per split, in the order of splits: what the plain loop would do
    folds: Folds
    left: tuple[Task, ...]  # those without a result in the store

    @property
    def name(self) -> str:
        """The estimator's name."""
        return self.tasks[0].name

    @property
    def traits(self) -> EstimatorTraits:
        """The estimator's traits."""
        return self.tasks[0].traits

    def run(self, data: TrainingData) -> list[TaskResult] | Fallback:
        """Fit all folds together and return a result per task that is left."""
        with record_warnings() as warnings, single_threaded():
            try:
                results = self._results(data)
            except BaseException as error:  # noqa: BLE001 - an estimator may raise anything; the engine decides
                failure = as_failure(error)
                results = [TaskResult(task.name, task.split, error=failure) for task in self.left]
        if results is None:
            return Fallback(self.name)
        for result in results:
            result.warnings = tuple(warnings)
        return results

    def died(self, cause: str) -> list[TaskResult]:
        """Return the results of a task that ended its process."""
        return [result for task in self.left for result in task.died(cause)]

    def shared_parts(self) -> list[Any]:
        """Return what other tasks refer to as well."""
        return [self.folds, *(part for task in self.tasks for part in task.shared_parts())]

    def _results(self, data: TrainingData) -> list[TaskResult] | None:
        if has_batched_learner(self.tasks[0].estimator):
            results = fit_prepared_folds(self.tasks, data)
            left = {task.split for task in self.left}
            return results and [result for result in results if result.split in left]
        started = time.perf_counter()
        batch = self._fit(data)
        if batch is None:
            return None
        seconds = (time.perf_counter() - started) / len(self.tasks)
        positions = {task.split: at for at, task in enumerate(self.tasks)}
        return [_result_of_fold(task, positions[task.split], batch, data, seconds) for task in self.left]

    def _fit(self, data: TrainingData) -> BatchedResult | None:
        """Fit all folds; return None where that would not be exact."""
        first, matrix = self.tasks[0], data.matrix
        if matrix is not None and data.X_test is not None and data.test_matrix is None:
            return None
        X, y, sample_weight, X_test = own_tables(
            first.traits.reader,
            data.X if matrix is None else matrix,
            first.targets(data),
            first.fit_params.get(weights_parameter(first.estimator) or ""),
            data.test_matrix,
        )
        validation_rows = [task.validation_rows for task in self.tasks if task.validation_rows is not None]
        request = BatchedRequest(
            X=X,
            y=y,
            folds=self.folds,
            method=first.spec.method,
            sample_weight=sample_weight,
            X_test=X_test,
            validation=validation_rows or None,
            seeds=[getattr(task.seeded_copy(), "random_state", None) for task in self.tasks],
        )
        batch = fit_batched(first.seeded_copy(), request)
        if batch is not None and matrix is not None and isinstance(data.X, pd.DataFrame):
            for fitted in batch.estimators:  # the first step of a pipeline is what sees the names
                first_step = fitted.steps[0][1] if hasattr(fitted, "steps") else fitted
                first_step.feature_names_in_ = np.asarray(data.X.columns, dtype=object)
        return batch


AnyTask = Task | BatchedTask


def group_by_estimator(
    left: list[Task], tasks: list[Task], folds: Folds, data: TrainingData
) -> list[AnyTask]:
    """Replace the tasks of each estimator that can be batched by one, and put these first.

    Where only some folds of such an estimator are left, it is fitted on all of them again: a batched fit and
    a plain one may differ in the last digit, and an interrupted run must give what it would have given.
    """
    names = {
        task.name for task in left if task.split >= 0 and _is_plain_fit(task) and can_batch(task.estimator)
    }
    if names and data.matrix is None:
        names &= {task.name for task in left if _takes_any_table(task.estimator)}
    if not names or _lacks_classes(folds, data):
        return [*left]
    of_name: dict[str, list[Task]] = {name: [] for name in names}
    for task in tasks:
        if task.name in names and task.split >= 0:
            of_name[task.name].append(task)
    ids = {id(task) for task in left}
    batched = {
        name: BatchedTask(tuple(own), fitted_on, tuple(task for task in own if id(task) in ids))
        for name, own in of_name.items()
        if (fitted_on := _batched_folds(own, folds, data)) is not None
    }
    return [*batched.values(), *(task for task in left if task.split < 0 or task.name not in batched)]


def prepared_fits(tasks: Iterable[AnyTask]) -> Iterator[Task]:
    """Yield the fits that may get prepared tables; a closed form behind a scaler gets none."""
    for task in tasks:
        if not isinstance(task, BatchedTask):
            yield task
        elif has_batched_learner(task.tasks[0].estimator):
            yield from task.tasks


def _is_plain_fit(task: Task) -> bool:
    """Whether fit gets weights at most (a pipeline, those of its last step), and calls no callbacks."""
    if has_callbacks(task.estimator):
        return False
    return not task.fit_params or [*task.fit_params] == [weights_parameter(task.estimator)]


def _takes_any_table(estimator: Any) -> bool:
    """Whether an estimator makes its own table of any, or takes others than matrices."""
    return has_batched_learner(estimator) or takes_other_tables(estimator)


def _batched_folds(tasks: list[Task], folds: Folds, data: TrainingData) -> Folds | None:
    """Return the folds with the rows that are fitted on; None where validation rows rule that out."""
    n_validated = sum(task.validation_rows is not None for task in tasks)
    if n_validated == 0:
        return folds
    fit_folds = getattr(last_step(tasks[0].estimator), "fit_folds", None)
    if n_validated < len(tasks) or fit_folds is None or "watch" not in signature(fit_folds).parameters:
        return None
    fitted_on = replace(folds, splits=tuple((task.train, task.held_out) for task in tasks))
    return None if _lacks_classes(fitted_on, data) else fitted_on


def _lacks_classes(folds: Folds, data: TrainingData) -> bool:
    """Whether some training part lacks a class."""
    target = data.target
    if target.kind not in ("binary", "multiclass"):
        return False
    return any(len(target.classes_in(train)) < len(target.classes) for train, _ in folds.splits)


def _result_of_fold(
    task: Task, at: int, batch: BatchedResult, data: TrainingData, seconds: float
) -> TaskResult:
    """Return the result of the fold at this position; one with invalid predictions fails by itself."""
    fitted, reader = batch.estimators[at], task.traits.reader
    result = TaskResult(task.name, task.split, fitted, seconds=seconds, shared=True)
    try:
        if batch.held_out is None:
            rows, owned = data.rows(task.held_out, reader), not reader.is_trusted_library
            result.held_out = task.spec.predict_readonly(fitted, rows, task.place, reader, owned)
        else:
            raw = batch.held_out[at]
            result.held_out = task.spec.align_classes(fitted, raw, len(task.held_out), task.place)
        if data.X_test is None:
            pass
        elif batch.test is None:
            result.test = task.spec.predict_readonly(fitted, data.X_test, task.place, reader)
        else:
            raw = batch.test[at]
            result.test = task.spec.align_classes(fitted, raw, num_samples(data.X_test), task.place)
    except BaseException as error:  # noqa: BLE001 - an estimator may raise anything; the engine decides
        return TaskResult(task.name, task.split, error=as_failure(error))
    if not task.return_estimator:
        result.estimator = batch.estimators[at] = None
    return result
