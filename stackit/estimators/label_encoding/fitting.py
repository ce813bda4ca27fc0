"""Which classifiers need encoded labels, and fitting a classifier with or without encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from stackit.arrays import Labels, Rows
from stackit.arrays.isolation import is_readonly_error
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.early_stopping import ValidationSet, fit_with_validation, needs_encoded_labels
from stackit.estimators.estimator_type import is_classifier, tags_of
from stackit.estimators.label_encoding.wrappers import ConstantClassifier, LabelEncodedClassifier, classes_in
from stackit.target import Target
from stackit.validation import format_list

__all__ = ["LabelledFit", "encoded_parts"]

# The classifiers of these libraries accept labels of any type, also in parameters such as class_weight.
TAKES_ANY_LABELS = {"catboost", "imblearn", "lightgbm", "sklearn", "stackit"}
# Except for these, where the label -1 marks unlabelled rows.
TAKES_NO_NEGATIVE = "sklearn.semi_supervised"
# The meta-estimators of these libraries pass labels on to the classifiers inside, which are then wrapped.
PASSES_ON = {"imblearn", "sklearn"}
METHODS = {"fit", "predict", "predict_proba", "decision_function"}


def encoded_parts(estimator: Any, params: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return which classifiers get encoded labels: "" for the estimator itself, or the names of its parts.

    An estimator of a library that accepts any labels gets them unchanged, and passes them on to its parts.
    `params` are its deep parameters, where they are known.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> class Own(LogisticRegression):
    ...     __module__ = "mine"
    ...     def fit(self, X, y):
    ...         return super().fit(X, y)
    >>> encoded_parts(Own()), encoded_parts(make_pipeline(Own())), encoded_parts(LogisticRegression())
    (('',), ('own',), ())
    """
    if not _takes_any_labels(estimator):
        return ("",)
    if params is None:
        params = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    if not any(hasattr(value, "fit") for value in params.values()):
        return ()
    owners = {"": estimator, **params}
    return tuple(
        name for name, part in params.items() if _is_encoded(part) and _is_passed_labels(name, owners)
    )


@dataclass(eq=False)  # not frozen, which makes it four times slower to make one for each fit
class LabelledFit:
    """One fit of a classifier from a library that may not take the labels: on codes, labels, or neither.

    What the library is known to take is tried first (`learner`, `checked`); where that fails in any way, the
    other is tried (`recover`).
    """

    estimator: Any
    X: Any
    y: Labels
    fit_params: dict[str, Any]
    validation: ValidationSet | None
    encoded: tuple[str, ...]
    target: Target
    rows: Rows  # of X in the whole target

    @cached_property
    def found(self) -> Labels:
        """The sorted classes among the labels."""
        return self.target.classes_in(self.rows)

    @cached_property
    def are_codes(self) -> bool:
        """Whether the labels are 0, 1, 2, ... already, in the type that codes have."""
        found = self.found
        return found.dtype == np.int64 and found.tolist() == list(range(len(found)))

    @cached_property
    def encodes_first(self) -> bool:
        """Whether the whole classifier is fitted on codes first; else on labels, parts of it on codes."""
        if not self.encoded:
            return self.validation is not None and needs_encoded_labels(self.estimator)
        return "" in self.encoded or self.validation is not None or self.are_codes

    def learner(self) -> Any:
        """Return what is fitted first: the classifier, or a wrapper that passes codes to it."""
        if self.encodes_first:
            return self.estimator if self._needs_no_wrapper() else LabelEncodedClassifier(self.estimator)
        if self.encoded:
            params = self.estimator.get_params(deep=True)
            wrapped = {name: LabelEncodedClassifier(params[name]) for name in self.encoded}
            self.estimator.set_params(**wrapped)
        return self.estimator

    def checked(self, fitted: Any) -> Any:
        """Return a classifier fitted on codes, wrapped where it does not name its classes."""
        is_wrapped = isinstance(fitted, LabelEncodedClassifier)
        if is_wrapped or not (self.encodes_first and self.encoded):
            return fitted
        if _names_classes(fitted, self.found):
            return fitted
        return LabelEncodedClassifier(fitted).learn_classes(self.X, self.found)

    def recover(self, error: Exception) -> Any:
        """Return what can be fitted instead; where nothing can, raise the error of the first fit."""
        if self.encodes_first and not self.are_codes:
            error.add_note(f"It was fitted on codes in place of the labels ({format_list(self.found)}).")
        if isinstance(error, MemoryError) or is_readonly_error(error):
            raise error
        if len(self.found) == 1:
            return ConstantClassifier().fit(self.X, self.y)
        second = None if self.are_codes else self._fit_second()
        if second is None:
            raise error
        return second

    def _fit_second(self) -> Any:
        """Fit a copy on labels or codes, whichever was not first; return None where that fails too."""
        try:
            copied = unfitted_copy(self.estimator)
            if not self.encodes_first:
                wrapper = LabelEncodedClassifier(copied)
                classes = self.target.classes
                return wrapper.fit_codes(self.X, self.y, self.fit_params, self.validation, classes)
            fit_with_validation(copied, self.X, self.y, self.fit_params, self.validation)
            return copied
        except Exception as error:
            if is_readonly_error(error):
                raise
            return None  # the first error explains more

    def _needs_no_wrapper(self) -> bool:
        return self.are_codes and len(self.found) == len(self.target.classes)


def _names_classes(fitted: Any, classes: Labels) -> bool:
    """Whether a fitted classifier is tagged as one and names its classes."""
    own = getattr(fitted, "classes_", None)
    if isinstance(own, np.ndarray) and own.dtype == classes.dtype:  # the usual case, ten times faster
        names_them = own.tolist() == classes.tolist()
    else:
        names_them = classes_in(own) == classes.tolist()
    if not names_them:
        return False
    tags = tags_of(fitted)
    return tags is not None and tags.estimator_type == "classifier"


def _is_encoded(part: Any) -> bool:
    if not hasattr(part, "fit") or not hasattr(part, "predict") or isinstance(part, type):
        return False
    return not _takes_any_labels(part) and is_classifier(part)


def _takes_any_labels(estimator: Any) -> bool:
    home = _home_of(estimator)
    return _library_in(home) in TAKES_ANY_LABELS and not home.startswith(TAKES_NO_NEGATIVE)


def _is_passed_labels(name: str, owners: Mapping[str, Any]) -> bool:
    """Whether everything around a part passes labels on: the estimator, and the parts between."""
    steps = name.split("__")
    around = [owners.get("__".join(steps[:depth])) for depth in range(len(steps))]
    found = [owner for owner in around if owner is not None]
    is_frozen = any(isinstance(owner, FrozenEstimator) for owner in found)
    return not is_frozen and all(_library_in(_home_of(owner)) in PASSES_ON for owner in found)


def _library_in(home: str) -> str:
    return home.partition(".")[0]


def _home_of(estimator: Any) -> str:
    """Return the module that an estimator's methods come from: that of the first class with one."""
    kinds = type(estimator).__mro__  # a class derived from one of stackit's counts as stackit's
    if any(kind.__module__.startswith("stackit.") for kind in kinds):
        return "stackit"
    for kind in kinds:
        if METHODS & vars(kind).keys():
            return str(kind.__module__)
    return str(type(estimator).__module__)
