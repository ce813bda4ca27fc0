"""One estimator on one fold: clone, seed, fit, answer, on a bounded number of threads."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from stackit.arrays import Floats, Rows, num_samples, safe_index
from stackit.arrays.isolation import Reader, inspect_reader, is_readonly_error, own_values
from stackit.engine.failures import as_failure, pack_failure, unpack_failure
from stackit.engine.threads import single_threaded
from stackit.engine.training_data import TrainingData
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.early_stopping import ValidationSet, fit
from stackit.estimators.inner_groups import pass_groups, remove_groups
from stackit.estimators.label_encoding.fitting import encoded_parts, fit_classifier
from stackit.estimators.label_encoding.wrappers import ConstantClassifier, LabelEncodedClassifier, lacks_order
from stackit.estimators.metadata_routing import INNER_GROUPS, FitParams, index_fit_params
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.prediction_checks import ALL_ROWS
from stackit.estimators.seeds import Seeds, seed_of, seeds_of
from stackit.estimators.traits import is_classifier
from stackit.results.repeated_warnings import RecordedWarning
from stackit.target import Target

__all__ = [
    "EstimatorTraits",
    "Task",
    "TaskResult",
    "fit_estimator",
    "inspect_estimator",
    "run",
    "seed_of",
    "seeded",
    "set_seeds",
]

JOBS = ("n_jobs", "nthread", "num_threads")


@dataclass(frozen=True, eq=False)
class EstimatorTraits:
    """What is to be minded of an estimator in each of its fits, looked up once.

    Parameters
    ----------
    seeds : Seeds
        What of it is left to chance.
    jobs : dict of str to int or None
        Its ``n_jobs`` parameters, of parts too, that ask for more threads than a task may use; what
        gradient boosting libraries call so otherwise is among them.
    reader : Reader
        How it treats the tables that it is handed.
    classifies : bool
        Whether it is a classifier.
    coded : tuple of str
        Which of its parts get codes for labels; none of regressors.
    """

    seeds: Seeds
    jobs: dict[str, int | None]
    reader: Reader
    classifies: bool
    coded: tuple[str, ...] = ()

    @property
    def is_trusted_library(self) -> bool:
        """Whether it comes from libraries whose ways are known."""
        return self.reader.is_trusted_library


@dataclass(frozen=True, eq=False)
class Task:
    """One fit that is to be done, and what the fitted estimator is asked afterwards.

    Parameters
    ----------
    split : int
        The number of the split, or -1 for a fit on all rows that predicts nothing.
    estimator : estimator
        Not fitted, and never changed: a clone is.
    response : Response
        How it is asked.
    train, held_out : (n_train,), (n_held_out,) arrays of int
        Row positions.
    seed : int or None
        For each ``random_state`` of the estimator that is None.
    fit_params : dict
        Passed to fit; values of n rows are cut to the training rows.
    habits : Habits
        What is to be minded of the estimator.
    threads : int
        How many threads the estimator's own ``n_jobs`` may use.
    watched : (n_watched,) array of int, optional
        The rows by which it stops early; without them it is fitted as it is.
    keeps : bool
        Whether the fitted estimator is kept once it has answered.
    place : (int, int)
        The repeat and the fold, for errors; (-1, -1) is a fit on all rows.
    """

    split: int
    estimator: Any
    response: PredictionSpec
    train: Rows
    held_out: Rows
    seed: int | None
    fit_params: FitParams
    habits: EstimatorTraits
    threads: int = 1
    watched: Rows | None = None
    keeps: bool = True
    place: tuple[int, int] = ALL_ROWS

    @property
    def name(self) -> str:
        """The estimator's name."""
        return self.response.name


