"""The results of tasks, put together as they come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.arrays.frames import index_of
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

__all__ = ["ResultCollector", "prediction_specs", "warn_of_failure"]


class ResultCollector:
    """The results of tasks as they come in, in any order.

    Parameters
    ----------
    responses : dict of str to Response
        The estimators, and how they predict.
    folds : Folds
        The splits: one result of each estimator is to come for each.
    data : Data
        The tables.
    scoring : str, callable or None
        How the result will be scored.
    fit_again : callable
        Does the tasks of some splits of an estimator, given its name and theirs: for results that came
        without their fitted estimator.
    optimistic : set of str
        The estimators that stop early on held-out rows.
    """

    def __init__(
        self,
        responses: dict[str, PredictionSpec],
        folds: Folds,
        data: TrainingData,
        *,
        scoring: Scoring,
        fit_again: Callable[[str, list[int]], list[TaskResult]],
        optimistic: Set[str] = frozenset(),
    ) -> None:
        self.responses, self.folds, self.data, self.scoring = responses, folds, data, scoring
        self.fit_again, self.optimistic = fit_again, optimistic
        self.done: dict[str, list[TaskResult | None]] = {
            name: [None] * len(folds.splits) for name in responses
        }
        self.n_missing = dict.fromkeys(responses, len(folds.splits))
        self.test: dict[str, Floats] = {}
        self.failures: dict[str, Exception] = {}

    def add(self, finished: TaskResult) -> None:
        """Keep a result; when an estimator's last fold is in, average its test predictions and free them."""
        if finished.name not in self.done:
            return
        of_estimator = self.done[finished.name]
        # A count, for a look at all folds for each of them takes the square of their number.
        self.n_missing[finished.name] -= of_estimator[finished.split] is None
        of_estimator[finished.split] = finished
        if not self.n_missing[finished.name]:
            self._complete(finished.name, [done for done in of_estimator if done is not None])

    def _complete(self, name: str, dones: list[TaskResult]) -> None:
        """Bring the results of all folds of an estimator into one form, and average its test predictions."""
        if any(done.labels for done in dones):
            self._by_labels(name)
        # In the order of splits, whichever came first: sums of floats depend on their order.
        predictions = [done.test for done in dones if done.test is not None]
        if len(predictions) == len(dones):
            self.test[name] = sum(predictions[1:], start=predictions[0]) / len(predictions)
            for done in dones:
                done.test = None

    def _by_labels(self, name: str) -> None:
        """Predict by labels in all folds, where the classes of the columns are unknown in some."""
        self.responses[name] = self.responses[name].as_labels()
        for done in self.done[name]:
            if done is not None and not done.labels:
                done.held_out, done.test = _votes(done.held_out), _votes(done.test)
        warn(
            f"The labels that {name!r} predicts are used, not its probabilities: the columns of its "
            "predict_proba are in another order than the classes, and it has no classes_ that says in which."
        )

    def drop(self, finished: TaskResult) -> None:
        """Forget an estimator that failed, but for its error."""
        if finished.error is not None and self.done.pop(finished.name, None) is not None:
            self.failures[finished.name] = finished.error
            self.test.pop(finished.name, None)
            warn_of_failure(finished)

    def seconds(self) -> dict[str, float]:
        """Return how long a fit took of each estimator of which results are in."""
        known = {
            name: [done.seconds for done in dones if done is not None] for name, dones in self.done.items()
        }
        return {name: sum(each) / len(each) for name, each in known.items() if each}

    def result(self) -> OutOfFold | None:
        """Return the results of estimators with all tasks done; None when there are none."""
        whole = {
            name: [done for done in of_estimator if done is not None]
            for name, of_estimator in self.done.items()
            if None not in of_estimator
        }
        if not whole:
            return None
        return OutOfFold(
            folds=self.folds,
            target=self.data.target,
            results={name: self._result_of(name, dones) for name, dones in whole.items()},
            failures=self.failures,
            sample_weight=self.data.sample_weight,
            scoring=self.scoring,
            index=index_of(self.data.X),
            test_index=index_of(self.data.X_test),
            schema=self.data.schema,
            optimistic={name for name in whole if name in self.optimistic},
            n_stored=sum(done.stored for dones in whole.values() for done in dones),
        ).remember(self.data.X)

    def _result_of(self, name: str, dones: list[TaskResult]) -> EstimatorResult:
        return EstimatorResult(
            spec=self.responses[name],
            held_out=[done.held_out for done in dones if done.held_out is not None],
            fold_estimators=self._estimators(name, dones),
            seconds=[done.seconds for done in dones],
            test=self.test.get(name),
            fit_mode="batched" if dones[0].shared else "plain",
        )

    def _estimators(self, name: str, dones: list[TaskResult]) -> Sequence[Any]:
        """The fitted estimators; those with predictions from a store are fitted when they are used."""
        estimators = [done.estimator for done in dones]
        if all(estimator is not None for estimator in estimators):
            return estimators

        def fit(splits: list[int]) -> list[Any]:
            again = self.fit_again(name, splits)
            _compare(name, [dones[split] for split in splits], again)
            return [done.estimator for done in again]

        return LazyFoldEstimators(estimators, fit)


def prediction_specs(
    estimators: NamedEstimators, target: Target, stack_method: str, skips: bool
) -> tuple[dict[str, PredictionSpec], dict[str, Exception]]:
    """Return how each estimator predicts, and the errors of those that cannot, where these are skipped.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The line-up.
    target : Target
        What is predicted.
    stack_method : str
        As in `stackit.estimators.prediction.prediction_spec`.
    skips : bool
        Whether one that cannot predict is left out with a warning; else its error is raised.
    """
    responses: dict[str, PredictionSpec] = {}
    unusable: dict[str, Exception] = {}
    for name, estimator in estimators:
        try:
            is_classifier(estimator, name)
            responses[name] = prediction_spec(name, estimator, stack_method, target)
        except ValueError as error:
            if not skips or stack_method not in ("auto", *METHODS):
                raise
            unusable[name] = error
            warn_of_failure(TaskResult(name, -1, error=error))
    return responses, unusable


def _votes(table: Floats | None) -> Floats | None:
    """Return a vote per row for the class of highest probability."""
    return None if table is None else np.eye(table.shape[1])[table.argmax(axis=1)]


def warn_of_failure(finished: TaskResult, outcome: str = "is left out") -> None:
    """Say which estimator has failed, what becomes of it, and why."""
    error = finished.error
    warn(f"Estimator {finished.name!r} failed and {outcome}: {type(error).__name__}: {error}")


def _compare(name: str, stored: list[TaskResult], again: list[TaskResult]) -> None:
    """Warn when estimators fitted again predict other than before: their fit is left to chance."""
    pairs = [(np.asarray(a.held_out), np.asarray(b.held_out)) for a, b in zip(stored, again, strict=True)]
    if any(a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, equal_nan=True) for a, b in pairs):
        warn(
            f"The fold estimators of {name!r}, fitted again, do not predict what the store has of them. "
            "Set random_state, and leave X and y as they are."
        )
