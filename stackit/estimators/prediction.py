"""How an estimator predicts: which method is called, and how its columns are aligned with all classes."""

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
from stackit.estimators.estimator_type import is_classifier
from stackit.estimators.prediction_checks import (
    InvalidPredictionsError,
    as_label_probabilities,
    as_labels,
    as_numbers,
    as_probabilities,
    class_positions,
)
from stackit.target import Target, TargetType
from stackit.validation import format_list

__all__ = [
    "METHODS",
    "PredictionKind",
    "PredictionSpec",
    "check_column_names",
    "pairwise_votes",
    "prediction_spec",
]

METHODS = ("predict_proba", "decision_function", "predict")
PredictionKind = Literal["probability", "decision", "pairwise", "label", "number"]
Place = tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class PredictionSpec:
    """How an estimator predicts, the same in all folds.

    A *prediction* is an (n_samples, width) table. It has the same columns in each fold, so that predictions
    can be added and averaged: one column per class of the whole y for probabilities, decisions and labels
    (as votes), one column per output for numbers and multilabel targets. Its `columns` are what enters the
    meta-features.

    Parameters
    ----------
    name : str
        The estimator's name.
    method : {"predict_proba", "decision_function", "predict"}
        The method that is called.
    kind : {"probability", "decision", "pairwise", "label", "number"}
        What the method returns; "pairwise" decisions have one column per pair of classes.
    target_type : TargetType
        The kind of task and its classes or outputs.
    """

    name: str
    method: str
    kind: PredictionKind
    target_type: TargetType

    @classmethod
    def of(cls, name: str, target_type: TargetType) -> PredictionSpec:
        """Return the spec of probabilities for classes, and of numbers for regression."""
        if target_type.is_classification:
            return cls(name, "predict_proba", "probability", target_type)
        return cls(name, "predict", "number", target_type)

    def predict(self, estimator: Any, X: Any, place: Place = None) -> Floats:
        """Return the (n_samples, width) predictions of a fitted estimator, checked and aligned."""
        n = num_samples(X)  # before the call: an estimator may drop rows of its own table in place
        return self.align_classes(estimator, getattr(estimator, self.method)(X), n, place)

    def predict_readonly(
        self,
        estimator: Any,
        X: Any,
        place: Place = None,
        reader: Reader | None = None,
        owned: bool = False,
    ) -> Floats:
        """Predict in such a way that the estimator cannot change X, unless X is a copy for it (`owned`)."""
        reader = inspect_reader(estimator) if reader is None else reader
        return np.asarray(
            call_isolated(lambda table: self.predict(estimator, table, place), X, reader, owned)
        )

    def align_classes(self, estimator: Any, raw: Any, n: int, place: Place = None) -> Floats:
        """Check what a fitted estimator's method returned for n rows, and align it with all classes.

        A class that is missing in the training part gets probability 0, no votes, or the row's lowest
        decision value. Errors name the place: (repeat, fold), or (-1, -1) for a fit on all rows.
        """
        try:
            return self._aligned(estimator, raw, n)
        except InvalidPredictionsError as refused:
            raise refused.named(self.method, self.name, place) from refused.__cause__

    def labels_or_numbers(self, raw: Any, n: int) -> npt.NDArray[Any]:
        """Check what `predict` of a final estimator returned; return labels as in y, or finite numbers."""
        kind = self.target_type.kind
        try:
            if self.kind == "label" and kind != "multilabel":
                classes = self.target_type.classes
                return np.asarray(classes[class_positions(as_labels(raw, n), classes)])
            table = self._aligned(None, raw, n)
        except InvalidPredictionsError as refused:
            raise refused.named("predict", self.name, None) from refused.__cause__
        if kind == "multilabel":
            return table.astype(self.target_type.classes.dtype)
        return table[:, 0] if kind == "regression" else table

    def as_labels(self) -> PredictionSpec:
        """Return the spec that predicts labels instead."""
        return replace(self, method="predict", kind="label")

    def columns(self, prediction: Floats) -> Floats:
        """Return the (n_samples, n_columns) meta-features of a prediction, averaged or not.

        One column for a binary probability (the positive class) and for labels (the position of the class
        with most votes, in a tie the first); otherwise all columns of the prediction.
        """
        if self.kind == "label" and self.target_type.kind != "multilabel":
            winner = prediction.argmax(axis=1).astype(np.float64)
            return np.where(np.isnan(prediction[:, 0]), np.nan, winner)[:, np.newaxis]
        if self.kind == "probability" and self.target_type.kind == "binary":
            return prediction[:, 1:]
        return prediction

    @property
    def column_names(self) -> list[str]:
        """The names of the meta-features: ``<estimator>``, or ``<estimator>__<class or output>``."""
        single = self.kind == "label" or (self.kind == "probability" and self.target_type.kind == "binary")
        if self.width == 1 or (single and self.target_type.kind != "multilabel"):
            return [self.name]
        labels = self.target_type.labels
        if self.kind == "pairwise":
            labels = distinct(f"{a}-{b}" for a, b in combinations(labels, 2))
        return [f"{self.name}__{label}" for label in labels]

    @property
    def width(self) -> int:
        """How many columns a prediction has."""
        target, n_classes = self.target_type, len(self.target_type.classes)
        if target.outputs:
            return len(target.outputs)
        if self.kind == "number" or (self.kind == "decision" and target.kind == "binary"):
            return 1
        return n_classes * (n_classes - 1) // 2 if self.kind == "pairwise" else n_classes

    def _aligned(self, estimator: Any, raw: Any, n: int) -> Floats:
        if self.target_type.kind == "multilabel":
            return self._multilabel(estimator, raw, n)
        if self.kind == "number":
            return as_numbers(raw, n, width=max(1, len(self.target_type.outputs)))
        all_classes = self.target_type.classes
        if self.kind == "label":
            votes = np.zeros((n, len(all_classes)))
            votes[np.arange(n), class_positions(as_labels(raw, n), all_classes)] = 1.0
            return votes
        classes = np.asarray(_classes_of(estimator, self.name))
        if self.kind == "probability":
            table = as_probabilities(raw, n, len(classes))
            if classes.dtype == all_classes.dtype and classes.tolist() == all_classes.tolist():
                return np.ascontiguousarray(table)
            spread = np.zeros((n, len(all_classes)))
            spread[:, self._positions(classes)] = table
            return spread
        seen = self._positions(classes)
        return self._decisions(raw, n, seen) if self.kind == "decision" else self._pairs(raw, n, seen)

    def _positions(self, classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Return the positions of an estimator's classes among those of the whole y."""
        try:
            return class_positions(classes, self.target_type.classes)
        except InvalidPredictionsError as refused:
            known = format_list(self.target_type.classes)
            given, advice = f"classes_={refused.args[1]}", "Train it on the same labels"
            raise InvalidPredictionsError(f"among those of y ({known})", given, advice, "Classes") from None

    def _decisions(self, raw: Any, n: int, seen: npt.NDArray[np.intp]) -> Floats:
        """Return one column per class; of two classes in all, one column with the second one's decision."""
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
        """Return one column per pair of all classes; pairs that the estimator has not seen are 0."""
        pairs = list(combinations(range(len(self.target_type.classes)), 2))
        own = [pairs.index(pair) for pair in combinations(seen.tolist(), 2)]
        table = np.zeros((n, len(pairs)))
        if own:
            # A single pair comes as a vector with the opposite sign: positive for its second class.
            table[:, own] = as_numbers(raw, n, len(own)) * (-1.0 if len(own) == 1 else 1.0)
        return table

    def _multilabel(self, estimator: Any, raw: Any, n: int) -> Floats:
        """Return one column per label of a multilabel prediction."""
        width = len(self.target_type.outputs)
        if self.kind == "probability":
            return as_label_probabilities(raw, n, width, lambda: _classes_of(estimator, self.name))
        table = as_numbers(raw, n, width)
        if self.kind == "label" and not np.isin(table, (0.0, 1.0)).all():
            given = f"values from {table.min():.4g} to {table.max():.4g}"
            raise InvalidPredictionsError("0 or 1 for each label", given, "Return labels as they are in y")
        return table


def pairwise_votes(decisions: Floats, n_classes: int) -> Floats:
    """Return how many pairs each class wins, as (n_samples, n_classes) votes.

    The (n_samples, n_pairs) decisions are in the order (0, 1), (0, 2), ..., (1, 2), ..., positive for the
    first class of a pair.
    """
    votes = np.zeros((len(decisions), n_classes))
    for decision, (a, b) in zip(decisions.T, combinations(range(n_classes), 2), strict=True):
        votes[:, a] += decision > 0
        votes[:, b] += decision <= 0
    return votes


def prediction_spec(name: str, estimator: Any, stack_method: str, target: Target) -> PredictionSpec:
    """Return how an estimator, fitted or not, predicts: "auto" takes the first method that it has."""
    if not target.is_classification or not is_classifier(estimator, name):
        return PredictionSpec(name, "predict", "number", target.type)
    if stack_method not in ("auto", *METHODS):
        raise ValueError(
            f"stack_method must be 'auto' or one of {', '.join(METHODS)}; got {stack_method=}. "
            "Pass stack_method='auto'."
        )
    wanted = METHODS if stack_method == "auto" else (stack_method,)
    for method in wanted:
        if hasattr(estimator, method):
            return PredictionSpec(name, method, _kind(method, estimator, target), target.type)
    raise ValueError(
        f"Estimator {name!r} must have the method {' or '.join(wanted)}, and {estimator!r} has not. "
        "Pass stack_method='auto', or another estimator."
    )


def check_column_names(specs: Mapping[str, PredictionSpec]) -> None:
    """Raise if two estimators have meta-features of the same name."""
    owners: dict[str, str] = {}
    for name, spec in specs.items():
        for column in spec.column_names:
            if column in owners:
                raise ValueError(
                    f"Estimators {owners[column]!r} and {name!r} would both have a meta-feature named "
                    f"{column!r}. Rename one of them."
                )
            owners[column] = name


def _kind(method: str, estimator: Any, target: TargetType) -> PredictionKind:
    if method != "decision_function":
        return "probability" if method == "predict_proba" else "label"
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    shapes = {value for name, value in params.items() if name.endswith("decision_function_shape")}
    return "pairwise" if "ovo" in shapes and target.kind == "multiclass" else "decision"


def _classes_of(estimator: Any, name: str) -> Any:
    if not hasattr(estimator, "classes_"):
        raise ValueError(
            f"Estimator {name!r} must be a classifier with classes_ after fit; it has none. "
            "Set self.classes_ = np.unique(y) in its fit."
        )
    return estimator.classes_
