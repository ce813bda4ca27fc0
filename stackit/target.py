"""The target: the kind of task, the classes of the whole y, and y as class positions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import assert_all_finite, column_or_1d

from stackit.arrays import Floats, Rows
from stackit.arrays.frames import distinct
from stackit.validation import format_list, invalid_value

__all__ = ["Target", "TargetType", "classification_target", "regression_target"]

TaskKind = Literal["regression", "multioutput", "binary", "multiclass", "multilabel"]
LABELS = {"binary", "multiclass", "multilabel-indicator"}


@dataclass(frozen=True, eq=False)
class TargetType:
    """The kind of task and its classes or outputs: all that predictions depend on, without y.

    Parameters
    ----------
    kind : {"regression", "multioutput", "binary", "multiclass", "multilabel"}
        The kind of task.
    classes : (n_classes,) array
        The sorted classes of the whole y (empty for regression; 0 and 1 for multilabel).
    outputs : tuple of str
        The names of the outputs when y has several columns, else empty.
    """

    kind: TaskKind
    classes: npt.NDArray[Any]
    outputs: tuple[str, ...]

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.kind not in ("regression", "multioutput")

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the outputs, or else of the classes: one per column of predictions."""
        return self.outputs if self.outputs else distinct(self.classes.tolist())


@dataclass(frozen=True, eq=False)
class Target(TargetType):
    """The whole y, with the kind of task and its classes or outputs.

    Parameters
    ----------
    kind, classes, outputs
        As in `TargetType`.
    y : (n,) or (n, n_outputs) array
        The target as the caller gave it; labels are kept as they are.
    codes : (n,) or (n, n_outputs) array of int or float
        The target as positions in `classes`; for regression, `y` itself.
    """

    y: npt.NDArray[Any]
    codes: npt.NDArray[Any]

    @cached_property
    def type(self) -> TargetType:
        """The same without y."""
        return TargetType(self.kind, self.classes, self.outputs)

    def classes_in(self, rows: Rows) -> npt.NDArray[Any]:
        """Return the sorted classes among some rows, several times faster than np.unique of their labels."""
        counts = np.bincount(self.codes.take(rows), minlength=len(self.classes))
        return self.classes if counts.all() else np.asarray(self.classes[counts > 0])


def classification_target(y: Any) -> Target:
    """Read the target of a classification task: (n,) labels, or an (n, n_labels) indicator matrix of 0 and 1.

    Examples
    --------
    >>> target = classification_target(["no", "yes", "no"])
    >>> target.kind, target.classes.tolist(), target.codes.tolist()
    ('binary', ['no', 'yes'], [0, 1, 0])
    """
    values = _of_one_type(_as_array(y))
    if _kind_of_labels(values) == "multilabel-indicator":
        dense = values.astype(np.intp)
        return Target("multilabel", np.array([0, 1]), _output_names(y, dense), dense, dense)
    values = column_or_1d(values, warn=True)
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least two classes; it has only one class, {classes.tolist()[0]!r}. "
            "Check the target column."
        )
    kind: TaskKind = "binary" if len(classes) == 2 else "multiclass"
    return Target(kind, classes, (), values, codes)


def regression_target(y: Any) -> Target:
    """Read the target of a regression task: (n,) or (n, n_outputs) finite numbers."""
    values = _as_array(y)
    if values.ndim != 2 or values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    if not np.issubdtype(values.dtype, np.number):
        values = _as_numbers(values)
    kind: TaskKind = "multioutput" if values.ndim == 2 else "regression"
    names = _output_names(y, values) if kind == "multioutput" else ()
    return Target(kind, np.array([]), names, values, values)


def _kind_of_labels(values: npt.NDArray[Any]) -> str:
    try:
        kind = str(type_of_target(values))
        if kind not in LABELS:
            check_classification_targets(values)
        return kind
    except ValueError as error:
        raise invalid_value(
            "y",
            "labels of classes",
            f"{type_of_target(values)} values ({error})",
            "For numbers use regressors, and folds of scheme='binned' or 'kfold'",
        ) from error


def _of_one_type(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels as booleans or numbers where an array of objects holds only those; refuse mixed ones."""
    if values.dtype != object:
        return values
    flat = pd.Series(values.ravel(), dtype=object)
    inferred = flat.infer_objects().to_numpy()
    if inferred.dtype.kind in "biuf":
        return inferred.reshape(values.shape)
    first_of_type = flat[~flat.map(type).duplicated()]
    if len(first_of_type) > 1:
        raise ValueError(
            f"y must have labels of one type; it has {format_list(map(repr, first_of_type))}. Convert them "
            "to strings."
        )
    if not isinstance(flat.iloc[0], str):
        raise ValueError(
            f"y must have strings, numbers or booleans as labels; it has {flat.iloc[0]!r}. Convert them to "
            "strings."
        )
    return values


def _as_array(y: Any) -> npt.NDArray[Any]:
    """Return y as a finite array without missing values."""
    if y is None:
        raise ValueError(
            "y must be an array of labels or numbers. This estimator requires y to be passed, but the target "
            "y is None: pass fit(X, y)."
        )
    if hasattr(y, "__len__") and len(y) == 0:
        raise ValueError("y must have at least two rows; it has none. Pass the rows to learn from.")
    dense = y.toarray() if hasattr(y, "toarray") else y
    values = np.asarray(dense)
    if values.dtype == object and pd.isna(values).any():
        rows = np.flatnonzero(pd.isna(values).reshape(len(values), -1).any(axis=1))
        raise invalid_value(
            "y", "without missing values (NaN)", f"{len(rows)} missing", "Drop or fill these rows"
        )
    assert_all_finite(values, input_name="y")
    if np.iscomplexobj(values):
        raise ValueError(f"Complex data not supported: y must be labels or real numbers; got y={values[:3]}.")
    return values


def _as_numbers(values: npt.NDArray[Any]) -> Floats:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise invalid_value(
            "y", "numbers for regressors", str(error), "For labels use classifiers"
        ) from error


def _output_names(y: Any, values: npt.NDArray[Any]) -> tuple[str, ...]:
    """Return the column names of a y with several columns."""
    columns = getattr(y, "columns", range(values.shape[1]))
    return distinct(columns)
