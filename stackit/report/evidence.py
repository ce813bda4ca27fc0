"""Evidence: all that a report or a check looks at, as plain arrays and frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats, Rows
from stackit.estimators.scoring import Scoring
from stackit.folds import Folds
from stackit.report.binned_columns import BinnedColumns
from stackit.report.sources.run import fields_of_run
from stackit.report.sources.tabular_stack import fields_of_tabular_stack
from stackit.target import Target, classification_target, regression_target
from stackit.validation import invalid_value

__all__ = ["Evidence"]

TaskName = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, eq=False, repr=False)
class Evidence:
    """All that a report or a check looks at: the target, out-of-fold predictions, scores, the tables.

    Predictions of classes are (n, n_classes) probabilities, those of numbers are (n,). Rows that no fold
    holds out are NaN.

    Attributes
    ----------
    task : {"binary", "multiclass", "regression"}
        What is predicted.
    scoring : str
        The name of the metric, as scikit-learn spells it; of a scorer of your own the name of its function.
    y : (n,) array
        The target: labels or numbers.
    members : dict of str to array
        The out-of-fold predictions of the members, averaged over repeats.
    stack : array
        The out-of-fold predictions of the stack. They are cross-fitted: what combines the members has not
        seen the row.
    classes : (n_classes,) array or None
        The sorted classes; None for numbers.
    folds : Folds or None
        The folds of the members.
    test_members, test_stack : dict of str to array, array or None
        The predictions of the test rows.
    weights : dict of str to float
        The weight of each member in the stack; empty where the combiner has no weights.
    leaderboard : DataFrame
        One row per member, the best first: ``score`` (higher is better), ``sem``, ``weight``, ``seconds``,
        ``status`` and, of presets, ``family``, ``fits``, ``rounds``, ``calibrated``.
    seconds : dict of str to float
        How long the fits of each member took.
    X, X_test : DataFrame or None
        The raw tables.
    columns : DataFrame or None
        One row per raw column, as in ``columns_`` of a preset.
    groups, sample_weight : (n,) array or None
        Groups and weights of the rows.
    failures : dict of str to str
        The members that failed or were left out, and why.
    nets : dict of str to DataFrame
        The learning curves of nets: ``split``, ``network``, ``epoch`` and one column per loss.
    kinds : dict of str to str
        What each member predicts: "probability", "decision", "label" or "number". Decision values are in
        `members` as probabilities of the same order, and labels as 0 and 1.
    scorer : str, callable or None
        The metric, where it is not known by its name alone.
    combiner : str
        What combines the members.
    optimistic : dict of str to str
        The predictions that have seen held-out labels by some path ("stack" is the stack), and by which.
    estimators : dict of str to estimator
        The members as they were given or fitted in the first fold, where they are known.
    final_estimator : estimator or None
        The fitted combiner, where it is known.
    versions : dict of str to str
        The versions of Python and the libraries.
    name : str
        The name of the run.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import out_of_fold
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> members = [("bayes", GaussianNB()), ("logistic", LogisticRegression(max_iter=1000))]
    >>> evidence = Evidence.from_out_of_fold(out_of_fold(members, X, y, cv=5, n_jobs=1), X)
    >>> evidence
    Evidence(multiclass, 150 rows, 2 members, accuracy)
    >>> evidence.stack.shape
    (150, 3)
    """

    task: TaskName
    scoring: str
    y: npt.NDArray[Any]
    members: dict[str, Floats]
    stack: Floats
    classes: npt.NDArray[Any] | None = None
    folds: Folds | None = None
    test_members: dict[str, Floats] = field(default_factory=dict)
    test_stack: Floats | None = None
    weights: dict[str, float] = field(default_factory=dict)
    leaderboard: pd.DataFrame = field(default_factory=pd.DataFrame)
    seconds: dict[str, float] = field(default_factory=dict)
    X: pd.DataFrame | None = None
    X_test: pd.DataFrame | None = None
    columns: pd.DataFrame | None = None
    groups: npt.NDArray[Any] | None = None
    sample_weight: Floats | None = None
    failures: dict[str, str] = field(default_factory=dict)
    nets: dict[str, pd.DataFrame] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    scorer: Scoring = None
    combiner: str = ""
    optimistic: dict[str, str] = field(default_factory=dict)
    estimators: dict[str, Any] = field(default_factory=dict)
    final_estimator: Any = None
    versions: dict[str, str] = field(default_factory=dict)
    name: str = "stack"

    def __post_init__(self) -> None:
        n = len(self.y)
        for name, prediction in {**self.members, "stack": self.stack}.items():
            if prediction.shape != self.shape:
                raise invalid_value(
                    f"The out-of-fold prediction of {name!r}",
                    f"of the shape {self.shape}, as the target has {n} rows",
                    f"the shape {prediction.shape}",
                    "Pass one prediction per row of the training table, NaN where no fold predicts it",
                )
        for what in ("X", "groups", "sample_weight"):
            given = getattr(self, what)
            if given is not None and len(given) != n:
                raise invalid_value(
                    what, f"of {n} rows, as the target", f"{len(given)} rows", "Pass the training rows"
                )

    def __repr__(self) -> str:
        return f"Evidence({self.task}, {len(self.y)} rows, {len(self.members)} members, {self.scoring})"

    @classmethod
    def from_tabular_stack(
        cls, stack: Any, X: Any, y: Any, X_test: Any = None, groups: Any = None, name: str = "stack"
    ) -> Self:
        """Return the evidence of a fitted `TabularStackClassifier` or `TabularStackRegressor`.

        Parameters
        ----------
        stack : fitted preset
            With its out-of-fold predictions: not one that was saved without them.
        X : data frame, array or list of n rows
            The raw training table.
        y : (n,) array-like
            The target.
        X_test : like X, with m rows, optional
            New rows; they are predicted.
        groups : (n,) array-like, optional
            The groups of the rows; None is those of the folds.
        name : str
            The name of the run.

        Returns
        -------
        Evidence

        Raises
        ------
        ValueError
            When the stack was saved without its out-of-fold predictions, or was fitted on other rows.
        """
        return cls(**fields_of_tabular_stack(stack, X, y, X_test, groups), name=name)

    @classmethod
    def from_stack(
        cls,
        stack: Any,
        X: Any,
        y: Any,
        X_test: Any = None,
        groups: Any = None,
        scoring: Scoring = None,
        name: str = "stack",
    ) -> Self:
        """Return the evidence of a fitted `StackingClassifier`, `StackingRegressor`, or of levels.

        The final estimator is cross-fitted on the folds of the base estimators; no base estimator is fitted.

        Parameters
        ----------
        stack : fitted stack
            With one target.
        X : table with n rows
            The training table.
        y : (n,) array-like
            The target.
        X_test : table with m rows, optional
            New rows; they are predicted.
        groups : (n,) array-like, optional
            The groups of the rows; None is those of the folds.
        scoring : str, callable or None
            A scikit-learn scorer; None is accuracy for classes and R2 for numbers.
        name : str
            The name of the run.

        Returns
        -------
        Evidence

        Raises
        ------
        ValueError
            When the target has several columns, or the stack was fitted on other rows.
        """
        return cls(**fields_of_run(stack, X, y, X_test, groups, scoring), name=name)

    @classmethod
    def from_out_of_fold(
        cls,
        oof: Any,
        X: Any = None,
        X_test: Any = None,
        *,
        final_estimator: Any = None,
        groups: Any = None,
        scoring: Scoring = None,
        name: str = "stack",
    ) -> Self:
        """Return the evidence of a run of `out_of_fold`, blended by a combiner.

        Parameters
        ----------
        oof : OutOfFold
            The run; its target has one column.
        X, X_test : tables with n and m rows, optional
            The raw tables. The predictions of test rows are those of the run.
        final_estimator : combiner or estimator, optional
            Blends the members; it is cross-fitted. Default: `ConvexClassifier` or `ConvexRegressor`.
        groups : (n,) array-like, optional
            The groups of the rows; None is those of the folds.
        scoring : str, callable or None
            A scikit-learn scorer; None is that of the run.
        name : str
            The name of the run.

        Returns
        -------
        Evidence

        Raises
        ------
        ValueError
            When the target has several columns.
        """
        return cls(**fields_of_run(oof, X, None, X_test, groups, scoring, final_estimator), name=name)

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.task != "regression"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of predictions: (n, n_classes) or (n,)."""
        n = len(self.y)
        return (n, len(self.target.classes)) if self.is_classification else (n,)

    @cached_property
    def target(self) -> Target:
        """The target, with class codes."""
        if not self.is_classification:
            return regression_target(self.y)
        if self.classes is None:
            return classification_target(self.y)
        known, codes = np.unique(self.y, return_inverse=True)
        positions = np.searchsorted(self.classes, known)
        return Target(self.task, np.asarray(self.classes), (), self.y, positions[codes])

    @cached_property
    def rows(self) -> Rows:
        """The rows that all members and the stack predict."""
        known = np.ones(len(self.y), dtype=bool)
        for prediction in [*self.members.values(), self.stack]:
            known &= ~np.isnan(prediction.reshape(len(self.y), -1)).any(axis=1)
        return np.flatnonzero(known)

    @cached_property
    def binned_columns(self) -> BinnedColumns | None:
        """The raw columns in bins, on a sample of the rows that all predict; None without a table."""
        return None if self.X is None else BinnedColumns.of(self.X, self.rows, self.columns)

    @property
    def predictions(self) -> Mapping[str, Floats]:
        """The out-of-fold predictions of all members, and of the stack by its name "stack"."""
        return {**self.members, "stack": self.stack}
