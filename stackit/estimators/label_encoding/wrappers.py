"""Classifiers that are given codes 0, 1, 2, ... for labels, and what stands in for one of a single class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.metaestimators import available_if

from stackit.arrays import num_samples, safe_index
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.early_stopping import ValidationSet, fit
from stackit.estimators.label_encoding.params import params_in_codes
from stackit.validation import format_list, invalid_value

__all__ = ["ConstantClassifier", "LabelEncodedClassifier", "classes_in", "lacks_order"]

Labels = npt.NDArray[Any]

# As many rows tell in which order the columns of a table of probabilities stand.
ENOUGH = 500
OWN = {"estimator", "classes_", "_labels", "_is_ordered", "_speaks_codes"}


class LabelEncodedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Gives labels 0, 1, 2, ... to a classifier that takes no others, and translates its answers back.

    Parameters that name labels (``class_weight``, ``pos_label``) are translated too. It stands in the place
    of the classifier, inside pipelines and searches as well: its parameters are those of the classifier, and
    so is whatever else is read from it (``feature_importances_``, ``get_booster``).

    Parameters
    ----------
    estimator : classifier
        Fitted in place.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The labels that it was fitted on.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> tree = LabelEncodedClassifier(DecisionTreeClassifier()).fit([[0], [1]], ["no", "yes"])
    >>> tree.predict([[1]]).tolist(), tree.estimator.classes_.tolist(), tree.feature_importances_.tolist()
    (['yes'], [0, 1], [1.0])
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @property
    def fit(self) -> Callable[..., LabelEncodedClassifier]:
        """Fit the classifier on the positions of the labels: ``fit(X, y, **fit_params)``.

        The signature is that of the classifier's fit, for others look there for what it takes.
        """

        @wraps(self.estimator.fit)
        def fit_on_codes(X: Any, y: Any, **fit_params: Any) -> LabelEncodedClassifier:
            return self.fit_codes(X, y, fit_params)

        return fit_on_codes

    def fit_codes(
        self,
        X: Any,
        y: Any,
        fit_params: Mapping[str, Any],
        watched: ValidationSet | None = None,
        known: Labels | None = None,
    ) -> LabelEncodedClassifier:
        """Fit the classifier on the positions of the labels; so are those of watched rows.

        Parameters
        ----------
        X, y : n rows
            What it is fitted on.
        fit_params : dict
            Passed to fit.
        watched : Watched, optional
            What it watches to stop early.
        known : (n_known,) array, optional
            The classes of the whole target, where there may be more.
        """
        labels, codes = np.unique(np.asarray(y), return_inverse=True)
        if watched is not None:
            watched = replace(watched, y=np.searchsorted(labels, watched.y))
        params = self.get_params(deep=True)
        changed = params_in_codes(params, labels, known)
        if changed:
            self.set_params(**changed)
        try:
            fit(self.estimator, X, codes.astype(np.int64, copy=False), dict(fit_params), watched)
        finally:
            if changed:
                self.set_params(**{name: params[name] for name in changed})
        return self.learn_classes(X, labels)

    def learn_classes(self, X: Any, labels: Labels) -> LabelEncodedClassifier:
        """Find out what the classifier, fitted on codes, has to say of its classes.

        One that names classes of its own, which are no codes, speaks of labels already. One that names none
        is believed to have its columns in the order of codes, unless its own predictions say otherwise.

        Parameters
        ----------
        X : n rows
            What it was fitted on.
        labels : (n_classes,) array
            The label of each code.
        """
        self._labels = self.classes_ = labels
        self._is_ordered = self._speaks_codes = True
        own, codes = classes_in(getattr(self.estimator, "classes_", None)), set(range(len(labels)))
        if not own:
            try:
                self._is_ordered = self._has_order(X)
            except Exception:  # noqa: BLE001 - without predictions there is nothing to compare
                self._is_ordered = True
        elif set(own) < codes:
            self.classes_ = labels[np.array(own, dtype=np.intp)]
        elif not set(own) >= codes:
            self._labels = self.classes_ = np.asarray(self.estimator.classes_)
            self._speaks_codes = False
        return self

    @property
    def is_ordered(self) -> bool:
        """Whether it is known which column of probabilities is of which class."""
        return self._is_ordered

    def predict(self, X: Any, **predict_params: Any) -> Labels:
        """Return the (n,) labels."""
        raw = np.asarray(self.estimator.predict(X, **predict_params))
        if not self._speaks_codes or _are_words(raw, self._labels):
            return raw.reshape(-1)
        codes = _winners(raw)
        if not np.isin(codes, range(len(self._labels))).all():
            if not hasattr(self, "predict_proba"):
                raise invalid_value(
                    "Predictions", f"codes below {len(self._labels)}", format_list(codes), "Check predict"
                )
            codes = self.predict_proba(X).argmax(axis=1)  # a net's spare output has won
        labels: Labels = self._labels[codes]
        return labels

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, **predict_params: Any) -> Any:
        """Return the (n, n_classes) probabilities."""
        if not self._is_ordered:
            raise invalid_value(
                f"Columns of predict_proba of {type(self.estimator).__name__}",
                "in the order of the labels, or named by classes_ after fit",
                "another order, by what it predicts, and no classes_",
                "Use its predict",
            )
        raw = self._as_table(self.estimator.predict_proba(X, **predict_params), X)
        columns = self._columns(raw)
        if columns is None:
            return raw
        kept = raw[:, columns]
        if raw.shape[1] == len(columns):
            return kept
        # What spare outputs have taken goes to the others; rows that did not add up to 1 still do not.
        total, whole = (part.sum(axis=1, keepdims=True) for part in (kept, raw))
        return np.divide(kept * whole, total, out=np.full_like(kept, 1 / len(columns)), where=total > 0)

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Return the decision values, as the classifier gives them."""
        raw = np.asarray(self.estimator.decision_function(X))
        columns = (
            self._columns(raw) if raw.shape[1:] == np.shape(getattr(self.estimator, "classes_", 0)) else None
        )
        return raw if columns is None else raw[:, columns]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the classifier."""
        return dict(self.estimator.get_params(deep=deep)) if hasattr(self.estimator, "get_params") else {}

    def set_params(self, **params: Any) -> LabelEncodedClassifier:
        """Set parameters of the classifier."""
        self.estimator.set_params(**params)
        return self

    def get_metadata_routing(self) -> Any:
        """Return what the classifier asks for."""
        return get_routing_for_object(self.estimator)

    def _has_order(self, X: Any) -> bool:
        """Whether rows predicted to be of a class have more probability than others in its column."""
        rows = np.unique(np.linspace(0, num_samples(X) - 1, min(num_samples(X), ENOUGH)).astype(np.intp))
        some, n_classes = safe_index(X, rows), len(self._labels)
        table = self._as_table(self.estimator.predict_proba(some), some)
        if table.ndim != 2 or table.shape[1] < n_classes:
            return True
        table, predicted = table[:, :n_classes], _winners(np.asarray(self.estimator.predict(some)))
        classes = np.unique(predicted)
        rises = np.array([table[predicted == each].mean(axis=0) - table.mean(axis=0) for each in classes])
        return len(classes) < 2 or bool((rises.argmax(axis=1) == classes).all())

    def _as_table(self, raw: Any, X: Any) -> Any:
        """Return probabilities of one dimension as a table: they are one row, or of the second class."""
        raw = np.asarray(raw)
        if raw.ndim != 1:
            return raw
        if num_samples(X) == 1 and len(raw) == len(self.classes_):
            return raw[np.newaxis]
        return np.column_stack([1 - raw, raw]) if len(self.classes_) == 2 else raw

    def _columns(self, raw: Any) -> npt.NDArray[np.intp] | None:
        """Return the columns of the classes in order, where an answer has more or others; else None.

        A net has as many outputs as it was made with, also where a training part lacks a class.
        """
        n_classes = len(self.classes_)
        if raw.ndim != 2 or raw.shape[1] < n_classes or self.classes_ is not self._labels:
            return None
        position = {code: at for at, code in enumerate(classes_in(getattr(self.estimator, "classes_", None)))}
        if len(position) == raw.shape[1] and set(range(n_classes)) <= set(position):
            columns = [position[code] for code in range(n_classes)]
        else:
            columns = list(range(n_classes))
        return None if columns == list(range(raw.shape[1])) else np.array(columns, dtype=np.intp)

    def __sklearn_clone__(self) -> LabelEncodedClassifier:
        return type(self)(unfitted_copy(self.estimator))

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return f"{type(self).__name__}({self.estimator!r})"

    def __setattr__(self, name: str, value: Any) -> None:
        """Set what is the classifier's there: whoever changes it means the classifier."""
        own = name in OWN or "estimator" not in vars(self) or not hasattr(self.estimator, name)
        object.__setattr__(self if own else self.estimator, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "estimator" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.estimator, name)


class ConstantClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Stands in for a classifier that cannot be trained on the one class that a training part has.

    Attributes
    ----------
    classes_ : (1,) array
        The class, which gets probability 1 and all votes; decisions are 0.

    Examples
    --------
    >>> ConstantClassifier().fit([[0], [1]], ["no", "no"]).predict([[5]]).tolist()
    ['no']
    """

    def fit(self, X: Any, y: Any) -> ConstantClassifier:
        """Remember the class."""
        self.classes_ = np.unique(np.asarray(y))
        return self

    def predict(self, X: Any) -> Labels:
        """Return the (n,) labels."""
        return np.repeat(self.classes_, num_samples(X))

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the (n, 1) probabilities."""
        return np.ones((num_samples(X), 1))

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the (n,) decisions."""
        return np.zeros(num_samples(X))


def lacks_order(fitted: Any, method: str) -> bool:
    """Whether a fitted classifier has probabilities of which it cannot be told which column is whose.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> lacks_order(LogisticRegression(), "predict_proba")
    False
    """
    return method == "predict_proba" and isinstance(fitted, LabelEncodedClassifier) and not fitted.is_ordered


def _are_words(raw: npt.NDArray[Any], labels: Labels) -> bool:
    """Whether predictions are labels already, which are text: codes are not."""
    if raw.dtype.kind not in "OSU":
        return False
    found = set(raw.reshape(-1).tolist())
    return all(isinstance(each, str | bytes) for each in found) and found <= set(labels.tolist())


def _winners(raw: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return predictions as codes, which some classifiers give as a column per class."""
    codes = raw.argmax(axis=1) if raw.ndim == 2 and raw.shape[1] > 1 else raw.reshape(-1)
    return codes.astype(np.intp)


def classes_in(classes: Any) -> list[Any]:
    """Return a classifier's classes as a list of Python values; an empty one for none.

    Examples
    --------
    >>> classes_in(np.array([0, 1])), classes_in(None)
    ([0, 1], [])
    """
    found = np.asarray(() if classes is None else classes, dtype=object)
    return [each.item() if hasattr(each, "item") else each for each in found] if found.ndim == 1 else []
