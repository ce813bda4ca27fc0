"""Classifiers that refuse the labels they are given: translated for, or stood in for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.metaestimators import available_if

from stackit.check import n_rows, wants_to_write
from stackit.stopping import Watched, fit, wants_codes

__all__ = ["ContiguousLabels", "OneClass", "fit_classifier"]


class ContiguousLabels(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Gives labels 0, 1, 2, ... to a classifier that takes no others, and translates its answers back.

    Whatever else is asked of it (``feature_importances_``, ``get_booster``) is asked of the classifier.

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
    >>> tree = ContiguousLabels(DecisionTreeClassifier()).fit([[0], [1]], ["no", "yes"])
    >>> tree.predict([[1]]).tolist(), tree.estimator.classes_.tolist(), tree.feature_importances_.tolist()
    (['yes'], [0, 1], [1.0])
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any, watched: Watched | None = None, **fit_params: Any) -> ContiguousLabels:
        """Fit the classifier on the positions of the labels; so are those of watched rows."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if watched is not None:
            watched = replace(watched, y=np.searchsorted(self.classes_, watched.y))
        fit(self.estimator, X, codes, fit_params, watched)
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the (n,) labels."""
        codes: npt.NDArray[Any] = self.classes_[np.asarray(self.estimator.predict(X), dtype=np.intp)]
        return codes

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Return the (n, n_classes) probabilities."""
        return self.estimator.predict_proba(X)

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Return the decision values, as the classifier gives them."""
        return self.estimator.decision_function(X)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "estimator" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.estimator, name)


class OneClass(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Stands in for a classifier that cannot be trained on the one class that a training part has.

    Attributes
    ----------
    classes_ : (1,) array
        The class, which gets probability 1 and all votes; decisions are 0.

    Examples
    --------
    >>> OneClass().fit([[0], [1]], ["no", "no"]).predict([[5]]).tolist()
    ['no']
    """

    def fit(self, X: Any, y: Any) -> OneClass:
        """Remember the class."""
        self.classes_ = np.unique(np.asarray(y))
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the (n,) labels."""
        return np.repeat(self.classes_, n_rows(X))

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the (n, 1) probabilities."""
        return np.ones((n_rows(X), 1))

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the (n,) decisions."""
        return np.zeros(n_rows(X))


def fit_classifier(
    estimator: Any,
    X: Any,
    y: npt.NDArray[Any],
    fit_params: dict[str, Any],
    watched: Watched | None = None,
) -> Any:
    """Fit a classifier in place on labels as they are; where it refuses them, translate or stand in.

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

    Returns
    -------
    estimator, ContiguousLabels or OneClass
        Fitted.
    """
    if watched is not None and wants_codes(estimator) and not _are_codes(np.unique(y)):
        return ContiguousLabels(estimator).fit(X, y, watched, **fit_params)
    try:
        return fit(estimator, X, y, fit_params, watched)
    except (TypeError, ValueError) as refusal:
        found = np.unique(y)
        if wants_to_write(refusal):
            raise
        if len(found) == 1:
            return OneClass().fit(X, y)
        if _are_codes(found):
            raise
        # What is wrong now, where labels are not, is what the user must hear first.
        return ContiguousLabels(clone(estimator)).fit(X, y, watched, **fit_params)


def _are_codes(found: npt.NDArray[Any]) -> bool:
    return np.issubdtype(found.dtype, np.integer) and bool((found == np.arange(len(found))).all())
