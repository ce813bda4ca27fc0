"""What a preset trains on, and how: the tables, the folds of each repeat, the clock."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from joblib import effective_n_jobs

from stackit.arrays import Rows
from stackit.engine.fold_run import FoldRun
from stackit.engine.run_config import RunConfig
from stackit.engine.task import TaskResult
from stackit.engine.training_data import TrainingData
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.seeds import seed_of
from stackit.folds import Folds
from stackit.presets.members.shape import TableShape
from stackit.presets.scheduler.clock import Clock
from stackit.presets.scheduler.fold_choice import choose_folds, has_repeats

__all__ = ["Plan"]

MOST_SCOUT_ROWS = 20_000  # on larger tables scouts are fitted on a sample
SAMPLE = 10_000
FIRST_RESERVE = 0.03  # of the time limit, for the blend at the end, before any blend has been timed
# What estimators warn of is their members' own affair; of the engine's warnings, these concern the user.
SHOWN = ("The training part of some folds lacks", "sample_weight is not passed", "The store ")


@dataclass(eq=False)
class Plan:
    """The data and the settings of one fit of a preset.

    Parameters
    ----------
    data : TrainingData
        The typed frame, the target, the weights and the groups.
    shape : TableShape
        The sizes that members depend on.
    cv : int, splitter, Folds or None
        How rows are held out.
    config : RunConfig
        How runs work; the seeds of further repeats are derived from its seed.
    clock : Clock
        When the fit was called, and how long it may take.
    n_repeats : int
        How often the rows are dealt into folds at most.
    on_start : callable, optional
        Called with the name and the splits of each fit that starts.
    """

    data: TrainingData
    shape: TableShape
    cv: Any
    config: RunConfig
    clock: Clock
    n_repeats: int = 1
    on_start: Callable[[str, list[int]], None] | None = None
    runs: list[FoldRun] = field(default_factory=list)

    @property
    def workers(self) -> int:
        """How many fits run at once."""
        return int(effective_n_jobs(self.config.n_jobs))

    @property
    def first_reserve(self) -> float:
        """The seconds to keep for the blend at the end, before any blend has been timed."""
        return FIRST_RESERVE * self.clock.limit if self.clock.is_limited else 0.0

    @property
    def folds(self) -> Folds:
        """The folds of the first repeat."""
        return self.run(0).folds

    @property
    def can_repeat(self) -> bool:
        """Whether there may be one more repeat."""
        return has_repeats(self.cv) and len(self.runs) < self.n_repeats

    def run(self, repeat: int) -> FoldRun:
        """Return the run of a repeat, which is made when it is first needed."""
        while len(self.runs) <= repeat:
            at, config = len(self.runs), self.config
            seed = config.seed if at == 0 or config.seed is None else seed_of(config.seed, "repeat", at, 0)
            folds = choose_folds(self.data, self.cv, config.seed or 0, at)
            self.runs.append(self._run(folds, replace(config, seed=seed)))
        return self.runs[repeat]

    def fit(
        self,
        run: FoldRun,
        estimators: NamedEstimators,
        splits: Collection[int],
        *,
        reserve: float = 0.0,
        until: float = math.inf,
        task_seconds: float | None = None,
    ) -> Generator[TaskResult, None, None]:
        """Fit estimators on some splits of a run until the limit, less a reserve, or so many seconds."""
        deadline = self.clock.deadline(reserve, until)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for text in SHOWN:
                warnings.filterwarnings("once", text)
            yield from run.fit(estimators, splits, deadline=deadline, task_seconds=task_seconds)

    @cached_property
    def scout_run(self) -> tuple[FoldRun, float]:
        """The run that scouts are fitted in, and how many times more rows a fit in the end has."""
        train, held_out = self.folds.splits[0]
        if len(train) <= MOST_SCOUT_ROWS:
            return self.run(0), 1.0
        seed = self.config.seed or 0
        sampled = _sample(train, SAMPLE, seed), _sample(held_out, SAMPLE // 2, seed)
        folds = replace(self.folds, splits=(sampled,))
        run = FoldRun(
            self._data_of_trials,
            folds,
            config=self.config,
            like=self.folds,
            warns=False,
            on_start=self.on_start,
        )
        return run, len(train) / len(sampled[0])

    @property
    def _data_of_trials(self) -> TrainingData:
        """The data without test rows: trials on a sample would predict as many as other fits."""
        data = self.data
        if data.X_test is None:
            return data
        return TrainingData(data.X, data.target, None, data.sample_weight, data.schema, data.groups)

    def _run(self, folds: Folds, config: RunConfig) -> FoldRun:
        return FoldRun(self.data, folds, config=config, warns=False, on_start=self.on_start)


def _sample(rows: Rows, n: int, seed: int) -> Rows:
    """Return so many of the rows, in their order."""
    if len(rows) <= n:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, n, replace=False))
