"""Collects the results of tasks, in any order, into the result of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.arrays.frames import index_of, library_of
from stackit.engine.task import TaskResult
from stackit.engine.training_data import TrainingData
from stackit.estimators.estimator_type import is_classifier
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.prediction import METHODS, PredictionSpec, prediction_spec
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds
from stackit.results.estimator_result import EstimatorResult
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.results.oof import OutOfFold
from stackit.target import Target
from stackit.validation import warn

__all__ = ["ResultCollector", "explain_failure", "prediction_specs", "warn_of_failure"]


class ResultCollector:
    """Collects one result per estimator and split.

    `optimistic` holds the names of estimators that stop early on held-out rows.

    Parameters
    ----------
    folds : Folds
        The splits.
    data : TrainingData
        The tables.
    scoring : str, callable or None
        How the run is scored.
    fit_again : callable
        Given a name and positions of splits, does these tasks again: for results from a store, which have no
        fitted estimator.
    """

    def __init__(
        self,
        folds: Folds,
        data: TrainingData,
        *,
        scoring: Scoring,
        fit_again: Callable[[str, list[int]], list[TaskResult]],
    ) -> None:
        self.folds, self.data, self.scoring, self.fit_again = folds, data, scoring, fit_again
        self.specs: dict[str, PredictionSpec] = {}
        self.results: dict[str, list[TaskResult | None]] = {}
        # Counted, because a look at all folds for each result takes the square of their number.
        self.n_missing: dict[str, int] = {}
        self.test: dict[str, Floats] = {}
        self.failures: dict[str, Exception] = {}
        self.optimistic: set[str] = set()

    def expect(self, specs: Mapping[str, PredictionSpec]) -> None:
        """Wait for results of estimators; `specs` say how they predict."""
        self.specs |= specs
        self.results |= {name: [None] * len(self.folds.splits) for name in specs}
        self.n_missing |= dict.fromkeys(specs, len(self.folds.splits))

    def add(self, result: TaskResult) -> None:
        """Keep a result; after an estimator's last fold, average its test predictions and free them."""
        if result.name not in self.results:
            return
        results = self.results[result.name]
        self.n_missing[result.name] -= results[result.split] is None
        results[result.split] = result
        if not self.n_missing[result.name]:
            self._complete(result.name, [one for one in results if one is not None])

    def drop(self, result: TaskResult) -> None:
        """Keep only the error of an estimator that failed."""
        assert result.error is not None
        self.failures[result.name] = result.error
        for known in (self.results, self.specs, self.n_missing, self.test):
            known.pop(result.name, None)

    def n_done(self) -> dict[str, int]:
        """Return how many folds are done of each estimator that has not failed."""
        return {name: len(self.folds.splits) - missing for name, missing in self.n_missing.items()}

    def seconds(self) -> dict[str, float]:
        """Return the mean seconds per fit of each estimator that has results."""
        known = {name: [one.seconds for one in results if one] for name, results in self.results.items()}
        return {name: sum(each) / len(each) for name, each in known.items() if each}

    def result(self) -> OutOfFold | None:
        """Return the result of the estimators of which all folds are done; None if there are none."""
        complete = {
            name: [one for one in results if one is not None]
            for name, results in self.results.items()
            if None not in results
        }
        if not complete:
            return None
        return OutOfFold(
            folds=self.folds,
            target=self.data.target,
            results={name: self._result_of(name, results) for name, results in complete.items()},
            failures=dict(self.failures),
            sample_weight=self.data.sample_weight,
            scoring=self.scoring,
            index=index_of(self.data.X),
            test_index=index_of(self.data.X_test),
            schema=self.data.schema,
            library=library_of(self.data.X),
            optimistic={name for name in complete if name in self.optimistic},
            n_stored=sum(one.stored for results in complete.values() for one in results),
        ).remember(self.data.X)

    def _complete(self, name: str, results: list[TaskResult]) -> None:
        if any(one.labels for one in results):
            self._use_labels(name, results)
        # In the order of splits, whichever came first: sums of floats depend on their order.
        tests = [one.test for one in results if one.test is not None]
        if len(tests) == len(results):
            self.test[name] = sum(tests[1:], start=tests[0]) / len(tests)
            for one in results:
                one.test = None

    def _use_labels(self, name: str, results: list[TaskResult]) -> None:
        """Use labels in all folds, because in some the columns of probabilities cannot be assigned."""
        self.specs[name] = self.specs[name].as_labels()
        for one in results:
            if not one.labels:
                one.held_out, one.test = _votes(one.held_out), _votes(one.test)
        warn(
            f"The labels that {name!r} predicts are used, not its probabilities: the columns of its "
            "predict_proba are in another order than the classes, and it has no classes_ that says in which."
        )

    def _result_of(self, name: str, results: list[TaskResult]) -> EstimatorResult:
        return EstimatorResult(
            spec=self.specs[name],
            held_out=[one.held_out for one in results if one.held_out is not None],
            fold_estimators=self._estimators(name, results),
            seconds=[one.seconds for one in results],
            test=self.test.get(name),
            fit_mode="batched" if results[0].shared else "plain",
        )

    def _estimators(self, name: str, results: list[TaskResult]) -> Sequence[Any]:
        estimators = [one.estimator for one in results]
        if all(estimator is not None for estimator in estimators):
            return estimators

        def fit(splits: list[int]) -> list[Any]:
            again = self.fit_again(name, splits)
            _warn_of_difference(name, [results[split] for split in splits], again)
            return [one.estimator for one in again]

        return LazyFoldEstimators(estimators, fit)


