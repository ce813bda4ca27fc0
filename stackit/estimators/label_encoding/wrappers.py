"""A wrapper that encodes labels for a classifier, and a classifier for a single class."""

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

from stackit.arrays import Floats, Labels, Rows, num_samples, safe_index
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.early_stopping import ValidationSet, fit_with_validation
from stackit.estimators.label_encoding.params import params_in_codes
from stackit.validation import format_list

__all__ = ["ConstantClassifier", "LabelEncodedClassifier", "classes_in", "lacks_order"]

N_CHECKED = 500  # rows from which the order of the columns of probabilities is found
OWN = {"estimator", "classes_", "_labels", "_is_ordered", "_predicts_codes"}


class LabelEncodedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Fits a classifier on the labels 0, 1, 2, ..., and decodes its predictions.

    Parameters that contain labels (``class_weight``, ``pos_label``) are translated too. It replaces the
    classifier, also inside pipelines and searches: its parameters and all other attributes
    (``feature_importances_``, ``get_booster``) are those of the classifier. ``classes_`` has the labels that
    it was fitted on.

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
        """Fit the classifier on encoded labels: ``fit(X, y, **fit_params)``.

        The signature is that of the classifier's fit, which other code inspects.
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
        validation: ValidationSet | None = None,
        known: Labels | None = None,
    ) -> LabelEncodedClassifier:
        """Fit the classifier on encoded labels, with those of the validation rows encoded too.

        `known` are the classes of the whole target, where there may be more.
        """
        labels, codes = np.unique(np.asarray(y), return_inverse=True)
        if validation is not None:
            validation = replace(validation, y=np.searchsorted(labels, validation.y))
        params = self.get_params(deep=True)
        changed = params_in_codes(params, labels, known)
        if changed:
            self.set_params(**changed)
        try:
            codes = codes.astype(np.int64, copy=False)
            if validation is None:
                self.estimator.fit(X, codes, **fit_params)
            else:
                fit_with_validation(self.estimator, X, codes, dict(fit_params), validation)
        finally:
            if changed:
                self.set_params(**{name: params[name] for name in changed})
        return self.learn_classes(X, labels)

    def learn_classes(self, X: Any, labels: Labels) -> LabelEncodedClassifier:
        """Find out which classes the classifier, fitted on codes, predicts; `labels` has the label of each
        code.

        A classifier with ``classes_`` that are not codes predicts labels. One without ``classes_`` has its
        columns in the order of codes, unless its own predictions for X contradict that.
        """
        self._labels = self.classes_ = labels
        self._is_ordered = self._predicts_codes = True
        own, codes = classes_in(getattr(self.estimator, "classes_", None)), set(range(len(labels)))
        if not own:
            try:
                self._is_ordered = self._has_order(X)
            except Exception:  # noqa: BLE001 - without predictions the order is unknown
                self._is_ordered = True
        elif set(own) < codes:
            self.classes_ = labels[np.array(own, dtype=np.intp)]
        elif not set(own) >= codes:
            self._labels = self.classes_ = np.asarray(self.estimator.classes_)
            self._predicts_codes = False
        return self

    @property
    def is_ordered(self) -> bool:
        """Whether the class of each column of probabilities is known."""
        return self._is_ordered

    def predict(self, X: Any, **predict_params: Any) -> Labels:
        """Return the (n,) labels."""
        raw = np.asarray(self.estimator.predict(X, **predict_params))
        if not self._predicts_codes or _are_text_labels(raw, self._labels):
            return raw.reshape(-1)
        codes = _winners(raw)
        if not np.isin(codes, range(len(self._labels))).all():
            if not hasattr(self, "predict_proba"):
                raise ValueError(
                    f"predict of {type(self.estimator).__name__} must return codes below "
                    f"{len(self._labels)}, as it was fitted on; got {format_list(codes)}. Check its predict."
                )
            codes = self.predict_proba(X).argmax(axis=1)  # an unused output of a net was the largest
        labels: Labels = self._labels[codes]
        return labels

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, **predict_params: Any) -> Any:
        """Return the (n, n_classes) probabilities."""
        if not self._is_ordered:
            raise ValueError(
                f"The columns of predict_proba of {type(self.estimator).__name__} are not in the order of "
                "the labels, by what it predicts, and it has no classes_. Use its predict."
            )
        raw = self._as_table(self.estimator.predict_proba(X, **predict_params), X)
        columns = self._columns(raw)
        if columns is None:
            return raw
        kept = raw[:, columns]
        if raw.shape[1] == len(columns):
            return kept
        # The share of unused outputs is distributed over the others; the sum of each row stays.
        total, whole = (part.sum(axis=1, keepdims=True) for part in (kept, raw))
        return np.divide(kept * whole, total, out=np.full_like(kept, 1 / len(columns)), where=total > 0)

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Return the decision values of the classifier."""
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
        """Return the metadata requests of the classifier."""
        return get_routing_for_object(self.estimator)

    def _has_order(self, X: Any) -> bool:
        """Whether, in each column, rows predicted as its class have a higher mean than all rows."""
        rows = np.unique(np.linspace(0, num_samples(X) - 1, min(num_samples(X), N_CHECKED)).astype(np.intp))
        some, n_classes = safe_index(X, rows), len(self._labels)
        table = self._as_table(self.estimator.predict_proba(some), some)
        if table.ndim != 2 or table.shape[1] < n_classes:
            return True
        table, predicted = table[:, :n_classes], _winners(np.asarray(self.estimator.predict(some)))
        classes = np.unique(predicted)
        rises = np.array([table[predicted == each].mean(axis=0) - table.mean(axis=0) for each in classes])
        return len(classes) < 2 or bool((rises.argmax(axis=1) == classes).all())

    def _as_table(self, raw: Any, X: Any) -> Any:
        """Return one-dimensional probabilities as a table: they are of one row, or of the second class."""
        raw = np.asarray(raw)
        if raw.ndim != 1:
            return raw
        if num_samples(X) == 1 and len(raw) == len(self.classes_):
            return raw[np.newaxis]
        return np.column_stack([1 - raw, raw]) if len(self.classes_) == 2 else raw

    def _columns(self, raw: Any) -> Rows | None:
        """Return the positions of the classes' columns in order; None where all columns are in order.

        A net has as many outputs as it was created with, also where a training part lacks a class.
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
        """Set an attribute of the classifier where it has one of this name, else of the wrapper."""
        own = name in OWN or "estimator" not in vars(self) or not hasattr(self.estimator, name)
        object.__setattr__(self if own else self.estimator, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "estimator" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.estimator, name)


class ConstantClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the only class of a training part, for a classifier that cannot be fitted on one class."""

    def fit(self, X: Any, y: Any) -> ConstantClassifier:
        """Remember the class."""
        self.classes_ = np.unique(np.asarray(y))
        return self

    def predict(self, X: Any) -> Labels:
        """Return the (n,) labels."""
        return np.repeat(self.classes_, num_samples(X))

    def predict_proba(self, X: Any) -> Floats:
        """Return the (n, 1) probabilities."""
        return np.ones((num_samples(X), 1))

    def decision_function(self, X: Any) -> Floats:
        """Return the (n,) decisions."""
        return np.zeros(num_samples(X))


def lacks_order(fitted: Any, method: str) -> bool:
    """Whether the columns of a fitted classifier's probabilities cannot be assigned to classes."""
    return method == "predict_proba" and isinstance(fitted, LabelEncodedClassifier) and not fitted.is_ordered


def _are_text_labels(raw: npt.NDArray[Any], labels: Labels) -> bool:
    """Whether predictions are labels of text already."""
    if raw.dtype.kind not in "OSU":
        return False
    found = set(raw.reshape(-1).tolist())
    return all(isinstance(each, str | bytes) for each in found) and found <= set(labels.tolist())


def _winners(raw: npt.NDArray[Any]) -> Rows:
    """Return predictions as codes; some classifiers predict a column per class."""
    codes = raw.argmax(axis=1) if raw.ndim == 2 and raw.shape[1] > 1 else raw.reshape(-1)
    return codes.astype(np.intp)


def classes_in(classes: Any) -> list[Any]:
    """Return ``classes_`` as a list of Python values; empty for None."""
    found = np.asarray(() if classes is None else classes, dtype=object)
    return [each.item() if hasattr(each, "item") else each for each in found] if found.ndim == 1 else []
