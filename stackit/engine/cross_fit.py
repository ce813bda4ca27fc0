"""The engine: each estimator is trained once per fold, and predicts the held-out rows and the test set."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackit.engine.collector import ResultCollector, prediction_specs
from stackit.engine.executor import run_all
from stackit.engine.failures import all_failed, explain_failure
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

__all__ = ["cross_fit", "out_of_fold"]


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
    """Train each estimator once per fold; predict the rows that were held out, and the whole test set.

    Parameters
    ----------
    estimators : list of (str, estimator), dict, list of estimators, or estimator
        Classifiers for classes, regressors for numbers; they are cloned, never changed. If any is a
        classifier, y holds classes, and regressors among them predict class positions. An estimator with
        ``predict_proba`` that is not tagged as a regressor is a classifier.
        Estimators without a name are named after their class, such as "ridge".
    X : array-like, data frame or sparse matrix with n rows
        Passed to the estimators in its own container; frames of other libraries reach gradient boosting
        libraries as pandas frames. Estimators of known libraries share a read-only slice of an array; all
        others get copies, so that nothing of the caller's is written into.
    y : (n,) or (n, n_outputs) array-like
        Labels of any type, or numbers.
    X_test : like X, with m rows, optional
        Its columns are checked against those of X: names, order, kinds. Each fold's estimator predicts it,
        and the average is kept.
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        How rows are held out; see `stackit.folds.as_folds`.
    sample_weight : (n,) array-like, optional
        Finite numbers of at least 0. Passed as they are to the scores and to the estimators that take
        weights, also inside pipelines and searches.
    groups : (n,) array-like, optional
        Passed to the splitter; with an int or None as `cv`, the rows of a group are held out together. These
        groups, or else those of the folds, are also passed to splitters inside estimators, such as searches.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        The method by which classifiers predict; "auto" takes the first that each one has.
    scoring : str, callable or None
        A scikit-learn scorer; None is accuracy or R2.
    n_jobs : int or None
        How many fits run at once, -1 for one per core. A joblib backend chosen outside is used. With 1 all
        fits run in this process, and one that ends its process (a crash in compiled code) ends the program.
        With more that cannot happen, except for estimators that cannot be pickled, and, where the program
        cannot be forked (it has threads, as in a notebook), for short work of pipelines with functions or
        transformers of your own: new processes take seconds to start. joblib's multiprocessing backend waits
        for ever when a worker dies; loky, its default, does not.
    store : DiskStore, MemoryStore or None
        Where the predictions of each fit are kept as soon as it is finished. A fit that is in the store is
        not repeated: start an interrupted run again, and it continues. The key of a fit is a digest of the
        estimator's class, code and parameters, X, y, fold, weights, seed and the library versions;
        `n_jobs`, `verbose`, other estimators and the final estimator do not count.
    on_error : {"raise", "skip"}
        "raise" stops at the first estimator that fails, and "skip" drops it with a warning.
    early_stopping : {"training", "held_out"}
        Rows used as validation data for early stopping: "training" splits them off the fold's training part
        as the folds are split (groups stay whole; in time, the last stretch) and does not fit on them;
        "held_out" uses the held-out rows, which biases scores and warns.
    random_state : int, RandomState or None
        Seeds the estimators of which ``random_state`` is None: each (estimator, repeat, fold) gets a seed
        that does not depend on what else runs. With None they stay unseeded.
    return_estimator : bool
        Whether the fitted fold estimators are kept. Without them a run takes the memory of one fit per
        worker; they are fitted again when they are accessed.
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
        Whatever an estimator raises, with a note that names the estimator and the fold. Its attribute
        ``finished`` is an OutOfFold of what is finished, or None.

    Warns
    -----
    UserWarning
        When estimators cannot take the weights, depend on the scale of such weights, or lose parameters when
        they are copied; when a training part lacks a class; when an estimator is dropped; when the store
        cannot be read or written, or cannot identify an estimator; when predictions made elsewhere
        (`PrecomputedClassifier`) look in-sample, or were made with other folds; when estimators stop early on
        held-out rows, or on an internal split that separates groups or mixes times.

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
    warn_of_lost_parameters(estimators)
    config = RunConfig(
        stack_method=stack_method,
        n_jobs=n_jobs,
        on_error=on_error,
        seed=seed_from(random_state),
        verbose=verbose,
        return_estimator=return_estimator,
        scoring=scoring,
        store=store,
        early_stopping=early_stopping,
    )
    return cross_fit(estimators, data, folds=folds, fit_params=params, config=config)


def cross_fit(
    estimators: NamedEstimators,
    data: TrainingData,
    *,
    folds: Folds,
    fit_params: Mapping[str, FitParams],
    config: RunConfig,
    like: Folds | None = None,
) -> OutOfFold:
    """Run all fits of all estimators on all folds as one flat list of tasks.

    Estimators that stop early split their training parts by the scheme of `like`, where `folds` are only some
    of its splits.
    """
    estimators = check_precomputed(estimators, data.X, data.X_test, data.target, folds)
    scorer_of(config.scoring, data.target)  # an unknown scorer is an error before the work, not after it
    skip_failed = config.on_error == "skip"
    specs, unusable = prediction_specs(estimators, data.target, config.stack_method, skip_failed)
    if not specs:
        raise all_failed(unusable)
    estimators = [(name, estimator) for name, estimator in estimators if name in specs]
    check_column_names(specs)
    _warn_of_missing_classes(folds, data.target)
    plan = EarlyStoppingPlan(estimators, like or folds, data.target, fit_params, config.early_stopping)
    tasks = TaskPlanner(dict(estimators), specs, folds, fit_params, config, plan).on_folds()
    plan.warn()
    refitter = _Refitter(tasks, folds, TrainingData(data.X, data.target), config.n_jobs)
    collector = ResultCollector(
        specs, folds, data, scoring=config.scoring, fit_again=refitter, optimistic=plan.optimistic
    )
    collector.failures.update(unusable)
    session = StoreSession(config.store, tasks, data, folds.labels)
    with progress_bar(len(tasks), config.verbose) as advance:
        left = []
        for task in tasks:
            stored = session.find(task)
            if stored is None:
                left.append(task)
            else:
                collector.add(stored)
                advance(task.name)
        grouped = group_by_estimator(left, tasks, folds, data)
        with closing(
            run_all(grouped, data, config.n_jobs, collector.failures, collector.seconds())
        ) as results:
            for result in results:
                advance(result.name)
                session.keep(result)
                if result.error is None:
                    collector.add(result)
                elif skip_failed:
                    collector.drop(result)
                else:
                    raise explain_failure(result, folds, collector.result())
    oof = collector.result()
    if oof is None:
        raise all_failed(collector.failures)
    warn_of_in_sample(estimators, oof)
    return oof


@dataclass(frozen=True)
class _Refitter:
    """Runs tasks again for their fitted estimators, which a store may lack."""

    tasks: list[Task]
    folds: Folds
    data: TrainingData
    n_jobs: int | None

    def __call__(self, name: str, splits: list[int]) -> list[TaskResult]:
        own = [replace(task, return_estimator=True) for task in self.tasks if task.name == name]
        wanted = [task for task in own if task.split in splits]
        grouped = group_by_estimator(wanted, own, self.folds, self.data)
        with closing(run_all(grouped, self.data, self.n_jobs, {})) as found:
            results = sorted((one for one in found if one.split in splits), key=lambda one: one.split)
        for result in results:
            if result.error is not None:
                result.error.add_note(
                    f"Raised when {name!r} was fitted again, of which only predictions were kept."
                )
                raise result.error
        return results


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
