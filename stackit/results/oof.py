"""The out-of-fold predictions of a run: one result per estimator, meta-features, scores, coverage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats, num_samples
from stackit.arrays.frames import in_library, index_of, library_of
from stackit.arrays.schema import TableSchema
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds
from stackit.notebook import HtmlDisplayMixin, Section
from stackit.results.estimator_result import EstimatorResult
from stackit.results.placeholders import Placeholder
from stackit.results.repeated_warnings import RepeatedWarnings
from stackit.results.scores import ScoresMixin
from stackit.results.sections import oof_sections
from stackit.results.shared_steps import SharedSteps
from stackit.target import Target
from stackit.validation import format_list

__all__ = ["OutOfFold"]


@dataclass(frozen=True, eq=False, repr=False)
class OutOfFold(HtmlDisplayMixin, ScoresMixin):
    """The out-of-fold predictions of a run, a mapping of names to the result of each estimator.

    Attributes
    ----------
    folds : Folds
        The splits.
    target : Target
        The target.
    results : dict of str to EstimatorResult
        The result of each estimator; ``oof["forest"]`` is short for ``oof.results["forest"]``.
    failures : dict of str to Exception
        The estimators that were dropped, and why (``on_error="skip"``).
    sample_weight : (n,) array or None
        The weights of the rows in scores.
    scoring : str, callable or None
        How predictions are scored.
    unscored : set of str
        The estimators that cannot be scored by `scoring`.
    index, test_index : pandas.Index or None
        The indices of the data frames or series that were given.
    n_stored : int
        How many results came out of a store.
    optimistic : set of str
        The estimators with optimistic scores: they stopped early on the very rows that they are scored
        on (``early_stopping="held_out"``), or see X passed through (`passthrough`).
    derived_features : bool
        Whether the estimators were fitted on features that a level of an ensemble derives from X (the
        meta-features of the level below, or some columns), and not on X as it is.
    passthrough : bool
        Whether the estimators saw columns of X next to predictions that were made on the same folds, as those
        of a level with `passthrough` that is not nested, or of one above it. All their scores are optimistic
        then, and reading them warns once.
    schema : TableSchema or None
        The columns of the table that the estimators were fitted on, which tables of new rows must have.
    library : {"pandas", "polars"}
        The library of `meta_train` and `meta_test`: polars where X was a frame of polars.
    """

    folds: Folds
    target: Target
    results: dict[str, EstimatorResult]
    failures: dict[str, Exception] = field(default_factory=dict)
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
    library: str = "pandas"

    __eq__ = object.__eq__  # two runs are not compared result by result, as other mappings are
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> EstimatorResult:
        try:
            return self.results[name]
        except KeyError:
            raise KeyError(
                f"There is no result of an estimator named {name!r}. The names are "
                f"{format_list(self.results, 20)}."
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        if isinstance(self.folds, Placeholder):
            return f"OutOfFold({len(self)} estimators, without out-of-fold predictions)"
        k = len(self.column_names)
        failed = f", {len(self.failures)} estimators failed" if self.failures else ""
        stored = f", {self.n_stored} fits from the store" if self.n_stored else ""
        hopeful = f", optimistic scores: {', '.join(sorted(self.optimistic))}" if self.optimistic else ""
        return f"OutOfFold({len(self)} estimators, {k} columns, {self.folds}{failed}{stored}{hopeful})"

    def display_sections(self) -> list[Section]:
        """Return what notebooks show: a row per estimator."""
        return oof_sections(self)

    def remember(self, X: Any) -> OutOfFold:
        """Keep the training table for `known_X`, without copying, pickling or saving it; return self."""
        vars(self)["_table"] = _Table(X)
        return self

    @property
    def known_X(self) -> Any:
        """The training table of the run; None if it was copied, pickled or loaded since."""
        table = vars(self).get("_table")
        return None if table is None else table.X

    @property
    def coverage(self) -> npt.NDArray[np.intp]:
        """The (n,) number of times each row was held out; 0 for rows that no fold predicts."""
        return self.folds.coverage

    @property
    def meta_train(self) -> Any:
        """The (n, k) out-of-fold predictions, averaged over repeats; NaN in rows never held out.

        A frame of polars where X was one, else of pandas with the index of X.
        """
        return in_library(self.meta_features, self.library)

    @property
    def meta_test(self) -> Any:
        """The (m, k) predictions of the test rows, averaged over folds and repeats; None without them."""
        test = self.test_meta_features
        return None if test is None else in_library(test, self.library)

    @cached_property
    def meta_features(self) -> pd.DataFrame:
        """The same as `meta_train`, always of pandas; its ``attrs`` tell combiners what is a probability."""
        return self.to_frame({name: self.average(name) for name in self}, self.index)

    @cached_property
    def test_meta_features(self) -> pd.DataFrame | None:
        """The same as `meta_test`, always of pandas."""
        test = {name: result.test for name, result in self.items() if result.test is not None}
        return self.to_frame(test, self.test_index) if test else None

    @property
    def refitted(self) -> list[str]:
        """The names of the estimators that were refitted on all rows."""
        return [name for name, result in self.items() if result.refitted is not None]

    def average(self, name: str) -> Floats:
        """Return the held-out predictions of an estimator, averaged over repeats.

        Parameters
        ----------
        name : str
            The name of the estimator.

        Returns
        -------
        (n, width) array
            One column per class or output; NaN in rows that were never held out.

        Raises
        ------
        KeyError
            When no estimator has this name.

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> from stackit import out_of_fold
        >>> oof = out_of_fold([("ridge", Ridge())], np.eye(6), np.arange(6.0), cv=3, n_jobs=1)
        >>> oof.average("ridge").shape
        (6, 1)
        """
        return self[name].average(self.folds)

    def with_results(self, change: Callable[[EstimatorResult], EstimatorResult], **fields: Any) -> OutOfFold:
        """Return the run with the result of each estimator changed, and some fields replaced."""
        return replace(self, results={name: change(result) for name, result in self.items()}, **fields)

    def of_repeat(self, repeat: int) -> OutOfFold:
        """Return one repeat of the run; without test predictions, which are averages over all repeats.

        An average over repeats scores better than a single cross-validation, so the spread of a score over
        fold assignments is measured on single repeats.

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

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> from stackit import make_folds, out_of_fold
        >>> folds = make_folds(np.arange(6), scheme="kfold", n_splits=3, n_repeats=2)
        >>> oof = out_of_fold([("ridge", Ridge())], np.eye(6), np.arange(6.0), cv=folds, n_jobs=1)
        >>> oof.coverage, oof.of_repeat(1).coverage
        (array([2, 2, 2, 2, 2, 2]), array([1, 1, 1, 1, 1, 1]))
        """
        numbers = [number for number, label in enumerate(self.folds.labels) if label[0] == repeat]
        if not numbers:
            raise ValueError(f"repeat must be from 0 to {self.folds.n_repeats - 1}; got {repeat=}.")
        splits = tuple(self.folds.splits[number] for number in numbers)
        folds = replace(self.folds, splits=splits)
        return self.with_results(lambda result: result.restrict(numbers), folds=folds)

    @cached_property
    def columns(self) -> dict[str, slice]:
        """The columns of each estimator in the meta-features."""
        places, end = dict[str, slice](), 0
        for name, result in self.items():
            start, end = end, end + len(result.spec.column_names)
            places[name] = slice(start, end)
        return places

    @property
    def column_names(self) -> list[str]:
        """The names of the meta-features."""
        return [column for result in self.values() for column in result.spec.column_names]

    def without(self, names: Collection[str]) -> OutOfFold:
        """Return the run without some estimators.

        Parameters
        ----------
        names : collection of str
            The estimators to leave out; unknown names are ignored.

        Returns
        -------
        OutOfFold
            The results of the other estimators.

        Examples
        --------
        >>> from sklearn.linear_model import Lasso, Ridge
        >>> from stackit import out_of_fold
        >>> estimators = [("ridge", Ridge()), ("lasso", Lasso())]
        >>> oof = out_of_fold(estimators, np.eye(6), np.arange(6.0), cv=3, n_jobs=1)
        >>> oof.without(["lasso"]).column_names
        ['ridge']
        """
        return replace(self, results={name: result for name, result in self.items() if name not in names})

    def transform(self, X: Any, skip: Collection[str] = ()) -> Any:
        """Predict new rows: the average over the fold estimators, as in `meta_test`.

        Parameters
        ----------
        X : array-like with m rows
            Rows that no estimator was trained on; for training rows use `meta_train`.
        skip : collection of str
            Estimators that do not predict; their columns are 0.

        Returns
        -------
        (m, k) data frame
            Of polars where X is one, else of pandas.

        Raises
        ------
        ValueError
            When the run is a level of an ensemble, fitted on features derived from X, or when X lacks columns
            of the training table.

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> from stackit import out_of_fold
        >>> oof = out_of_fold([("ridge", Ridge())], np.eye(6), np.arange(6.0), cv=3, n_jobs=1)
        >>> oof.transform(np.zeros((2, 6)))["ridge"].round(3).tolist()
        [2.5, 2.5]
        """
        self.check_accepts_X()
        return in_library(self.to_frame(self.predict(X, skip), index_of(X)), library_of(X))

    def transform_refitted(self, X: Any, skip: Collection[str] = ()) -> Any:
        """Predict new rows by the estimators refitted on all rows; those that were not, as in `transform`.

        Parameters
        ----------
        X : array-like with m rows
            New rows.
        skip : collection of str
            Estimators that do not predict; their columns are 0.

        Returns
        -------
        (m, k) data frame
            For estimators that were not refitted, the average over their fold estimators.

        Raises
        ------
        ValueError
            As in `transform`.
        """
        self.check_accepts_X()
        frame = self.to_frame(self.predict(X, skip, refitted=True), index_of(X))
        return in_library(frame, library_of(X))

    def predict(self, X: Any, skip: Collection[str] = (), *, refitted: bool = False) -> dict[str, Floats]:
        """Return each estimator's (m, width) predictions of new rows; see `transform`."""
        X, repeats = self.conform(X), RepeatedWarnings("predictions")
        predicting = [result for name, result in self.items() if name not in skip]
        placed = [one for result in predicting for one in result.placed(self.folds, refitted=refitted)]
        shared = SharedSteps(X, [estimator for estimator, _ in placed])
        predictions = {
            name: np.zeros((num_samples(X), result.spec.width))
            if name in skip
            else result.predict(X, self.folds, repeats, refitted=refitted, shared=shared)
            for name, result in self.items()
        }
        repeats.warn()
        return predictions

    def to_frame(self, predictions: Mapping[str, Floats], index: Any = None) -> pd.DataFrame:
        """Return the (m, k) meta-features of the (m, width) predictions of estimators."""
        specs = {name: self[name].spec for name in predictions}
        columns = [specs[name].columns(table) for name, table in predictions.items()]
        names = [column for spec in specs.values() for column in spec.column_names]
        frame = pd.DataFrame(np.hstack(columns), columns=names, index=index, copy=False)
        if self.target.is_classification:  # combiners calibrate what is not a probability
            frame.attrs["stackit"] = {name: spec.kind for name, spec in specs.items()}
        return frame

    def check_accepts_X(self) -> None:
        """Raise if the estimators were fitted on features derived from X."""
        if self.derived_features:
            raise ValueError(
                "This run is a level of an ensemble: its estimators were fitted on features derived from X "
                "(the level below, or some columns). Call the fitted LevelsClassifier or LevelsRegressor, "
                "which derives them."
            )

    def conform(self, X: Any, called: str = "X") -> Any:
        """Return new rows with the columns of the training table, checked as `TableSchema.conform` does."""
        return X if self.schema is None else self.schema.conform(X, called, "each estimator")


class _Table:
    """Holds a table that is not copied or pickled with its owner."""

    def __init__(self, X: Any = None) -> None:
        self.X = X

    def __reduce__(self) -> tuple[type[_Table], tuple[()]]:
        return _Table, ()
