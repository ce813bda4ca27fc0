"""How a fitted estimator is asked, and how its answers become columns in the order of the global classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats, num_samples
from stackit.arrays.frames import distinct
from stackit.arrays.isolation import Reader, call_isolated, inspect_reader
from stackit.estimators.prediction_checks import (
    InvalidPredictionsError,
    as_label_probabilities,
    as_labels,
    as_numbers,
    as_probabilities,
    class_positions,
)
from stackit.estimators.traits import is_classifier
from stackit.target import Target, TargetType
from stackit.validation import format_list, invalid_value

__all__ = ["METHODS", "Kind", "PredictionSpec", "check_column_names", "pairwise_votes", "prediction_spec"]

METHODS = ("predict_proba", "decision_function", "predict")
Kind = Literal["probability", "decision", "pairwise", "label", "number"]
Place = tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class PredictionSpec:
    """The one way in which an estimator is asked in all folds.

    An *answer* is a (n_samples, width) table, the same for each fold, so that answers can be added and
    averaged: a column a class of the whole y for probabilities, decisions and labels (as votes), a column
    an output for numbers and multilabel targets. Its *columns* are what enters the meta-features.

    Parameters
    ----------
    name : str
        The estimator's name.
    method : {"predict_proba", "decision_function", "predict"}
        What is called.
    kind : {"probability", "decision", "pairwise", "label", "number"}
        What the answers are; "pairwise" decisions have a column a pair of classes.
    target_type : TargetType
        The kind of task and its classes or outputs.
    """

    name: str
    method: str
    kind: Kind
    target_type: TargetType

    @classmethod
    def of(cls, name: str, target_type: TargetType) -> PredictionSpec:
        """Return the spec of probabilities for classes, and of numbers for regression."""
        if target_type.is_classification:
            return cls(name, "predict_proba", "probability", target_type)
        return cls(name, "predict", "number", target_type)

    def ask(self, estimator: Any, X: Any, place: Place = None) -> Floats:
        """Return the (n_samples, width) answer of a fitted estimator, in the order of the global classes.

        A class that the estimator has not seen in training gets probability 0, no votes, or the row's
        lowest decision value.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : array-like with n_samples rows
            What it predicts.
        place : (repeat, fold), optional
            Where it was fitted, for errors; (-1, -1) is on all rows.

        Raises
        ------
        ValueError
            As of `arrange`.
        """
        n = num_samples(X)  # first: a table of its own an estimator may shorten, as by dropping gaps in place
        return self.align_classes(estimator, getattr(estimator, self.method)(X), n, place)

    def align_classes(self, estimator: Any, raw: Any, n: int, place: Place = None) -> Floats:
        """Return as an answer what a fitted estimator's method has returned for n rows, and check it.

        Raises
        ------
        ValueError
            When there are more or fewer rows or columns than there should be, or NaN or infinity; when
            probabilities are none, or labels are not among those of y.
        """
        try:
            return self._arranged(estimator, raw, n)
        except InvalidPredictionsError as refused:
            raise refused.named(self.method, self.name, place) from refused.__cause__

    def final(self, raw: Any, n: int) -> npt.NDArray[Any]:
        """Return what `predict` of an ensemble should: labels of the type of y, or finite numbers.

        Parameters
        ----------
        raw : array-like
            What `predict` of a final estimator has returned.
        n : int
            The number of rows.

        Returns
        -------
        (n,) or (n, n_outputs) array

        Raises
        ------
        ValueError
            As of `arrange`.
        """
        target = self.target_type
        try:
            if self.kind == "label" and target.kind != "multilabel":
                return np.asarray(target.classes[class_positions(as_labels(raw, n), target.classes)])
            table = self._arranged(None, raw, n)
        except InvalidPredictionsError as refused:
            raise refused.named("predict", self.name, None) from refused.__cause__
        if target.kind == "multilabel":
            return table.astype(target.classes.dtype)
        return table[:, 0] if target.kind == "regression" else table

    def _arranged(self, estimator: Any, raw: Any, n: int) -> Floats:
        if self.target_type.kind == "multilabel":
            return self._label_table(estimator, raw, n)
        if self.kind == "number":
            return as_numbers(raw, n, width=max(1, len(self.target_type.outputs)))
        if self.kind == "label":
            return self._votes(as_labels(raw, n))
        classes = _classes_of(estimator, self.name)
        if self.kind == "probability":
            table = as_probabilities(raw, n, len(classes))
            return np.ascontiguousarray(table) if self._are_all(classes) else self._spread(table, classes)
        seen = self._positions(classes)
        return self._decisions(raw, n, seen) if self.kind == "decision" else self._pairs(raw, n, seen)

    def predict_readonly(
        self,
        estimator: Any,
        X: Any,
        place: Place = None,
        reader: Reader | None = None,
        owned: bool = False,
    ) -> Floats:
        """Predict a table such that the estimator cannot change it, unless it is its own (`owned`)."""
        reader = inspect_reader(estimator) if reader is None else reader
        return np.asarray(call_isolated(lambda table: self.ask(estimator, table, place), X, reader, owned))

    def by_labels(self) -> PredictionSpec:
        """Return the way in which an estimator is asked for labels instead."""
        return replace(self, method="predict", kind="label")

    def columns(self, answer: Floats) -> Floats:
        """Return the (n_samples, n_columns) meta-features of an answer, averaged or not.

        One column for a binary probability (the positive class) and for labels (the position of the
        class with most votes; of equals the first), all columns of the answer otherwise.
        """
        if self.kind == "label" and self.target_type.kind != "multilabel":
            winner = answer.argmax(axis=1).astype(np.float64)
            return np.where(np.isnan(answer[:, 0]), np.nan, winner)[:, np.newaxis]
        if self.kind == "probability" and self.target_type.kind == "binary":
            return answer[:, 1:]
        return answer

    def column_names(self, n_columns: int) -> list[str]:
        """Return the names of the meta-features: ``<estimator>`` or ``<estimator>__<class or output>``."""
        if n_columns == 1:
            return [self.name]
        labels = self.target_type.labels
        if self.kind == "pairwise":
            labels = distinct(f"{a}-{b}" for a, b in combinations(labels, 2))
        return [f"{self.name}__{label}" for label in labels]

    @property
    def names(self) -> list[str]:
        """The names of the meta-features, which are known before there are any."""
        single = self.kind == "label" or (self.kind == "probability" and self.target_type.kind == "binary")
        return self.column_names(1 if single and self.target_type.kind != "multilabel" else self.width)

    @property
    def width(self) -> int:
        """How many columns an answer has."""
        target, n_classes = self.target_type, len(self.target_type.classes)
        if target.outputs:
            return len(target.outputs)
        if self.kind == "number" or (self.kind == "decision" and target.kind == "binary"):
            return 1
        return n_classes * (n_classes - 1) // 2 if self.kind == "pairwise" else n_classes

    def _are_all(self, classes: npt.NDArray[Any]) -> bool:
        """Whether an estimator's classes are those of the whole y, in order."""
        known = self.target_type.classes
        return classes.dtype == known.dtype and classes.tolist() == known.tolist()

    def _positions(self, classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Return where an estimator's classes stand among those of the whole y."""
        try:
            return class_positions(classes, self.target_type.classes)
        except InvalidPredictionsError as refused:
            known = format_list(self.target_type.classes)
            given, advice = f"classes_={refused.args[1]}", "Train it on the same labels"
            raise InvalidPredictionsError(f"among those of y ({known})", given, advice, "Classes") from None

    def _spread(self, raw: Floats, classes: npt.NDArray[Any]) -> Floats:
        """Put the columns of an estimator's own classes among those of all."""
        table = np.zeros((len(raw), len(self.target_type.classes)))
        table[:, self._positions(classes)] = raw
        return table

    def _votes(self, labels: npt.NDArray[Any]) -> Floats:
        table = np.zeros((len(labels), len(self.target_type.classes)))
        table[np.arange(len(labels)), class_positions(labels, self.target_type.classes)] = 1.0
        return table

    def _decisions(self, raw: Any, n: int, seen: npt.NDArray[np.intp]) -> Floats:
        """A column a class, or one in all where there are two: the second class's decision."""
        n_classes = len(self.target_type.classes)
        table = as_numbers(raw, n, width=len(seen) if len(seen) > 2 else 1)
        if len(seen) == 1:
            return np.zeros((n, 1 if n_classes == 2 else n_classes))
        if n_classes == 2 or len(seen) == n_classes:
            return table
        if len(seen) == 2:
            table = np.hstack([-table, table])
        spread = np.repeat(table.min(axis=1, keepdims=True), n_classes, axis=1)
        spread[:, seen] = table
        return spread

    def _pairs(self, raw: Any, n: int, seen: npt.NDArray[np.intp]) -> Floats:
        """A column a pair of all classes; pairs that the estimator has not seen stand at 0."""
        pairs = list(combinations(range(len(self.target_type.classes)), 2))
        own = [pairs.index(pair) for pair in combinations(seen.tolist(), 2)]
        table = np.zeros((n, len(pairs)))
        if own:
            # A single pair comes as a vector with the other sign: positive for its second class.
            table[:, own] = as_numbers(raw, n, len(own)) * (-1.0 if len(own) == 1 else 1.0)
        return table

    def _label_table(self, estimator: Any, raw: Any, n: int) -> Floats:
        """Return the (n, n_labels) table of a multilabel answer: one column a label."""
        width = len(self.target_type.outputs)
        if self.kind == "probability":
            return as_label_probabilities(raw, n, width, lambda: _classes_of(estimator, self.name, many=True))
        table = as_numbers(raw, n, width)
        if self.kind == "label" and not np.isin(table, (0.0, 1.0)).all():
            given = f"values from {table.min():.4g} to {table.max():.4g}"
            raise InvalidPredictionsError("0 or 1 for each label", given, "Return labels as they are in y")
        return table


def pairwise_votes(decisions: Floats, n_classes: int) -> Floats:
    """Return how many pairs each class wins; the (n_samples, n_classes) votes.

    Parameters
    ----------
    decisions : (n_samples, n_classes * (n_classes - 1) / 2) array
        In the order (0, 1), (0, 2), ..., (1, 2), ...; positive for the first class of a pair.
    n_classes : int
        The number of classes.

    Examples
    --------
    >>> pairwise_votes(np.array([[-1.0, 0.5, 2.0]]), 3).tolist()
    [[1.0, 2.0, 0.0]]
    """
    votes = np.zeros((len(decisions), n_classes))
    for decision, (a, b) in zip(decisions.T, combinations(range(n_classes), 2), strict=True):
        votes[:, a] += decision > 0
        votes[:, b] += decision <= 0
    return votes


def prediction_spec(name: str, estimator: Any, stack_method: str, target: Target) -> PredictionSpec:
    """Choose how an estimator is asked.

    Parameters
    ----------
    name : str
        The estimator's name.
    estimator : estimator
        Fitted or not.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        "auto" takes the first of the others that the estimator has. Regressors are asked to predict.
    target : Target
        What is predicted.

    Returns
    -------
    Response

    Raises
    ------
    ValueError
        When `stack_method` is unknown, or the estimator lacks it.

    Examples
    --------
    >>> from sklearn.svm import LinearSVC
    >>> from stackit.target import classification_target
    >>> prediction_spec("svm", LinearSVC(), "auto", classification_target([0, 1])).method
    'decision_function'
    """
    if not target.is_classification or not is_classifier(estimator, name):
        return PredictionSpec(name, "predict", "number", target.type)
    if stack_method not in ("auto", *METHODS):
        raise invalid_value(
            "stack_method",
            f"'auto' or one of {', '.join(METHODS)}",
            f"{stack_method=}",
            "Pass stack_method='auto'",
        )
    wanted = METHODS if stack_method == "auto" else (stack_method,)
    for method in wanted:
        if hasattr(estimator, method):
            return PredictionSpec(name, method, _kind(method, estimator, target), target.type)
    raise invalid_value(
        f"Estimator {name!r}",
        f"able to {' or '.join(wanted)}",
        f"{name}={estimator!r}",
        "Pass stack_method='auto', or another estimator",
    )


def _kind(method: str, estimator: Any, target: TargetType) -> Kind:
    if method != "decision_function":
        return "probability" if method == "predict_proba" else "label"
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    shapes = {value for name, value in params.items() if name.endswith("decision_function_shape")}
    return "pairwise" if "ovo" in shapes and target.kind == "multiclass" else "decision"


def _classes_of(estimator: Any, name: str, many: bool = False) -> Any:
    if not hasattr(estimator, "classes_"):
        raise invalid_value(
            f"Estimator {name!r}",
            "a classifier with classes_ after fit",
            "none",
            "Set self.classes_ = np.unique(y) in its fit",
        )
    return estimator.classes_ if many else np.asarray(estimator.classes_)


def check_column_names(responses: Mapping[str, PredictionSpec]) -> None:
    """Raise where two estimators would give meta-features of the same name."""
    owners: dict[str, list[str]] = {}
    for name, response in responses.items():
        for column in response.names:
            owners.setdefault(column, []).append(name)
    twice = {column: names for column, names in owners.items() if len(names) > 1}
    if twice:
        column, names = next(iter(twice.items()))
        raise ValueError(
            f"Estimators {' and '.join(map(repr, names))} would both have a meta-feature named {column!r}. "
            "Rename one of them."
        )
