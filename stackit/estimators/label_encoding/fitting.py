"""Which classifiers get codes for labels, and how a classifier is fitted whatever labels it takes."""

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

# Their classifiers take labels of any type, and know parameters such as class_weight by them.
TAKES_ANY_LABELS = {"catboost", "imblearn", "lightgbm", "sklearn", "stackit"}
# Of these, parts to which a label of -1 is none: it says that a row is unlabelled.
TAKES_NO_NEGATIVE = "sklearn.semi_supervised"
# Their meta-estimators hand labels on to classifiers inside, which get codes there.
HANDS_ON = {"imblearn", "sklearn"}
METHODS = {"fit", "predict", "predict_proba", "decision_function"}


def encoded_parts(estimator: Any, params: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return which classifiers get codes: "" for the estimator itself, or the names of its parts.

    Those of libraries that take any labels get them as they are, and hand them on to what they are made of.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    params : mapping, optional
        What its ``get_params(deep=True)`` returned, where that is known.

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
    return tuple(name for name, part in params.items() if _gets_codes(part) and _is_handed_on(name, owners))


def fit_classifier(
    estimator: Any,
    X: Any,
    y: Labels,
    fit_params: dict[str, Any],
    watched: ValidationSet | None = None,
    coded: tuple[str, ...] | None = None,
    known: Labels | None = None,
    found: Labels | None = None,
) -> Any:
    """Fit a classifier in place, on codes where its library may take no other labels.

    Where that fails, in any way, the other is tried: labels as they are, or codes.

    Parameters
    ----------
    estimator : classifier
        Not fitted.
    X : array-like with n rows
        The rows.
    y : (n,) array
        Their labels.
    fit_params : dict
        Passed to fit.
    watched : Watched, optional
        What it watches to stop early; their classes are among those of y.
    coded : tuple of str, optional
        What `coded_parts` says of it, where that is known.
    known : (n_classes,) array, optional
        The classes of the whole target; None is those of y.
    found : (n_found,) array, optional
        The classes among y, sorted, where they are known already.

    Returns
    -------
    estimator, ContiguousLabels or OneClass
        Fitted.

    Raises
    ------
    Exception
        Where both ways fail, what the classifier raised first.
    """
    coded = encoded_parts(estimator) if coded is None else coded
    case = _Case(estimator, X, y, fit_params, watched, coded, known)
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


@dataclass(eq=False)  # not frozen, which makes it four times slower to make one for each fit
class _Case:
    """A classifier and the labels of a training part, of which some things are looked up when asked for."""

    estimator: Any
    X: Any
    y: Labels
    fit_params: dict[str, Any]
    watched: ValidationSet | None
    coded: tuple[str, ...]
    known: Labels | None

    @cached_property
    def found(self) -> Labels:
        """The classes among the labels."""
        classes: Labels = np.unique(self.y)
        return classes

    @cached_property
    def are_codes(self) -> bool:
        """Whether the labels are 0, 1, 2, ... already, in the type that codes have."""
        return self.found.dtype == np.int64 and bool((self.found == np.arange(len(self.found))).all())

    @cached_property
    def are_all(self) -> bool:
        """Whether no class of the whole target is missing."""
        return self.known is None or len(self.found) == len(self.known)

    @property
    def starts_with_codes(self) -> bool:
        """Whether the classifier as a whole is given codes first; else labels, or codes to some parts."""
        watches_codes = self.watched is not None and (
            bool(self.coded) or needs_encoded_labels(self.estimator)
        )
        return "" in self.coded or watches_codes or (bool(self.coded) and self.are_codes)

    def fit_first(self) -> Any:
        """Fit on what the library is known to take, or codes."""
        if self.starts_with_codes:
            try:
                return self._fit_on_codes(self.estimator)
            except Exception as error:
                if not self.are_codes:
                    error.add_note(
                        f"It was fitted on codes in place of the labels ({format_list(self.found)})."
                    )
                raise
        if self.coded:
            params = self.estimator.get_params(deep=True)
            self.estimator.set_params(**{name: LabelEncodedClassifier(params[name]) for name in self.coded})
        return fit(self.estimator, self.X, self.y, self.fit_params, self.watched)

    def fit_second(self) -> Any:
        """Fit a copy on labels as they are or codes, whichever was not first; None where that fails too."""
        try:
            other = unfitted_copy(self.estimator)
            if self.starts_with_codes:
                return fit(other, self.X, self.y, self.fit_params, self.watched)
            return self._fit_on_codes(other)
        except Exception as error:
            if is_readonly_error(error):
                raise
            return None  # the first error is the one to hear

    def _fit_on_codes(self, estimator: Any) -> Any:
        """Fit on codes; a classifier that has codes already is wrapped where it does not say its classes."""
        if not (self.are_codes and self.are_all):
            wrapper = LabelEncodedClassifier(estimator)
            return wrapper.fit_codes(self.X, self.y, self.fit_params, self.watched, self.known)
        fit(estimator, self.X, self.y, self.fit_params, self.watched)
        if not self.coded or _speaks_as_expected(estimator, self.found):
            return estimator
        return LabelEncodedClassifier(estimator).learn_classes(self.X, self.found)


def _speaks_as_expected(fitted: Any, classes: Labels) -> bool:
    """Whether a classifier is tagged as one and names its classes: others may predict a column per class."""
    own = getattr(fitted, "classes_", None)
    if isinstance(own, np.ndarray) and own.dtype == classes.dtype:  # most often, and ten times quicker
        names_them = own.tolist() == classes.tolist()
    else:
        names_them = classes_in(own) == classes.tolist()
    if not names_them:
        return False
    tags = tags_of(fitted)
    return tags is not None and tags.estimator_type == "classifier"


def _gets_codes(part: Any) -> bool:
    if not hasattr(part, "fit") or not hasattr(part, "predict") or isinstance(part, type):
        return False
    return not _takes_any_labels(part) and is_classifier(part)


def _takes_any_labels(estimator: Any) -> bool:
    home = _home_of(estimator)
    return _library_in(home) in TAKES_ANY_LABELS and not home.startswith(TAKES_NO_NEGATIVE)


def _is_handed_on(name: str, owners: Mapping[str, Any]) -> bool:
    """Whether all that a part stands in hands labels on: the estimator, and the parts between."""
    steps = name.split("__")
    around = [owners.get("__".join(steps[:depth])) for depth in range(len(steps))]
    found = [each for each in around if each is not None]
    frozen = any(isinstance(each, FrozenEstimator) for each in found)
    return not frozen and all(_library_in(_home_of(each)) in HANDS_ON for each in found)


def _library_in(home: str) -> str:
    return home.partition(".")[0]


def _home_of(estimator: Any) -> str:
    """Return the module whose code an estimator runs: that of the first class with such a method."""
    kinds = type(estimator).__mro__  # a combiner derived from one of stackit is one
    if any(kind.__module__.startswith("stackit.") for kind in kinds):
        return "stackit"
    for kind in kinds:
        if METHODS & vars(kind).keys():
            return str(kind.__module__)
    return str(type(estimator).__module__)
