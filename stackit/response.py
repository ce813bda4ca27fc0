"""How a fitted estimator is asked, and how its answers become columns in the order of the global classes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import is_classifier

from stackit.check import fault, listed, n_rows, wants_to_write
from stackit.target import Target

__all__ = ["METHODS", "Response", "pairwise_votes", "response_of"]

COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3
METHODS = ("predict_proba", "decision_function", "predict")
Table = npt.NDArray[np.float64]
Kind = Literal["probability", "decision", "pairwise", "label", "number"]


@dataclass(frozen=True, eq=False)
class Response:
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
    target : Target
        What is predicted; gives the classes.
    """

    name: str
    method: str
    kind: Kind
    target: Target

    def ask(self, estimator: Any, X: Any) -> Table:
        """Return the (n_samples, width) answer of a fitted estimator, in the order of the global classes.

        A class that the estimator has not seen in training gets probability 0, no votes, or the row's
        lowest decision value.
        """
        return self.arrange(estimator, getattr(estimator, self.method)(X))

    def arrange(self, estimator: Any, raw: Any) -> Table:
        """Return as an answer what a fitted estimator's method has returned for some rows."""
        if self.kind == "number":
            return np.asarray(raw, dtype=np.float64).reshape(n_rows(raw), -1)
        if self.target.kind == "multilabel":
            return _label_table(estimator, raw)
        if self.kind == "label":
            return self._votes(np.asarray(raw).reshape(-1))
        raw, classes = np.asarray(raw, dtype=np.float64), _classes_of(estimator, self.name)
        if self.kind == "probability" and raw.shape[1:] == classes.shape and self._are_all(classes):
            return np.ascontiguousarray(raw)
        seen = self._positions(classes)
        if self.kind == "probability":
            return self._probabilities(raw, seen)
        return self._decisions(raw, seen) if self.kind == "decision" else self._pairs(raw, seen)

    def ask_untouched(self, estimator: Any, X: Any) -> Table:
        """Ask about a table that others will be asked about too: who works in place gets a copy."""
        if type(X) is not np.ndarray:
            return self.ask(estimator, _own(X))
        view = X.view()
        view.flags.writeable = False
        try:
            return self.ask(estimator, view)
        except (TypeError, ValueError) as error:
            if not wants_to_write(error):
                raise
            return self.ask(estimator, X.copy())

    def columns(self, answer: Table) -> Table:
        """Return the (n_samples, n_columns) meta-features of an answer, averaged or not.

        One column for a binary probability (the positive class) and for labels (the position of the
        class with most votes; of equals the first), all columns of the answer otherwise.
        """
        if self.kind == "label" and self.target.kind != "multilabel":
            winner = answer.argmax(axis=1).astype(np.float64)
            return np.where(np.isnan(answer[:, 0]), np.nan, winner)[:, np.newaxis]
        if self.kind == "probability" and self.target.kind == "binary":
            return answer[:, 1:]
        return answer

    def column_names(self, n_columns: int) -> list[str]:
        """Return the names of the meta-features: ``<estimator>`` or ``<estimator>__<class or output>``."""
        if n_columns == 1:
            return [self.name]
        labels = [f"{a}-{b}" for a, b in combinations(self.target.labels, 2)]
        if self.kind != "pairwise":
            labels = list(self.target.labels)
        return [f"{self.name}__{label}" for label in labels]

    def _are_all(self, classes: npt.NDArray[Any]) -> bool:
        """Whether an estimator's classes are those of the whole y, in order."""
        known = self.target.classes
        return classes.dtype == known.dtype and classes.tolist() == known.tolist()

    def _positions(self, classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Return where an estimator's classes stand among those of the whole y."""
        known = self.target.classes
        found = np.searchsorted(known, classes).clip(max=len(known) - 1)
        strange = [label for label, at in zip(classes, found, strict=True) if known[at] != label]
        if strange:
            raise fault(
                f"Classes of estimator {self.name!r}",
                f"among those of y ({listed(known)})",
                f"classes_={listed(strange)}",
                "Train it on the same labels",
            )
        return found

    def _probabilities(self, raw: Table, seen: npt.NDArray[np.intp]) -> Table:
        table = np.zeros((len(raw), len(self.target.classes)))
        table[:, seen] = raw
        return table

    def _votes(self, labels: npt.NDArray[Any]) -> Table:
        table = np.zeros((len(labels), len(self.target.classes)))
        found, codes = np.unique(labels, return_inverse=True)
        table[np.arange(len(labels)), self._positions(found)[codes]] = 1.0
        return table

    def _decisions(self, raw: Table, seen: npt.NDArray[np.intp]) -> Table:
        if self.target.kind == "binary" and raw.ndim == 1:
            return raw[:, np.newaxis]
        if len(seen) == 1:
            return np.zeros((len(raw), len(self.target.classes)))
        if raw.ndim == 1:
            raw = np.column_stack([-raw, raw])
        if len(seen) == len(self.target.classes):
            return raw
        table = np.repeat(raw.min(axis=1, keepdims=True), len(self.target.classes), axis=1)
        table[:, seen] = raw
        return table

    def _pairs(self, raw: Table, seen: npt.NDArray[np.intp]) -> Table:
        """A column a pair of all classes; pairs that the estimator has not seen stand at 0."""
        if len(seen) == 1:
            raw = raw[:, :0] if raw.ndim == 2 else np.empty((len(raw), 0))
        # A single pair comes as a vector with the other sign: positive for its second class.
        raw = -raw[:, np.newaxis] if raw.ndim == 1 else raw
        pairs = list(combinations(range(len(self.target.classes)), 2))
        table = np.zeros((len(raw), len(pairs)))
        table[:, [pairs.index(pair) for pair in combinations(seen.tolist(), 2)]] = raw
        return table


def pairwise_votes(decisions: Table, n_classes: int) -> Table:
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


def response_of(name: str, estimator: Any, stack_method: str, target: Target) -> Response:
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
    >>> response_of("svm", LinearSVC(), "auto", classification_target([0, 1])).method
    'decision_function'
    """
    if not target.is_classification or not is_classifier(estimator):
        return Response(name, "predict", "number", target)
    if stack_method not in ("auto", *METHODS):
        raise fault(
            "stack_method",
            f"'auto' or one of {', '.join(METHODS)}",
            f"{stack_method=}",
            "Pass stack_method='auto'",
        )
    wanted = METHODS if stack_method == "auto" else (stack_method,)
    for method in wanted:
        if hasattr(estimator, method):
            return Response(name, method, _kind(method, estimator, target), target)
    raise fault(
        f"Estimator {name!r}",
        f"able to {' or '.join(wanted)}",
        f"{name}={estimator!r}",
        "Pass stack_method='auto', or another estimator",
    )


def _kind(method: str, estimator: Any, target: Target) -> Kind:
    if method != "decision_function":
        return "probability" if method == "predict_proba" else "label"
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    shapes = {value for name, value in params.items() if name.endswith("decision_function_shape")}
    return "pairwise" if "ovo" in shapes and target.kind == "multiclass" else "decision"


def _own(X: Any) -> Any:
    """Return a copy of a table; a data frame that copies itself when written to is copied then."""
    if isinstance(X, pd.DataFrame):
        return X.copy(deep=not COPIES_ON_WRITE)
    table: Any = X
    return table.copy() if sparse.issparse(X) else X


def _classes_of(estimator: Any, name: str) -> npt.NDArray[Any]:
    if not hasattr(estimator, "classes_"):
        raise fault(
            f"Estimator {name!r}",
            "a classifier with classes_ after fit",
            "none",
            "Set self.classes_ = np.unique(y) in its fit",
        )
    return np.asarray(estimator.classes_)


def _label_table(estimator: Any, raw: Any) -> Table:
    """Return the (n, n_labels) table of a multilabel answer: one column a label."""
    if not isinstance(raw, list):
        return np.asarray(raw, dtype=np.float64)
    columns = []
    for probabilities, classes in zip(raw, estimator.classes_, strict=True):
        positive = np.flatnonzero(np.asarray(classes) == 1)
        columns.append(probabilities[:, positive[0]] if len(positive) else np.zeros(len(probabilities)))
    return np.column_stack(columns).astype(np.float64)
