"""The engine: every estimator is trained once a fold, predicts the rows held out and the whole test set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackit.arrays import Rows
from stackit.engine.collector import ResultCollector, prediction_specs, warn_of_failure
from stackit.engine.executor import run_all
from stackit.engine.fold_batching import group_by_estimator
from stackit.engine.planner import TaskPlanner
from stackit.engine.run_config import OnError, RunConfig, seed_from
from stackit.engine.store_session import StoreSession
from stackit.engine.task import Task, TaskResult
from stackit.engine.training_data import TrainingData
from stackit.estimators.copies import warn_of_lost_parameters
from stackit.estimators.early_stopping import EarlyStopping, EarlyStoppingPlan
from stackit.estimators.estimator_type import classifiers_among
from stackit.estimators.metadata_routing import FitParams, fit_params_of
from stackit.estimators.named_estimators import (
    AnyEstimators,
    NamedEstimators,
    check_estimators,
    name_estimators,
)
from stackit.estimators.prediction import check_column_names
from stackit.estimators.sample_weight import warn_of_scale
from stackit.estimators.scoring import Scoring, scorer_of
from stackit.folds import Folds
from stackit.precomputed.checks import check_precomputed, warn_of_in_sample
from stackit.progress import progress_bar
from stackit.results.oof import OutOfFold
from stackit.store import Store
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = ["cross_fit", "out_of_fold", "refit"]


def out_of_fold(  # noqa: PLR0913 - the engine's one front door, all but three by keyword
    estimators: AnyEstimators,
    X: Any,
    y: Any,
    X_test: Any = None,
    *,
    cv: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    stack_method: str = "auto",
    scoring: Scoring = None,
    n_jobs: int | None = -1,
    store: Store | None = None,
    on_error: OnError = "raise",
    early_stopping: EarlyStopping = "training",
    random_state: Any = 0,
    return_estimator: bool = True,
    verbose: int = 0,
) -> OutOfFold:
    """Train every estimator once a fold and predict the rows held out, and the whole test set.

    Parameters
    ----------
    estimators : list of (str, estimator), dict, list of estimators, or estimator
        Classifiers for classes, regressors for numbers; they are cloned, never changed. If any is a
        classifier, y holds classes, and regressors among them predict class positions. What has
        ``predict_proba`` and is not tagged a regressor is a classifier.
        Those without a name are called by their class, as "ridge".
    X : array-like, data frame or sparse matrix with n rows
        Passed to the estimators in its own container; frames of other libraries reach gradient boosting
        libraries as pandas frames. Estimators of known libraries share a read-only slice of an array; all
        others get copies of their own, so that nothing of the caller's can be written into.
    y : (n,) or (n, n_outputs) array-like
        Labels of any type, or numbers.
    X_test : like X, with m rows, optional
        Its columns are checked against those of X: names, order, kinds. Predicted by every fold's estimator;
        the average is kept.
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        How rows are held out; see `stackit.folds.as_folds`.
    sample_weight : (n,) array-like, optional
        Reaches the estimators that take weights, also inside pipelines and searches, as they are, and the
        scores. Finite numbers of at least 0.
    groups : (n,) array-like, optional
        Reaches the splitter; with an int or None as `cv`, rows of one group are held out together. These
        groups, or else those that the folds know, reach the splitters inside estimators, as of searches.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        What classifiers are asked; "auto" takes the first that each one has.
    scoring : str, callable or None
        A scikit-learn scorer; None is accuracy or R2.
    n_jobs : int or None
        How many fits run at once, -1 for one a core. A joblib backend chosen outside is used. With 1 all fits
        are done in this process, and one that ends its process (a crash in compiled code) ends the program;
        with more that cannot happen, but for estimators that cannot be pickled, and where the program cannot
        be forked (it has threads, as in a notebook) for short work of pipelines with functions or
        transformers of your own: new processes take seconds to start. joblib's multiprocessing backend waits
        for ever when a worker dies; loky, its default, does not.
    store : DiskStore, MemoryStore or None
        Where each finished fit's answers are kept as soon as they are there. A fit that the store has is
        never done again: run again what was stopped, and it goes on where it was. The key of a fit is a
        digest of the estimator's class, code and parameters, X, y, fold, weights, seed and the library
        versions; `n_jobs`, `verbose`, other estimators and the final one do not count.
    on_error : {"raise", "skip"}
        "raise" stops at the first estimator that fails, and "skip" drops it with a warning.
    early_stopping : {"training", "held_out"}
        Which rows tell an estimator to stop that is set to stop early: some of the fold's training part,
        split as the folds are (groups stay whole; in time, the last stretch) and not fitted on; or the
        held-out rows, as elsewhere, which makes scores optimistic and is said so.
    random_state : int, RandomState or None
        Where the seeds of estimators whose ``random_state`` is None come from. Each (estimator, repeat,
        fold) has its own, whatever else runs. With None they stay unseeded.
    return_estimator : bool
        Whether the fitted fold estimators are kept. Without them a run takes the memory of one fit a worker;
        they are fitted again if somebody asks for them.
    verbose : int
        1 shows a progress bar on standard error.

    Returns
    -------
    OutOfFold
        With ``meta_train`` (n, k), ``meta_test`` (m, k), ``scores``, ``coverage``; a mapping of names to the
        result of each estimator.

    Raises
    ------
    ValueError
        When the arguments do not fit together.
    Exception
        Whatever an estimator raises, with a note that says which and on which fold, and with what is
        finished as its attribute ``finished``: an OutOfFold or None.

    Warns
    -----
    UserWarning
        When estimators cannot take the weights, fit otherwise to weights of such a scale, or lose parameters
        when they are copied; when a training part lacks a class; when an estimator is dropped; when the store
        cannot be written or read, or an estimator cannot be described for it; when predictions made elsewhere
        (`PrecomputedClassifier`) look in-sample, or were made with other folds; when estimators stop early on
        held-out rows, or on a split of their own that tears groups or times.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2), 241-259.
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> oof = out_of_fold([("bayes", GaussianNB())], X, y, X[:10], cv=5, n_jobs=1)
    >>> oof.meta_train.shape, oof.meta_test.shape
    ((150, 3), (10, 3))
    >>> oof.summary.round(3)
                mean   std    sem  whole
    estimator
    bayes      0.953  0.03  0.013  0.953
    """
    estimators = name_estimators(estimators)
    check_estimators(estimators)
    classify = bool(classifiers_among(estimators, skip_unknown=on_error == "skip"))
    data = TrainingData.of(X, y, sample_weight, groups, X_test, classify=classify)
    folds = data.resolve_folds(cv)
    params = fit_params_of(estimators, data.sample_weight, data.groups, folds.constraints.groups)
    warn_of_scale(estimators, params, data.sample_weight)
    seed = seed_from(random_state)
    settings = RunConfig(
        stack_method,
        n_jobs,
        on_error,
        seed,
        verbose,
        scoring=scoring,
        return_estimator=return_estimator,
        store=store,
        early_stopping=early_stopping,
    )
    warn_of_lost_parameters(estimators)
    return cross_fit(estimators, data, folds=folds, fit_params=params, settings=settings)


def cross_fit(
    estimators: NamedEstimators,
    data: TrainingData,
    *,
    folds: Folds,
    fit_params: Mapping[str, FitParams],
    settings: RunConfig,
    like: Folds | None = None,
) -> OutOfFold:
    """Do all fits of all estimators on all folds as one flat list of tasks.

    Parameters
    ----------
    estimators : list of (str, estimator)
        As in `out_of_fold`, checked.
    data : Data
        What they learn from and predict.
    folds : Folds
        The splits.
    fit_params : dict of dict
        What each estimator's fit gets besides X and y.
    settings : Settings
        How to work.
    like : Folds, optional
        By whose scheme estimators that stop early split their training parts, where the splits are but some
        of its own.

    Returns
    -------
    OutOfFold
    """
    target = data.target
    estimators = check_precomputed(estimators, data.X, data.X_test, target, folds)
    scorer_of(settings.scoring, target)  # an unknown scorer is refused before the work, not after it
    skips = settings.on_error == "skip"
    responses, unusable = prediction_specs(estimators, target, settings.stack_method, skips)
    if not responses:
        raise _all_failed(unusable)
    estimators = [(name, estimator) for name, estimator in estimators if name in responses]
    check_column_names(responses)
    _warn_of_missing_classes(folds, target)
    plan = EarlyStoppingPlan(estimators, like or folds, target, fit_params, settings.early_stopping)
    work = TaskPlanner(dict(estimators), responses, folds, fit_params, settings, plan)
    tasks = [*work.on_folds(), *(work.on_all_rows() if settings.refit else ())]
    plan.warn()
    again = _Refitter(tasks, folds, TrainingData(data.X, target), settings.n_jobs)
    collected = ResultCollector(
        responses,
        folds,
        data,
        refit=settings.refit,
        scoring=settings.scoring,
        fit_again=again,
        optimistic=plan.optimistic,
    )
    collected.failures.update(unusable)
    ledger = StoreSession(settings.store, tasks, data, folds.labels)
    with progress_bar(len(tasks), settings.verbose) as advance:
        left = [task for task in tasks if not _is_stored(task, ledger, collected, advance)]
        to_do = group_by_estimator(left, tasks, folds, data)
        with closing(
            run_all(to_do, data, settings.n_jobs, collected.failures, collected.seconds())
        ) as results:
            for done in results:
                advance(done.name)
                ledger.keep(done)
                if done.error is None:
                    collected.add(done)
                elif settings.on_error == "skip":
                    collected.drop(done)
                else:
                    raise _explained(done, folds, collected.result())
    oof = collected.result()
    if oof is None:
        raise _all_failed(collected.failures)
    warn_of_in_sample(estimators, oof)
    return oof


def refit(
    oof: OutOfFold,
    estimators: NamedEstimators,
    data: TrainingData,
    *,
    fit_params: Mapping[str, FitParams],
    settings: RunConfig,
    rows: Rows | None = None,
    fallback_to_folds: bool = False,
) -> OutOfFold:
    """Fit estimators on all rows too, after their folds.

    Parameters
    ----------
    oof : OutOfFold
        What the folds gave.
    estimators : list of (str, estimator)
        Those of the line-up that are wanted.
    data, fit_params, settings
        As in `cross_fit`.
    rows : (n_rows,) array of int, optional
        Those that there is something to learn from; None is all.
    or_folds : bool
        Whether estimators that failed (``on_error="skip"``) stay, for their folds can predict in their place.

    Returns
    -------
    OutOfFold
        The same with these estimators refitted, without those that failed unless `or_folds`.
    """
    wanted = dict(check_precomputed(estimators, data.X, data.X_test, data.target, oof.folds))
    plan = EarlyStoppingPlan([*wanted.items()], oof.folds, data.target, fit_params, settings.early_stopping)
    specs = {name: result.spec for name, result in oof.items()}
    tasks = TaskPlanner(wanted, specs, oof.folds, fit_params, settings, plan).on_all_rows(rows)
    found, failures = dict(oof.results), dict(oof.failures)
    with (
        progress_bar(len(tasks), settings.verbose) as advance,
        closing(run_all([*tasks], data, settings.n_jobs, failures)) as results,
    ):
        for done in results:
            advance(done.name)
            if done.error is None:
                found[done.name] = replace(found[done.name], refitted=done.estimator)
            elif settings.on_error == "skip":
                failures[done.name] = done.error
                warn_of_failure(
                    done, "predicts by the average of its folds" if fallback_to_folds else "is left out"
                )
            else:
                raise _explained(done, oof.folds, oof)
    if fallback_to_folds:
        return replace(oof, results=found).remember(oof.known_X)
    if not oof.keys() - failures.keys():
        raise _all_failed(failures)
    return replace(oof, results=found, failures=failures).without(failures).remember(oof.known_X)


def _is_stored(
    task: Task, ledger: StoreSession, collected: ResultCollector, advance: Callable[[str], None]
) -> bool:
    """Whether the store has a task's result, which is then collected."""
    done = ledger.find(task)
    if done is None:
        return False
    collected.add(done)
    advance(done.name)
    return True