@dataclass(eq=False)
class TaskResult:
    """What came of a task: a fitted estimator and its answers, or the error that stopped it.

    One that is `stored` came out of a store, in most cases without its estimator; `said` are the warnings
    that were raised on the way. Where the columns of its probabilities cannot be told apart, its answers are
    `labels`.
    """

    name: str
    split: int
    estimator: Any = None
    held_out: Floats | None = None
    test: Floats | None = None
    seconds: float = 0.0
    shared: bool = False
    error: Exception | None = None
    stored: bool = False
    said: tuple[RecordedWarning, ...] = ()
    labels: bool = False

    def __getstate__(self) -> dict[str, Any]:
        """Travel with the error in a form that can always be pickled, whatever its class is like."""
        return vars(self) | {"error": None if self.error is None else pack_failure(self.error)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        packed = state["error"]
        vars(self).update(state | {"error": None if packed is None else unpack_failure(packed)})


def run(task: Task, data: TrainingData) -> TaskResult:
    """Do one task; an error of the estimator is returned, not raised.

    Parameters
    ----------
    task : Task
        What to do.
    data : Data
        The tables; they are not changed.

    Returns
    -------
    Finished
        With answers of shapes (n_held_out, width) and (m, width).
    """
    done = TaskResult(task.name, task.split)
    with single_threaded(), task.habits.seeds.drawing(task.seed):
        try:
            _do(task, data, done)
        except BaseException as error:  # noqa: BLE001 - whatever a user's estimator raises, the engine decides on
            done.error = as_failure(error)
    return done


def _do(task: Task, data: TrainingData, done: TaskResult) -> None:
    started, reader = time.perf_counter(), task.habits.reader
    done.estimator = _fit(task, data)
    done.seconds = time.perf_counter() - started
    response, done.labels = task.response, lacks_order(done.estimator, task.response.method)
    if done.labels:
        response = response.by_labels()
    if len(task.held_out):
        held_out, owned = data.rows(task.held_out, reader), not reader.is_trusted_library
        done.held_out = response.predict_readonly(done.estimator, held_out, task.place, reader, owned)
    if data.X_test is not None and task.split >= 0:
        X_test, owned = data.test_rows(reader)
        done.test = response.predict_readonly(done.estimator, X_test, task.place, reader, owned)
    _restore_n_jobs(task, done.estimator)
    if not task.keeps:
        done.estimator = None


def fit_estimator(
    estimator: Any,
    X: Any,
    target: Target,
    rows: Rows,
    fit_params: FitParams,
    watched: tuple[Any, Rows] | None = None,
    habits: EstimatorTraits | None = None,
) -> Any:
    """Fit an estimator in place; classifiers get the labels, regressors the class positions.

    A classifier whose library may not take the labels as they are (some want 0, 1, 2, ...) is wrapped in
    `LabelEncodedClassifier`, so that its classes are those of y all the same; one that cannot be
    trained on a single class is replaced by `ConstantClassifier` where there is no other.

    Parameters
    ----------
    estimator : estimator
        Not fitted.
    X : array-like with n_train rows
        The training rows alone.
    target : Target
        The whole target.
    rows : (n_train,) array of int
        Which rows they are.
    fit_params : dict
        Passed to fit; values with a row for each of the whole target are cut to these.
    watched : (X, rows), optional
        The rows by which it stops early, as a table and as positions.
    habits : Habits, optional
        What is to be minded of it, where that is known already.

    Returns
    -------
    estimator
        The fitted estimator, or its wrapper.
    """
    classifies = is_classifier(estimator) if habits is None else habits.classifies
    whole = target.y if classifies else target.codes
    y, params = safe_index(whole, rows), index_fit_params(fit_params, rows, num_samples(whole))
    groups = params.pop(INNER_GROUPS, None)
    shown = None
    if watched is not None:
        table, positions = watched
        shown = ValidationSet(
            table, safe_index(whole, positions), index_fit_params(fit_params, positions, num_samples(whole))
        )
    if groups is not None:
        pass_groups(estimator, groups)
    if classifies and target.kind != "multilabel":
        coded = None if habits is None else habits.coded
        found = target.classes_in(rows) if coded else None
        fitted = fit_classifier(estimator, X, y, params, shown, coded, target.classes, found)
    else:
        fitted = fit(estimator, X, y, params, shown)
    if groups is not None:
        remove_groups(fitted)
    return fitted


def _fit(task: Task, data: TrainingData) -> Any:
    """Fit on rows that known libraries share; one that turns out to work in place gets a copy of its own."""
    try:
        return _fit_on(task, data, copied=False)
    except (TypeError, ValueError) as error:
        if not (task.habits.is_trusted_library and is_readonly_error(error)):
            raise
        return _fit_on(task, data, copied=True)


def _fit_on(task: Task, data: TrainingData, copied: bool) -> Any:
    X = data.rows(task.train, task.habits.reader, copied)
    watched = (
        None if task.watched is None else (data.rows(task.watched, task.habits.reader, copied), task.watched)
    )
    estimator, jobs = seeded(task), task.habits.jobs
    if jobs:
        estimator.set_params(**dict.fromkeys(jobs, task.threads))
    return fit_estimator(estimator, X, data.target, task.train, _fit_params(task), watched, task.habits)


def _fit_params(task: Task) -> FitParams:
    """Return what fit is passed besides; an unknown library gets copies of what is not cut to rows."""
    if task.habits.is_trusted_library:
        return task.fit_params
    return {name: own_values(values) for name, values in task.fit_params.items()}


def _restore_n_jobs(task: Task, fitted: Any) -> None:
    """Set the estimator's own number of threads again, once it has answered with as many as it may use."""
    bare = fitted.estimator if isinstance(fitted, LabelEncodedClassifier) else fitted
    if task.habits.jobs and not isinstance(bare, ConstantClassifier):
        bare.set_params(**task.habits.jobs)


def seeded(task: Task) -> Any:
    """Return a clone of a task's estimator with its seeds set."""
    estimator = unfitted_copy(task.estimator)
    task.habits.seeds.set(estimator, task.seed)
    return estimator


def inspect_estimator(estimator: Any, threads: int = 1) -> EstimatorTraits:
    """Look up what is to be minded of an estimator.

    Parameters
    ----------
    estimator : estimator
        Any object with fit.
    threads : int
        How many threads a task may use.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> habits = inspect_estimator(RandomForestClassifier(n_jobs=-1))
    >>> habits.seeds.unseeded, habits.jobs, habits.classifies
    (('random_state',), {'n_jobs': -1}, True)
    """
    params = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    classifies = is_classifier(estimator)
    return EstimatorTraits(
        seeds=seeds_of(estimator, params),
        jobs={
            name: params[name]
            for spelling in JOBS
            for name in _named(params, spelling)
            if _asks_for_more(params[name], _owner(estimator, params, name), threads)
        },
        reader=inspect_reader(estimator),
        classifies=classifies,
        coded=encoded_parts(estimator, params) if classifies else (),
    )


def set_seeds(estimator: Any, seed: int | None) -> None:
    """Set each parameter of an estimator that seeds it and is None, each to a number of its own."""
    inspect_estimator(estimator).seeds.set(estimator, seed)


def _owner(estimator: Any, params: dict[str, Any], name: str) -> Any:
    """Return the part that a parameter is of."""
    part = name.rpartition("__")[0]
    return params[part] if part else estimator


def _asks_for_more(n_jobs: Any, owner: Any, threads: int) -> bool:
    """Whether a number of threads is more than a task may use; to lightgbm, none means one a core."""
    if n_jobs is None:
        return type(owner).__module__.startswith("lightgbm.")
    return isinstance(n_jobs, int) and not 0 <= n_jobs <= threads


def _named(params: dict[str, Any], name: str) -> list[str]:
    """Return the parameters of that name, also those of parts."""
    return [key for key in params if key == name or key.endswith(f"__{name}")]
