"""Which classifiers need encoded labels, and fitting a classifier with or without encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.frozen import FrozenEstimator

from stackit.arrays.isolation import is_readonly_error
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.early_stopping import ValidationSet, fit, needs_encoded_labels
from stackit.estimators.label_encoding.wrappers import ConstantClassifier, LabelEncodedClassifier, classes_in
from stackit.estimators.traits import is_classifier, tags_of
from stackit.validation import format_list

__all__ = ["encoded_parts", "fit_classifier"]

Labels = npt.NDArray[Any]

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


def fit_classifier(
    estimator: Any,
    X: Any,
    y: Labels,
    fit_params: dict[str, Any],
    validation: ValidationSet | None = None,
    encoded: tuple[str, ...] | None = None,
    known: Labels | None = None,
    found: Labels | None = None,
) -> Any:
    """Fit a classifier in place and return it, or a wrapper of it, whatever labels it accepts.

    Where fitting on the labels fails, a copy is fitted on codes, or the other way round; where both fail, the
    first error is raised. With a single class, a `ConstantClassifier` replaces a classifier that fails.
    `encoded` is the result of `encoded_parts`, `known` has the classes of the whole target, and `found` the
    sorted classes in y, where these are known.
    """
    encoded = encoded_parts(estimator) if encoded is None else encoded
    case = _Case(estimator, X, y, fit_params, validation, encoded, known)
    if found is not None:
        vars(case)["found"] = found
    try:
        return case.fit_first()
    except MemoryError:
        raise
    except Exception as error:
        if is_readonly_error(error):
            raise
        refusal = error
    if len(case.found) == 1:
        return ConstantClassifier().fit(X, y)
    second = None if case.are_codes else case.fit_second()
    if second is None:
        raise refusal
    return second


@dataclass(eq=False)  # not frozen: creation, once per fit, is four times faster
class _Case:
    """A classifier and the labels of a training part, with properties computed on demand."""

    estimator: Any
    X: Any
    y: Labels
    fit_params: dict[str, Any]
    validation: ValidationSet | None
    encoded: tuple[str, ...]
    known: Labels | None

    @cached_property
    def found(self) -> Labels:
        """The classes among the labels."""
        classes: Labels = np.unique(self.y)
        return classes

    @cached_property
    def are_codes(self) -> bool:
        """Whether the labels are 0, 1, 2, ... already, with the dtype of codes."""
        return self.found.dtype == np.int64 and bool((self.found == np.arange(len(self.found))).all())

    @cached_property
    def are_all(self) -> bool:
        """Whether no class of the whole target is missing."""
        return self.known is None or len(self.found) == len(self.known)

    @property
    def encodes_first(self) -> bool:
        """Whether the whole classifier is first tried on codes, else on labels, with wrapped parts."""
        encodes_validation = self.validation is not None and (
            bool(self.encoded) or needs_encoded_labels(self.estimator)
        )
        return "" in self.encoded or encodes_validation or (bool(self.encoded) and self.are_codes)

    def fit_first(self) -> Any:
        """Fit on the labels that the library is known to accept, else on codes."""
        if self.encodes_first:
            try:
                return self._fit_on_codes(self.estimator)
            except Exception as error:
                if not self.are_codes:
                    error.add_note(
                        f"It was fitted on codes instead of the labels ({format_list(self.found)})."
                    )
                raise
        if self.encoded:
            params = self.estimator.get_params(deep=True)
            self.estimator.set_params(**{name: LabelEncodedClassifier(params[name]) for name in self.encoded})
        return fit(self.estimator, self.X, self.y, self.fit_params, self.validation)

    def fit_second(self) -> Any:
        """Fit a copy the other way: on labels instead of codes, or on codes; None where that fails too."""
        try:
            other = unfitted_copy(self.estimator)
            if self.encodes_first:
                return fit(other, self.X, self.y, self.fit_params, self.validation)
            return self._fit_on_codes(other)
        except Exception as error:
            if is_readonly_error(error):
                raise
            return None  # the first error is raised

    def _fit_on_codes(self, estimator: Any) -> Any:
        """Fit on codes, with a wrapper unless the labels are codes already and it names its classes."""
        if not (self.are_codes and self.are_all):
            wrapper = LabelEncodedClassifier(estimator)
            return wrapper.fit_codes(self.X, self.y, self.fit_params, self.validation, self.known)
        fit(estimator, self.X, self.y, self.fit_params, self.validation)
        if not self.encoded or _names_classes(estimator, self.found):
            return estimator
        return LabelEncodedClassifier(estimator).learn_classes(self.X, self.found)


def _names_classes(fitted: Any, classes: Labels) -> bool:
    """Whether a fitted classifier is tagged as one and names its classes; others may predict codes as
    columns."""
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
