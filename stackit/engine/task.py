"""One estimator on one fold: copy it, seed it, fit it, predict with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from stackit.arrays import Floats, Rows, safe_index
from stackit.arrays.isolation import is_readonly_error, own_copy, own_values, read_only
from stackit.engine.failures import as_failure, pack_exception, unpack_exception
from stackit.engine.fit import fit_estimator
from stackit.engine.preparation import FoldTables, Preparation, prepare, set_first_steps
from stackit.engine.threads import single_threaded
from stackit.engine.training_data import TrainingData
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.label_encoding.wrappers import ConstantClassifier, LabelEncodedClassifier, lacks_order
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.prediction_checks import ALL_ROWS
from stackit.estimators.traits import EstimatorTraits
from stackit.results.repeated_warnings import RecordedWarning, record_warnings

__all__ = ["Task", "TaskResult"]


@dataclass(eq=False)  # not frozen, which makes it three times slower to make one for each fit
class Task:
    """One fit of one estimator, and the rows that are predicted after it; it is never changed."""

    split: int  # the number of the split; -1 is a fit on all rows, which predicts nothing
    estimator: Any  # a copy of it is fitted
    spec: PredictionSpec
    train: Rows
    held_out: Rows
    seed: int | None  # for each random_state of the estimator that is None
    fit_params: FitParams  # passed to fit; values with one entry per row are cut to the training rows
    traits: EstimatorTraits
    threads: int = 1  # how many the estimator's own n_jobs may use
    validation_rows: Rows | None = None  # those that stop the fit early
    return_estimator: bool = True
    place: tuple[int, int] = ALL_ROWS  # repeat and fold, for messages

    @property
    def name(self) -> str:
        """The estimator's name."""
        return self.spec.name

    def run(self, data: TrainingData) -> list[TaskResult]:
        """Fit and predict; an error of the estimator is returned in the result, not raised."""
        result = TaskResult(self.spec.name, self.split)
        with record_warnings() as warnings, single_threaded(), self.traits.seeds.drawing(self.seed):
            try:
                started = time.perf_counter()
                shared = self._shared_preparation(data)
                try:
                    result.estimator = fit_estimator(*self._inputs_of_fit(data, shared))
                except (TypeError, ValueError) as error:
                    if not self._needs_copies(error):
                        raise
                    result.estimator = fit_estimator(*self._inputs_of_fit(data, shared, copied=True))
                result.seconds = time.perf_counter() - started
                self._predict(result, data, shared)
                result.predict_seconds = time.perf_counter() - started - result.seconds
            except BaseException as error:  # noqa: BLE001 - an estimator may raise anything; the engine decides
                result.error = as_failure(error)
        result.warnings = tuple(warnings)
        return [result]

    def died(self, cause: str) -> list[TaskResult]:
        """Return the result of a task that ended its process."""
        where = "on all rows" if self.place == ALL_ROWS else "in repeat {} fold {}".format(*self.place)
        error = RuntimeError(f"The process that fitted {self.name!r} {where} has died: {cause}.")
        return [TaskResult(self.name, self.split, error=error)]

    def seeded_copy(self) -> Any:
        """Return an unfitted copy of the estimator with its seeds set."""
        estimator = unfitted_copy(self.estimator)
        self.traits.seeds.set(estimator, self.seed)
        return estimator

    def ready_copy(self) -> Any:
        """Return a seeded copy that uses no more threads than the task may."""
        estimator = self.seeded_copy()
        if self.traits.n_jobs:
            estimator.set_params(**dict.fromkeys(self.traits.n_jobs, self.threads))
        return estimator

    def targets(self, data: TrainingData) -> Any:
        """Return what the estimator is to predict, of all rows: labels for a classifier, else numbers."""
        return data.target.y if self.traits.is_classifier else data.target.codes

    def prepare(self, data: TrainingData) -> tuple[Any, FoldTables]:
        """Return a pipeline with its steps before the last fitted, and the tables that they make."""
        pipeline = self.ready_copy()
        shared = data.preparations.get(self, lambda: self._preparation(data))
        found = self._preparation(data) if shared is None else shared
        set_first_steps(pipeline, found.steps)
        return pipeline, found.tables

    def shared_parts(self) -> list[Any]:
        """Return what other tasks refer to as well: the rows, and the weights and groups of all rows."""
        rows = (self.train, self.held_out, self.validation_rows)
        columns = [values for values in self.fit_params.values() if hasattr(values, "__len__")]
        return [*(part for part in rows if part is not None), *columns]

    def _inputs_of_fit(
        self, data: TrainingData, shared: Preparation | None, copied: bool = False
    ) -> tuple[Any, ...]:
        """Return the arguments of `fit_estimator`; an estimator that may write into them gets copies."""
        traits, validation = self.traits, None
        estimator, fit_params = self.ready_copy(), self.fit_params
        if shared is None:
            X = data.rows(self.train, traits.reader, copied)
            if self.validation_rows is not None:
                validation = data.rows(self.validation_rows, traits.reader, copied), self.validation_rows
        else:
            set_first_steps(estimator, ["passthrough"] * len(shared.steps))
            tables = shared.tables.each(own_copy) if copied else shared.tables
            X = tables.train
            if self.validation_rows is not None:
                validation = tables.validation, self.validation_rows
        if fit_params and not traits.is_trusted_library:
            fit_params = {name: own_values(values) for name, values in fit_params.items()}
        return estimator, X, data.target, self.train, fit_params, validation, traits

    def _shared_preparation(self, data: TrainingData) -> Preparation | None:
        """Return what the steps before the last make, where other tasks use it too and they can be fitted."""
        try:
            return data.preparations.get(self, lambda: self._preparation(data))
        except Exception:  # noqa: BLE001 - the fit of the whole pipeline reports the error
            return None

    def _preparation(self, data: TrainingData) -> Preparation:
        """Fit the steps before the last."""
        try:
            return prepare(self.ready_copy(), *self._raw_tables(data, copied=False))
        except (TypeError, ValueError) as error:
            if not self._needs_copies(error):
                raise
            return prepare(self.ready_copy(), *self._raw_tables(data, copied=True))

    def _needs_copies(self, error: Exception) -> bool:
        """Whether a trusted library, which shares its rows, turns out to work in place."""
        return self.traits.is_trusted_library and is_readonly_error(error)

    def _raw_tables(self, data: TrainingData, copied: bool = False) -> tuple[FoldTables, Any]:
        """Return the rows of the fold, none of which is the caller's to be changed, and y."""
        reader = self.traits.reader
        train, held_out = (data.rows(rows, reader, copied) for rows in (self.train, self.held_out))
        of_validation = self.validation_rows
        validation = None if of_validation is None else data.rows(of_validation, reader, copied)
        X_test, owned = data.test_rows(reader) if self.split >= 0 else (None, False)
        if X_test is not None:
            own = own_copy if copied or not reader.is_trusted_library else read_only
            X_test = reader.adapted(X_test if owned else own(X_test))
        return FoldTables(train, held_out, validation, X_test), safe_index(self.targets(data), self.train)

    def _predict(self, result: TaskResult, data: TrainingData, shared: Preparation | None) -> None:
        """Predict the held-out and the test rows; shapes are (n_held_out, width) and (m, width)."""
        fitted, spec, reader = result.estimator, self.spec, self.traits.reader
        if lacks_order(fitted, spec.method):
            result.labels, spec = True, spec.as_labels()
        if len(self.held_out):
            held_out, owned = (
                (data.rows(self.held_out, reader), not reader.is_trusted_library)
                if shared is None
                else (shared.tables.held_out, True)
            )
            result.held_out = spec.predict_readonly(fitted, held_out, self.place, reader, owned)
        if data.X_test is not None and self.split >= 0:
            X_test, owned = data.test_rows(reader) if shared is None else (shared.tables.test, True)
            result.test = spec.predict_readonly(fitted, X_test, self.place, reader, owned)
        if shared is not None:
            set_first_steps(fitted, shared.steps)
        if self.traits.n_jobs:
            self.restore_n_jobs(fitted)
        if not self.return_estimator:
            result.estimator = None

    def restore_n_jobs(self, fitted: Any) -> None:
        """Set the estimator's own number of threads again, once it has predicted."""
        bare = fitted.estimator if isinstance(fitted, LabelEncodedClassifier) else fitted
        if not isinstance(bare, ConstantClassifier):
            bare.set_params(**self.traits.n_jobs)


@dataclass(eq=False)
class TaskResult:
    """What came of a task: a fitted estimator and its predictions, or the error that stopped it."""

    name: str
    split: int
    estimator: Any = None
    held_out: Floats | None = None
    test: Floats | None = None
    seconds: float = 0.0  # of the fit alone
    shared: bool = False  # fitted together with all other folds
    error: Exception | None = None
    stored: bool = False  # taken out of a store, in most cases without the estimator
    warnings: tuple[RecordedWarning, ...] = ()
    labels: bool = False  # predictions are labels, since the columns of probabilities are in unknown order
    predict_seconds: float = 0.0  # 0 where it is unknown: folds fitted together, or results from a store

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the error in a form that can always be pickled, whatever its class."""
        return vars(self) | {"error": None if self.error is None else pack_exception(self.error)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        packed = state["error"]
        vars(self).update(state | {"error": None if packed is None else unpack_exception(packed)})
