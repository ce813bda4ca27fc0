"""A run over folds: estimators are fitted on some or all splits, in several steps, and collected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from stackit.engine.collector import ResultCollector, explain_failure, prediction_specs, warn_of_failure
from stackit.engine.executor import run_all
from stackit.engine.fold_batching import AnyTask, BatchedTask, group_by_estimator
from stackit.engine.planner import TaskPlanner
from stackit.engine.run_config import RunConfig
from stackit.engine.store_session import StoreSession
from stackit.engine.task import Task, TaskResult
from stackit.engine.time_limits import TimeLimits
from stackit.engine.training_data import TrainingData
from stackit.estimators.callbacks import FitTasks
from stackit.estimators.early_stopping import EarlyStoppingPlan
from stackit.estimators.metadata_routing import FitParams, fit_params_of
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.prediction import check_column_names
from stackit.estimators.scoring import scorer_of
from stackit.folds import Folds
from stackit.precomputed.checks import check_precomputed
from stackit.progress import progress_bar
from stackit.results.oof import OutOfFold
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = ["FoldRun"]


class FoldRun:
    """Fits estimators on the splits of some folds, in as many steps as wanted, and collects the results.

    A name may be fitted with one estimator on some splits and with another on the others. Results are looked
    up in the store of `config` and kept there. With ``on_error="skip"``, an estimator that fails is in
    `failures` and the others go on; with `warns` false, no warning says so. Fitted a second time, it is no
    failure any more.

    Parameters
    ----------
    data : TrainingData
        The tables of n and m rows.
    folds : Folds
        All splits that results are wanted for.
    config : RunConfig
        The arguments of `out_of_fold` that do not depend on the data.
    like : Folds, optional
        Where `folds` are only some splits of these, the scheme by which early stopping splits training parts.
    warns : bool
        Whether each failure is warned of.
    on_start : callable, optional
        Called with the name and the splits of each fit that starts; new processes may start it a little
        later, and another thread may call. `fit` yields what is finished.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> X, y = np.arange(20.0)[:, None], np.arange(20.0)
    >>> data = TrainingData.of(X, y, classify=False)
    >>> run = FoldRun(data, data.resolve_folds(4), config=RunConfig())
    >>> [(one.name, one.split) for one in run.fit([("ridge", Ridge())], splits=[0])], run.result()
    ([('ridge', 0)], None)
    >>> sorted(one.split for one in run.fit([("ridge", Ridge(2.0))], splits=[1, 2, 3]))
    [1, 2, 3]
    >>> [model.alpha for model in run.result()["ridge"].fold_estimators]
    [1.0, 2.0, 2.0, 2.0]
    """

    def __init__(
        self,
        data: TrainingData,
        folds: Folds,
        *,
        config: RunConfig,
        like: Folds | None = None,
        warns: bool = True,
        on_start: Callable[[str, list[int]], None] | None = None,
    ) -> None:
        scorer_of(config.scoring, data.target)  # an unknown scorer is an error before the work, not after it
        self.data, self.folds, self.config = data, folds, config
        self.like, self.warns, self.on_start = like or folds, warns, on_start
        self._tasks: dict[str, dict[int, Task]] = {}
        self._refitter = _Refitter(self._tasks, folds, TrainingData(data.X, data.target), config.n_jobs)
        self._collector = ResultCollector(folds, data, scoring=config.scoring, fit_again=self._refitter)
        self._session = StoreSession(config.store, data, folds.labels)
        self._has_warned_of_classes = False
        self._calls = FitTasks()

    @property
    def failures(self) -> dict[str, Exception]:
        """The errors of the estimators that failed, by name."""
        return self._collector.failures

    def fit(
        self,
        estimators: NamedEstimators,
        splits: Collection[int] | None = None,
        *,
        fit_params: Mapping[str, FitParams] | None = None,
        deadline: float | None = None,
        task_seconds: float | None = None,
    ) -> Iterator[TaskResult]:
        """Fit estimators on all splits or on those with these numbers; yield the results as they come.

        Results that come from the store are yielded first. At the `deadline`, a moment of `time.monotonic`,
        fits that run are killed and those that wait are left out: what is missing is no failure. Unless all
        fits can be expected to end in time, the estimators are fitted one after the other, so that the first
        are complete. A fit of more than `task_seconds` is killed, and its result has a TimeoutError.
        `fit_params` are those of each estimator's fit; by default they are the weights and groups of the data
        that it takes.
        """
        collector, session = self._collector, self._session
        estimators = check_precomputed(
            estimators, self.data.X, self.data.X_test, self.data.target, self.folds
        )
        yield from self._prepare(estimators)
        if splits is not None:
            self.data.preparations.expects_more = True
        tasks = self._plan(
            [one for one in estimators if one[0] not in self.failures],
            range(len(self.folds.splits)) if splits is None else sorted(splits),
            fit_params,
        )
        with (
            progress_bar(len(tasks), self.config.verbose) as advance,
            self.config.callbacks.step("fit-level", len(tasks)) as self._calls,
        ):
            left = []
            for task in tasks:
                stored = session.find(task)
                if stored is None:
                    left.append(task)
                else:
                    collector.add(stored)
                    advance(task.name)
                    self._calls.end(task.name, task.split)
                    yield stored
            grouped = group_by_estimator(left, tasks, _subset(self.folds, splits), self.data)
            if deadline is not None:
                names = [name for name, _ in estimators]
                grouped.sort(key=lambda task: names.index(task.name))
            limits = TimeLimits.of(deadline, task_seconds)
            failures, seconds = collector.failures, collector.seconds()
            with closing(
                run_all(grouped, self.data, self.config.n_jobs, failures, seconds, limits, self._note_start)
            ) as results:
                for result in results:
                    advance(result.name)
                    self._calls.end(result.name, result.split)
                    self.data.preparations.share_steps(result)
                    session.keep(result)
                    self._collect(result)
                    yield result

    def result(self) -> OutOfFold | None:
        """Return the result of the estimators of which all splits are done; None if there are none."""
        return self._collector.result()

    def fit_again(self, name: str, splits: list[int]) -> list[TaskResult]:
        """Repeat fits that are done, for their estimators: a store may have had the predictions alone."""
        return self._refitter(name, splits)

    def drop_unfinished(self, time_limit: float) -> None:
        """Make a failure of each estimator that is not finished after so many seconds, and warn of them."""
        n_splits = len(self.folds.splits)
        unfinished = {name: done for name, done in self._collector.n_done().items() if done < n_splits}
        for name, done in unfinished.items():
            error = TimeoutError(
                f"{name!r} was not finished within the time limit of {time_limit:g} seconds: {done} of "
                f"{n_splits} folds were done. Raise time_limit, or call again with the same store to go on."
            )
            self._collector.drop(TaskResult(name, -1, error=error))
        if unfinished and self.warns and self._collector.results:
            warn(
                f"The time limit of {time_limit:g} seconds was over before {format_list(unfinished)} were "
                "finished: they are left out. Raise time_limit, or call again with the same store."
            )

    def _prepare(self, estimators: NamedEstimators) -> Iterator[TaskResult]:
        """Decide how new estimators predict; yield a failure for each one that cannot."""
        collector, target = self._collector, self.data.target
        for name, _ in estimators:
            collector.failures.pop(name, None)
        new = [one for one in estimators if one[0] not in collector.results]
        specs, unusable = prediction_specs(
            new, target, self.config.stack_method, self.config.on_error == "skip"
        )
        check_column_names(collector.specs | specs)
        collector.expect(specs)
        for name, error in unusable.items():
            result = TaskResult(name, -1, error=error)
            self._collect(result)
            yield result

    def _plan(
        self, estimators: NamedEstimators, splits: Collection[int], fit_params: Mapping[str, FitParams] | None
    ) -> list[Task]:
        """Return a task per estimator and split, in the order of splits."""
        if not estimators:
            return []
        data, folds, specs = self.data, self.folds, self._collector.specs
        if fit_params is None:
            fit_params = fit_params_of(estimators, data.sample_weight, data.groups, folds.constraints.groups)
        if not self._has_warned_of_classes:
            self._has_warned_of_classes = True
            _warn_of_missing_classes(folds, data.target)
        plan = EarlyStoppingPlan(estimators, self.like, data.target, fit_params, self.config.early_stopping)
        planner = TaskPlanner(dict(estimators), specs, folds, fit_params, self.config, plan)
        tasks = planner.on_folds(splits)
        plan.warn()
        self._collector.optimistic |= plan.optimistic
        self._session.register(tasks)
        for task in tasks:
            self._tasks.setdefault(task.name, {})[task.split] = task
        return tasks

    def _note_start(self, task: AnyTask) -> None:
        """Report a task that starts; a batched one has several splits."""
        splits = [one.split for one in (task.left if isinstance(task, BatchedTask) else (task,))]
        for split in splits:
            self._calls.begin(task.name, split)
        if self.on_start is not None:
            self.on_start(task.name, splits)

    def _collect(self, result: TaskResult) -> None:
        """Keep a result; a failure is an error, or costs the estimator its other results too."""
        if result.error is None:
            self._collector.add(result)
        elif self.config.on_error != "skip":
            raise explain_failure(result, self.folds, self._collector.result())
        elif result.name not in self.failures:
            self._collector.drop(result)
            if self.warns:
                warn_of_failure(result)


@dataclass(frozen=True)
class _Refitter:
    """Runs tasks again for their fitted estimators, which a store may lack."""

    tasks: dict[str, dict[int, Task]]
    folds: Folds
    data: TrainingData
    n_jobs: int | None

    def __call__(self, name: str, splits: list[int]) -> list[TaskResult]:
        own = [replace(self.tasks[name][split], return_estimator=True) for split in sorted(self.tasks[name])]
        results = []
        for estimator in {id(task.estimator): task.estimator for task in own}.values():
            results += self._fit([task for task in own if task.estimator is estimator], splits)
        for result in results:
            if result.error is not None:
                result.error.add_note(
                    f"Raised when {name!r} was fitted again, of which only predictions were kept."
                )
                raise result.error
        return sorted(results, key=lambda one: one.split)

    def _fit(self, own: list[Task], splits: list[int]) -> list[TaskResult]:
        """Run those tasks of one estimator that are wanted."""
        wanted = [task for task in own if task.split in splits]
        folds = _subset(self.folds, [task.split for task in own])
        grouped = group_by_estimator(wanted, own, folds, self.data)
        with closing(run_all(grouped, self.data, self.n_jobs, {})) as found:
            results = [one for one in found if one.split in splits]
        for result in results:
            self.data.preparations.share_steps(result)
        return results


def _subset(folds: Folds, splits: Collection[int] | None) -> Folds:
    """Return the folds with some of their splits."""
    if splits is None or len(splits) in (0, len(folds.splits)):
        return folds
    return replace(folds, splits=tuple(folds.splits[split] for split in sorted(splits)))


def _warn_of_missing_classes(folds: Folds, target: Target) -> None:
    """Warn once which training parts lack which classes."""
    if target.kind not in ("binary", "multiclass"):
        return
    n_classes = len(target.classes)
    lacking = []
    for (repeat, fold), (train, _) in zip(folds.labels, folds.splits, strict=True):
        missing = np.flatnonzero(np.bincount(target.codes[train], minlength=n_classes) == 0)
        if len(missing):
            lacking.append(f"repeat {repeat} fold {fold} lacks {format_list(target.classes[missing])}")
    if lacking:
        warn(
            f"The training part of some folds lacks classes ({format_list(lacking)}): they get probability 0 "
            "there. Use scheme='stratified', fewer folds, or merge rare classes."
        )