@dataclass(frozen=True)
class _Refitter:
    """Does tasks again, for their fitted estimators, which a store may lack."""

    tasks: list[Task]
    folds: Folds
    data: TrainingData
    n_jobs: int | None

    def __call__(self, name: str, splits: list[int]) -> list[TaskResult]:
        own = [
            replace(task, return_estimator=True)
            for task in self.tasks
            if task.name == name and task.split >= 0
        ]
        wanted = [task for task in own if task.split in splits]
        work = group_by_estimator(wanted, own, self.folds, self.data)
        with closing(run_all(work, self.data, self.n_jobs, {})) as results:
            dones = sorted((done for done in results if done.split in splits), key=lambda done: done.split)
        for done in dones:
            if done.error is not None:
                done.error.add_note(f"Raised as {name!r} was fitted again, whose answers alone were kept.")
                raise done.error
        return dones


def _warn_of_missing_classes(folds: Folds, target: Target) -> None:
    """Say once which training parts lack which classes."""
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


def _all_failed(failures: Mapping[str, Exception]) -> Exception:
    """Return the error of a run that has nothing to show."""
    first = next(iter(failures.values()))
    first.add_note(f"All estimators failed: {format_list(failures)}. This is the error of the first.")
    return first


def _explained(done: TaskResult, folds: Folds, finished: OutOfFold | None) -> Exception:
    """Return a task's error with a note on where it happened, and what was finished before it."""
    error = done.error or RuntimeError("a task without a result")
    place = "on all rows" if done.split < 0 else "in repeat {} fold {}".format(*folds.labels[done.split])
    kept = "none" if finished is None else list(finished)
    error.add_note(
        f"Raised by estimator {done.name!r} {place}. Finished before it, in the error's attribute "
        f"'finished': {kept}. With on_error='skip' the estimator is left out instead."
    )
    vars(error)["finished"] = finished
    return error
