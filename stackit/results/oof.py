"""What came out of the engine: meta-features, scores, coverage, and the fitted estimators."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats, num_samples
from stackit.arrays.frames import index_of
from stackit.arrays.schema import TableSchema
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.prediction_checks import ALL_ROWS
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.results.placeholders import Placeholder
from stackit.results.repeated_warnings import RepeatedWarnings, recorded
from stackit.results.scores import ScoresMixin
from stackit.target import Target
from stackit.validation import invalid_value

__all__ = ["OutOfFold"]


@dataclass(frozen=True, eq=False, repr=False)
class OutOfFold(ScoresMixin):
    """What came out of training every estimator on every fold.

    Attributes
    ----------
    folds : Folds
        The splits.
    target : Target
        What was predicted.
    responses : dict of str to Response
        How each estimator was asked.
    fold_estimators : dict of str to sequence
        The fitted estimators of each name, one a split. A store keeps answers, and files cannot hold
        fitted estimators safely: those of results that came out of one are fitted again, with the same
        seeds, when they are first asked for (as `transform` does), and only then.
    held_out : dict of str to list of (n_held_out, width) arrays
        What each of them answered for the rows that it has not seen.
    test : dict of str to (m, width) array
        The average answer for the test rows; empty without a test table.
    seconds : dict of str to list of float
        How long each fit took.
    paths : dict of str to str
        Whether the folds of each estimator were fitted at once ("shared") or one by one ("plain").
    failures : dict of str to Exception
        The estimators that were dropped, and why (``on_error="skip"``).
    refitted : dict of str to estimator
        The estimators fitted on all rows, where that was asked for.
    sample_weight : (n,) array or None
        The weights of the rows in scores.
    scoring : str, callable or None
        How predictions are scored.
    unscored : set of str
        The estimators whose predictions could not be scored so.
    index, test_index : pandas.Index or None
        The indices of the data frames or series that were given.
    n_stored : int
        How many results came out of a store.
    optimistic : set of str
        The estimators whose scores are optimistic: they stopped early on the very rows that they are scored
        on (``early_stopping="held_out"``), or see X passed through (`passthrough`).
    own_table : bool
        Whether the estimators read a table of their own that a level of an ensemble makes of X, from the
        level below or from some columns, and not X as it is.
    passthrough : bool
        Whether the estimators saw columns of X beside predictions that were made on the same folds, as those
        of a level with `passthrough` that is not nested, or of one above it. All their scores are optimistic
        then, and reading them warns once.
    schema : TableSchema or None
        The columns of the table that the estimators were fitted on, which tables of new rows must have.
    """

    folds: Folds
    target: Target
    responses: dict[str, PredictionSpec]
    fold_estimators: dict[str, Sequence[Any]]
    held_out: dict[str, list[Floats]]
    test: dict[str, Floats]
    seconds: dict[str, list[float]]
    paths: dict[str, str]
    failures: dict[str, Exception] = field(default_factory=dict)
    refitted: dict[str, Any] = field(default_factory=dict)
    sample_weight: Any = None
    scoring: Scoring = None
    unscored: set[str] = field(default_factory=set)
    index: Any = None
    test_index: Any = None
    n_stored: int = 0
    optimistic: set[str] = field(default_factory=set)
    derived_features: bool = False
    passthrough: bool = False
    schema: TableSchema | None = None

    def __repr__(self) -> str:
        if isinstance(self.folds, Placeholder):
            return f"OutOfFold({len(self.responses)} estimators, without out-of-fold predictions)"
        k = self.meta_train.shape[1]
        failed = f", {len(self.failures)} estimators failed" if self.failures else ""
        stored = f", {self.n_stored} fits from the store" if self.n_stored else ""
        hopeful = f", optimistic scores: {', '.join(sorted(self.optimistic))}" if self.optimistic else ""
        return (
            f"OutOfFold({len(self.responses)} estimators, {k} columns, {self.folds}{failed}{stored}{hopeful})"
        )

    def remember(self, X: Any) -> OutOfFold:
        """Keep the table that the estimators were fitted on at hand, for `known_X`; return itself.

        Copies, pickles and files go without it.
        """
        vars(self)["_table"] = _Table(X)
        return self

    @property
    def known_X(self) -> Any:
        """The training table of the run, where it is still at hand; None in what was copied or loaded."""
        table = vars(self).get("_table")
        return None if table is None else table.X

    @property
    def coverage(self) -> npt.NDArray[np.intp]:
        """The (n,) number of times each row was held out; 0 for rows that no fold predicts."""
        return self.folds.coverage

    @cached_property
    def meta_train(self) -> pd.DataFrame:
        """The (n, k) out-of-fold predictions, averaged over repeats; NaN in rows never held out."""
        answers = {name: self.average(name) for name in self.responses}
        return self.frame(answers, self.index)

    @cached_property
    def meta_test(self) -> pd.DataFrame | None:
        """The (m, k) predictions of the test rows, averaged over folds and repeats; None without them."""
        return self.frame(self.test, self.test_index) if self.test else None

    def average(self, name: str) -> Floats:
        """Return the (n, width) answer of an estimator for rows held out, averaged over repeats.

        Parameters
        ----------
        name : str
            The estimator's name.

        Returns
        -------
        (n, width) array
            A column a class or output; NaN in rows never held out.
        """
        answers = self.held_out[name]
        if self.folds.n_repeats == 1:
            only: Floats = np.full((self.folds.n_samples, answers[0].shape[1]), np.nan)
            for (_, rows), answer in zip(self.folds.splits, answers, strict=True):
                only[rows] = answer
            return only
        total = np.zeros((self.folds.n_samples, answers[0].shape[1]))
        for (_, rows), answer in zip(self.folds.splits, answers, strict=True):
            total[rows] += answer
        counts = np.where(self.coverage > 0, self.coverage, np.nan)
        average: Floats = total / counts[:, np.newaxis]
        return average

    def of_repeat(self, repeat: int) -> OutOfFold:
        """Return what one repeat alone gave; without test predictions, which are averages over all.

        Averages over repeats know more than any single cross-validation: what is to be said of the
        spread of a score over fold assignments is said of repeats one by one.

        Parameters
        ----------
        repeat : int
            From 0 to ``folds.n_repeats - 1``.

        Returns
        -------
        OutOfFold

        Raises
        ------
        ValueError
            When there is no such repeat.
        """
        numbers = [number for number, label in enumerate(self.folds.labels) if label[0] == repeat]
        if not numbers:
            raise invalid_value(
                "repeat", f"from 0 to {self.folds.n_repeats - 1}", f"{repeat=}", "Pass repeat=0"
            )
        splits = tuple(self.folds.splits[number] for number in numbers)

        def pick(of_splits: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
            return {name: _part(values, numbers) for name, values in of_splits.items()}

        return replace(
            self,
            folds=replace(self.folds, splits=splits),
            fold_estimators=pick(self.fold_estimators),
            held_out=pick(self.held_out),
            seconds=pick(self.seconds),
            test={},
        )

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Where the columns of each estimator stand among the meta-features."""
        places, end = dict[str, slice](), 0
        for name, response in self.responses.items():
            start, end = end, end + len(response.names)
            places[name] = slice(start, end)
        return places

    @property
    def column_names(self) -> list[str]:
        """The names of the meta-features."""
        return [column for response in self.responses.values() for column in response.names]

    def without(self, names: Collection[str]) -> OutOfFold:
        """Return the result without some estimators.

        Parameters
        ----------
        names : collection of str
            Those to leave out; names that are not there are passed over.
        """

        def rest(of_names: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in of_names.items() if name not in names}

        return replace(
            self,
            responses=rest(self.responses),
            fold_estimators=rest(self.fold_estimators),
            held_out=rest(self.held_out),
            test=rest(self.test),
            seconds=rest(self.seconds),
            paths=rest(self.paths),
            refitted=rest(self.refitted),
        )

    def transform(self, X: Any, skip: Collection[str] = ()) -> pd.DataFrame:
        """Predict new rows: the average over the fold estimators, as in `meta_test`.

        Parameters
        ----------
        X : array-like with m rows
            Rows that no estimator was trained on; for training rows use `meta_train`.
        leave_out : collection of str
            Estimators that are not asked, since nobody reads their columns: these are 0.

        Returns
        -------
        (m, k) data frame

        Raises
        ------
        ValueError
            When it is of a level whose estimators do not read X as it is.
        """
        self.check_accepts_X()
        return self.frame(self.answers(X, skip), index_of(X))

    def transform_refitted(self, X: Any, skip: Collection[str] = ()) -> pd.DataFrame:
        """Predict new rows by the estimators refitted on all training rows.

        Parameters
        ----------
        X : array-like with m rows
            New rows.
        leave_out : collection of str
            Estimators that are not asked, since nobody reads their columns: these are 0.

        Returns
        -------
        (m, k) data frame
            Of estimators that were not refitted, the average over their fold estimators.

        Raises
        ------
        ValueError
            As of `transform`.
        """
        self.check_accepts_X()
        return self.frame(self.predict_refitted(X, skip), index_of(X))

    def answers(self, X: Any, skip: Collection[str] = ()) -> dict[str, Floats]:
        """Return the average (m, width) answer for new rows of each estimator; see `transform`."""
        members = {name: of_folds for name, of_folds in self.fold_estimators.items() if name not in skip}
        return self._ask(members, X)

    def predict_refitted(self, X: Any, skip: Collection[str] = ()) -> dict[str, Floats]:
        """Return the (m, width) answer for new rows of each estimator; see `transform_refitted`."""
        return self._ask(self.asked(skip), X)

    def asked(self, skip: Collection[str] = ()) -> dict[str, Sequence[Any]]:
        """Return who predicts new rows: the estimator refitted on all rows, or else those of the folds."""
        return {
            name: [self.refitted[name]] if name in self.refitted else self.fold_estimators[name]
            for name in self.responses
            if name not in skip
        }

    def check_accepts_X(self) -> None:
        """Raise where new rows of X are not what the estimators read.

        Raises
        ------
        ValueError
            When it is of a level whose estimators read a table of their own.
        """
        if self.derived_features:
            raise invalid_value(
                "A run that is asked about rows of X",
                "one whose estimators read X as it is",
                "a level that reads the level below, or some columns",
                "Ask the fitted LevelsClassifier or LevelsRegressor itself, which makes that table",
            )

    def conform(self, X: Any, called: str = "X") -> Any:
        """Return new rows as the estimators know their table, checked as `TableSchema.conform` does."""
        return X if self.schema is None else self.schema.conform(X, called, "each estimator")

    def _ask(self, members: Mapping[str, Sequence[Any]], X: Any) -> dict[str, Floats]:
        X, repeats = self.conform(X), RepeatedWarnings("predictions")
        answers = {
            name: self._average_prediction(name, members[name], X, repeats)
            if name in members
            else np.zeros((num_samples(X), self.responses[name].width))
            for name in self.responses
        }
        repeats.say()
        return answers

    def _average_prediction(
        self, name: str, of_folds: Sequence[Any], X: Any, repeats: RepeatedWarnings
    ) -> Floats:
        # The same object in all folds (it is frozen) answers once.
        members = {id(member): (member, place) for member, place in self._placed(name, of_folds)}
        response = self.responses[name]
        answers = []
        for member, place in members.values():
            with recorded() as said:
                answers.append(response.predict_readonly(member, X, place))
            repeats.add(said, name)
        return np.asarray(np.mean(answers, axis=0))

    def _placed(self, name: str, members: Sequence[Any]) -> Iterator[tuple[Any, tuple[int, int]]]:
        """Yield estimators with where each was fitted, (repeat, fold) or on all rows, for errors."""
        refitted = name in self.refitted and len(members) == 1 and members[0] is self.refitted[name]
        return zip(members, [ALL_ROWS] if refitted else self.folds.labels, strict=True)

    def frame(self, answers: Mapping[str, Floats], index: Any = None) -> pd.DataFrame:
        """Return the meta-features of the (m, width) answers of estimators.

        Parameters
        ----------
        answers : dict of str to (m, width) array
            As `answers` and `average` give them.
        index : pandas.Index, optional
            The index of the data frame.

        Returns
        -------
        (m, k) data frame
        """
        columns = [self.responses[name].columns(answer) for name, answer in answers.items()]
        names = [
            label
            for name, table in zip(answers, columns, strict=True)
            for label in self.responses[name].column_names(table.shape[1])
        ]
        table = pd.DataFrame(np.hstack(columns), columns=names, index=index, copy=False)
        if self.target.is_classification:  # combiners of classes calibrate what is no probability
            table.attrs["stackit"] = {name: self.responses[name].kind for name in answers}
        return table


class _Table:
    """A table that does not travel."""

    def __init__(self, X: Any = None) -> None:
        self.X = X

    def __reduce__(self) -> tuple[type[_Table], tuple[()]]:
        return _Table, ()


def _part(values: Sequence[Any], numbers: list[int]) -> Sequence[Any]:
    if isinstance(values, LazyFoldEstimators):
        return values.part(numbers)
    return [values[number] for number in numbers]
