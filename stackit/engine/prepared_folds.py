"""All folds of an estimator behind a preparation: each fold is prepared, then all are fitted at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stackit.arrays import Floats, Rows, safe_index
from stackit.batched_fits.fold_tables import FoldTable, fit_fold_tables
from stackit.engine.failures import as_failure
from stackit.engine.preparation import FoldTables, prepare_nested
from stackit.engine.task import Task, TaskResult
from stackit.engine.training_data import TrainingData
from stackit.estimators.early_stopping import ValidationSet
from stackit.estimators.metadata_routing import weights_parameter

__all__ = ["fit_prepared_folds"]

MOST_BYTES = 1 << 28  # of prepared tables that are in memory at once; more folds are fitted after these


def fit_prepared_folds(tasks: Sequence[Task], data: TrainingData) -> list[TaskResult] | None:
    """Return the result of each fold of a pipeline that ends in a step with `fit_folds`.

    Return None where the plain loop must do it: a step failed, or the tables are not for `fit_folds`.
    """
    results: list[TaskResult] = []
    waiting: list[_Fold] = []
    started = time.perf_counter()
    for task in tasks:
        try:
            waiting.append(_prepared(task, data))
        except Exception:  # noqa: BLE001 - the plain loop reports the error with its fold
            return None
        if sum(fold.tables.n_bytes for fold in waiting) < MOST_BYTES and task is not tasks[-1]:
            continue
        fitted = fit_fold_tables([fold.table(data) for fold in waiting])
        if fitted is None:
            return None
        seconds = (time.perf_counter() - started) / len(waiting)
        results += [fold.result(one, seconds) for fold, one in zip(waiting, fitted, strict=True)]
        waiting, started = [], time.perf_counter()
    return results


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold: a pipeline of which all steps but the last are fitted, and the tables for the last."""

    task: Task
    pipeline: Any
    innermost: Any  # the pipeline itself, or the last of those nested in it
    tables: FoldTables

    def table(self, data: TrainingData) -> FoldTable:
        """Return what the last step is fitted on."""
        task, validation = self.task, None
        if task.validation_rows is not None:
            y, weights = self._targets(task.validation_rows, data)
            params = {} if weights is None else {"sample_weight": weights}
            validation = ValidationSet(self.tables.validation, y, params)
        learner = self.innermost.steps[-1][1]
        return FoldTable(learner, self.tables.train, *self._targets(task.train, data), validation)

    def result(self, learner: Any, seconds: float) -> TaskResult:
        """Return the result of the fold; one with invalid predictions fails under its own number."""
        task, tables, reader = self.task, self.tables, self.task.traits.reader
        result = TaskResult(task.name, task.split, seconds=seconds, shared=True)
        try:
            result.held_out = task.spec.predict_readonly(learner, tables.held_out, task.place, reader)
            if tables.test is not None:
                result.test = task.spec.predict_readonly(learner, tables.test, task.place, reader)
        except BaseException as error:  # noqa: BLE001 - an estimator may raise anything; the engine decides
            return TaskResult(task.name, task.split, error=as_failure(error))
        if task.return_estimator:
            self.innermost.steps[-1] = self.innermost.steps[-1][0], learner
            task.restore_n_jobs(self.pipeline)
            result.estimator = self.pipeline
        return result

    def _targets(self, rows: Rows, data: TrainingData) -> tuple[Any, Floats | None]:
        """Return the target and the weights of some rows."""
        weights = self.task.fit_params.get(weights_parameter(self.task.estimator) or "")
        y = safe_index(self.task.targets(data), rows)
        return y, None if weights is None else safe_index(weights, rows)


def _prepared(task: Task, data: TrainingData) -> _Fold:
    """Return a fold with all steps fitted but the last one of the innermost pipeline."""
    with task.traits.seeds.drawing(task.seed):
        pipeline, tables = task.prepare(data)
        y = safe_index(task.targets(data), task.train)
        return _Fold(task, pipeline, *prepare_nested(pipeline, tables, y))