def prediction_specs(
    estimators: NamedEstimators, target: Target, stack_method: str, skips: bool
) -> tuple[dict[str, PredictionSpec], dict[str, Exception]]:
    """Return how each estimator predicts, and the errors of those that cannot, if these are skipped."""
    specs: dict[str, PredictionSpec] = {}
    unusable: dict[str, Exception] = {}
    for name, estimator in estimators:
        try:
            is_classifier(estimator, name)  # regressors are checked, too
            specs[name] = prediction_spec(name, estimator, stack_method, target)
        except ValueError as error:
            if not skips or stack_method not in ("auto", *METHODS):
                raise
            unusable[name] = error
    return specs, unusable


def explain_failure(result: TaskResult, folds: Folds, finished: OutOfFold | None) -> Exception:
    """Return a task's error with a note that says where it happened, and with what was finished before it."""
    error = result.error or RuntimeError("a task without a result")
    place = "on all rows" if result.split < 0 else "in repeat {} fold {}".format(*folds.labels[result.split])
    names = "none" if finished is None else list(finished)
    error.add_note(
        f"Raised by estimator {result.name!r} {place}. Finished before it, in the error's attribute "
        f"'finished': {names}. With on_error='skip' the estimator is left out instead."
    )
    vars(error)["finished"] = finished
    return error


def warn_of_failure(result: TaskResult, outcome: str = "is left out") -> None:
    """Warn of an estimator that failed, with its error and the outcome."""
    error = result.error
    warn(f"Estimator {result.name!r} failed and {outcome}: {type(error).__name__}: {error}")


def _votes(prediction: Floats | None) -> Floats | None:
    """Return a vote per row for the class of highest probability."""
    return None if prediction is None else np.eye(prediction.shape[1])[prediction.argmax(axis=1)]


def _warn_of_difference(name: str, stored: list[TaskResult], again: list[TaskResult]) -> None:
    """Warn if estimators that are fitted again do not predict what is stored."""
    pairs = [(np.asarray(a.held_out), np.asarray(b.held_out)) for a, b in zip(stored, again, strict=True)]
    if any(a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, equal_nan=True) for a, b in pairs):
        warn(
            f"The fold estimators of {name!r}, fitted again, do not predict what the store has of them. "
            "Set random_state, and leave X and y as they are."
        )
