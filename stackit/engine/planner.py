"""Every fit of a run as one flat list of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import cpu_count, effective_n_jobs

from stackit.arrays import Rows
from stackit.engine.run_config import RunConfig
from stackit.engine.task import Task
from stackit.estimators.early_stopping import EarlyStoppingPlan
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.seeds import seed_of
from stackit.estimators.traits import inspect_estimator
from stackit.folds import Folds

__all__ = ["TaskPlanner"]

Split = tuple[int, int, int, Rows, Rows]  # repeat, fold, number, training rows, held-out rows
ALL_ROWS = (-1, -1, -1)


@dataclass(frozen=True, eq=False)
class TaskPlanner:
    """Makes the tasks of some estimators on some folds; `plan` says which rows stop each fit early."""

    estimators: Mapping[str, Any]
    specs: Mapping[str, PredictionSpec]
    folds: Folds
    fit_params: Mapping[str, FitParams]
    config: RunConfig
    plan: EarlyStoppingPlan

    def on_folds(self, splits: Iterable[int] | None = None) -> list[Task]:
        """Return a task per estimator and split, or some splits, in the order of splits."""
        labels, pairs = self.folds.labels, self.folds.splits
        splits = range(len(pairs)) if splits is None else splits
        return self._tasks((*labels[number], number, *pairs[number]) for number in splits)

    def on_all_rows(self, rows: Rows | None = None) -> list[Task]:
        """Return a task per estimator that fits it on all rows, or all of these, and predicts nothing."""
        rows = np.arange(self.folds.n_samples) if rows is None else rows
        return self._tasks([(*ALL_ROWS, rows, np.array([], dtype=np.intp))])

    def _tasks(self, splits: Iterable[Split]) -> list[Task]:
        seed = self.config.seed
        threads = max(1, cpu_count() // effective_n_jobs(self.config.n_jobs))
        traits = {name: inspect_estimator(estimator, threads) for name, estimator in self.estimators.items()}
        tasks = []
        for repeat, fold, number, train, held_out in splits:
            for name, estimator in self.estimators.items():
                place = repeat, fold
                fitted_on, validation_rows = self.plan.split(name, train, held_out, place, seed)
                task = Task(
                    split=number,
                    estimator=estimator,
                    spec=self.specs[name],
                    train=fitted_on,
                    held_out=held_out,
                    seed=seed_of(seed, name, repeat, fold),
                    fit_params=self.fit_params.get(name, {}),
                    traits=traits[name],
                    threads=threads,
                    validation_rows=validation_rows,
                    return_estimator=self.config.return_estimator or number < 0,
                    place=place,
                )
                tasks.append(task)
        return tasks
