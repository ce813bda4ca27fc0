"""Whether an estimator of any library is a classifier or a regressor."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags

from stackit.estimators.named_estimators import NamedEstimators

__all__ = ["classifiers_among", "estimator_type", "is_classifier", "is_regressor", "tags_of"]

MIXINS = {"classifier": ClassifierMixin, "regressor": RegressorMixin}


def is_classifier(estimator: Any, name: str | None = None) -> bool:
    """Whether an estimator predicts classes, by the rule of `estimator_type`."""
    return estimator_type(estimator, name) == "classifier"


def is_regressor(estimator: Any, name: str | None = None) -> bool:
    """Whether an estimator predicts numbers, by the rule of `estimator_type`."""
    return estimator_type(estimator, name) == "regressor" and hasattr(estimator, "predict")


def classifiers_among(estimators: NamedEstimators, skip_unknown: bool = False) -> list[str]:
    """Return the names of the estimators that are classifiers.

    With `skip_unknown`, estimators of unknown type are skipped instead of raising an error that names one.
    """
    found = []
    for name, estimator in estimators:
        try:
            if is_classifier(estimator, name):
                found.append(name)
        except ValueError:
            if not skip_unknown:
                raise
    return found


def estimator_type(estimator: Any, name: str | None = None) -> str:
    """Return the type of an estimator: "classifier", "regressor", or another of scikit-learn's types.

    Its scikit-learn tags count first. An estimator that has no type but has ``predict_proba`` or
    ``decision_function`` is a classifier, since many libraries do not set tags; any other is a regressor.
    Where tags cannot be read, its mixins and the estimator that it wraps decide. `name` names the estimator
    in the error.
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
    named = "An estimator" if name is None else f"Estimator {name!r}"
    raise ValueError(
        f"{named} is neither known as a classifier nor as a regressor: the scikit-learn tags of "
        f"{type(estimator).__name__} cannot be read. Let its class inherit from ClassifierMixin or "
        "RegressorMixin, and from BaseEstimator, of sklearn.base."
    )


def tags_of(estimator: Any) -> Tags | None:
    """Return an estimator's scikit-learn tags, or None where they cannot be read.

    Reading tags raises where a library inherits from scikit-learn's mixins alone.
    """
    try:
        tags: Tags = estimator.__sklearn_tags__()
    except Exception:  # noqa: BLE001 - code of another library may raise anything
        return None
    return tags


def _inherited_type(estimator: Any) -> str | None:
    """Return the type by an estimator's mixins, or by scikit-learn's old attribute."""
    for kind, mixin in MIXINS.items():
        if isinstance(estimator, mixin):
            return kind
    known = getattr(estimator, "_estimator_type", None)
    return known if isinstance(known, str) else None
