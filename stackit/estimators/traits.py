"""What an estimator predicts, classes or numbers: the one rule, for estimators of any library."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags

from stackit.estimators.named_estimators import NamedEstimators
from stackit.validation import invalid_value

__all__ = ["classifiers_among", "estimator_type", "is_classifier", "is_regressor", "tags_of"]

MIXINS = {"classifier": ClassifierMixin, "regressor": RegressorMixin}


def is_classifier(estimator: Any, name: str | None = None) -> bool:
    """Whether an estimator predicts classes, by the rule of `estimator_type`.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    name : str, optional
        Its name in the line-up, for the error.

    Raises
    ------
    ValueError
        When it cannot be told.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression, Ridge
    >>> is_classifier(LogisticRegression()), is_classifier(Ridge())
    (True, False)
    """
    return estimator_type(estimator, name) == "classifier"


def is_regressor(estimator: Any, name: str | None = None) -> bool:
    """Whether an estimator predicts numbers, by the rule of `estimator_type`.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression, Ridge
    >>> is_regressor(LogisticRegression()), is_regressor(Ridge())
    (False, True)
    """
    return estimator_type(estimator, name) == "regressor" and hasattr(estimator, "predict")


def classifiers_among(estimators: NamedEstimators, passes_over: bool = False) -> list[str]:
    """Return the names of those estimators that predict classes.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The line-up.
    passes_over : bool
        Whether one of which it cannot be told is passed over: somebody else will say so.

    Raises
    ------
    ValueError
        When it cannot be told of one, which is named.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression, Ridge
    >>> classifiers_among([("lr", LogisticRegression()), ("ridge", Ridge())])
    ['lr']
    """
    found = []
    for name, estimator in estimators:
        try:
            if is_classifier(estimator, name):
                found.append(name)
        except ValueError:
            if not passes_over:
                raise
    return found


def estimator_type(estimator: Any, name: str | None = None) -> str:
    """Return what an estimator is: "classifier", "regressor", or another of scikit-learn's types.

    Its scikit-learn tags count first. An estimator without a type of its own that has ``predict_proba`` or
    ``decision_function`` is a classifier, as many are of libraries that do not set tags; any other is a
    regressor. Where tags cannot be read, the classes that it inherits from and what it wraps are asked
    before it is given up.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    name : str, optional
        Its name in the line-up, for the error.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        When its tags cannot be read and nothing else tells.

    Examples
    --------
    >>> class Ordinal:
    ...     def fit(self, X, y): ...
    ...     def predict(self, X): ...
    ...     def predict_proba(self, X): ...
    >>> estimator_type(Ordinal())
    'classifier'
    >>> class Silent:
    ...     def fit(self, X, y): ...
    ...     def predict(self, X): ...
    >>> estimator_type(Silent(), "silent")
    Traceback (most recent call last):
        ...
    ValueError: Estimator 'silent' must be known as a classifier or as a regressor; got Silent, ...
    """
    tags = tags_of(estimator)
    own = _inherited_type(estimator) if tags is None else tags.estimator_type
    if own is not None:
        return own
    if hasattr(estimator, "predict_proba") or hasattr(estimator, "decision_function"):
        return "classifier"
    if isinstance(estimator, Pipeline):
        return estimator_type(estimator.steps[-1][1], name)
    if tags is not None:
        return "regressor"
    wrapped = getattr(estimator, "estimator", None)
    if hasattr(wrapped, "fit"):
        return estimator_type(wrapped, name)
    raise invalid_value(
        "An estimator" if name is None else f"Estimator {name!r}",
        "known as a classifier or as a regressor",
        f"{type(estimator).__name__}, whose scikit-learn tags cannot be read",
        "Let its class inherit from ClassifierMixin or RegressorMixin, and BaseEstimator, of sklearn.base",
    )


def tags_of(estimator: Any) -> Tags | None:
    """Return an estimator's scikit-learn tags, or None where they cannot be read.

    Some libraries inherit from scikit-learn's mixins alone, and reading tags raises.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> tags_of(Ridge()).estimator_type, tags_of(RegressorMixin())
    ('regressor', None)
    """
    try:
        tags: Tags = estimator.__sklearn_tags__()
    except Exception:  # noqa: BLE001 - it is foreign code, and may raise anything
        return None
    return tags


def _inherited_type(estimator: Any) -> str | None:
    """Return the type that an estimator's mixins give it, or scikit-learn's old attribute."""
    for kind, mixin in MIXINS.items():
        if isinstance(estimator, mixin):
            return kind
    known = getattr(estimator, "_estimator_type", None)
    return known if isinstance(known, str) else None
