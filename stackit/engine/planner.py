"""Every fit that a run has to do, as one flat list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import cpu_count, effective_n_jobs

from stackit.arrays import Rows
from stackit.engine.run_config import RunConfig
from stackit.engine.task import Task, inspect_estimator, seed_of
from stackit.estimators.early_stopping import EarlyStoppingPlan
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.prediction import PredictionSpec
from stackit.folds import Folds

__all__ = ["TaskPlanner"]

Split = tuple[int, int, int, Rows, Rows]


@dataclass(frozen=True, eq=False)
class TaskPlanner:
    """What there is to do with each estimator of a run.

    Parameters
    ----------
    estimators : dict of str to estimator
        The line-up.
    responses : dict of str to Response
        How each is asked.
    folds : Folds
        The splits.
    fit_params : dict of dict
        What each fit gets besides X and y.
    settings : Settings
        How to work.
    plan : Plan
        Which rows each fit watches.
    """

    estimators: Mapping[str, Any]
    responses: Mapping[str, PredictionSpec]
    folds: Folds
    fit_params: Mapping[str, FitParams]
    settings: RunConfig
    plan: EarlyStoppingPlan

    def on_folds(self) -> list[Task]:
        """Return a task for each estimator and split, estimators inside splits."""
        numbered = enumerate(zip(self.folds.labels, self.folds.splits, strict=True))
        return self._tasks((*label, number, *split) for number, (label, split) in numbered)

    def on_all_rows(self, rows: Rows | None = None) -> list[Task]:
        """Return a task for each estimator that fits it on all rows, or all of these; it predicts nothing."""
        nothing = np.array([], dtype=np.intp)
        return self._tasks([(-1, -1, -1, np.arange(self.folds.n_samples) if rows is None else rows, nothing)])

    def _tasks(self, splits: Iterable[Split]) -> list[Task]:
        seed = self.settings.seed
        threads = max(1, cpu_count() // effective_n_jobs(self.settings.n_jobs))
        habits = {name: inspect_estimator(estimator, threads) for name, estimator in self.estimators.items()}
        tasks = []
        for repeat, fold, number, train, held_out in splits:
            for name, estimator in self.estimators.items():
                fitted_on, watched = self.plan.split(name, train, held_out, (repeat, fold), seed)
                task = Task(
                    split=number,
                    estimator=estimator,
                    response=self.responses[name],
                    train=fitted_on,
                    held_out=held_out,
                    seed=seed_of(seed, name, repeat, fold),
                    fit_params=self.fit_params.get(name, {}),
                    habits=habits[name],
                    threads=threads,
                    watched=watched,
                    keeps=self.settings.return_estimator or number < 0,
                    place=(repeat, fold),
                )
                tasks.append(task)
        return tasks
