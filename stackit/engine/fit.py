"""Fit one estimator on some rows: labels as its library takes them, metadata, rows for early stopping."""

from __future__ import annotations

from typing import Any

from stackit.arrays import Rows, num_samples, safe_index
from stackit.estimators.early_stopping import ValidationSet, fit_with_validation
from stackit.estimators.inner_groups import pass_groups, remove_groups
from stackit.estimators.label_encoding.fitting import LabelledFit
from stackit.estimators.label_encoding.wrappers import LabelEncodedClassifier
from stackit.estimators.metadata_routing import INNER_GROUPS, FitParams, index_fit_params
from stackit.estimators.traits import EstimatorTraits, inspect_estimator
from stackit.target import Target

__all__ = ["fit_estimator"]


def fit_estimator(
    estimator: Any,
    X: Any,
    target: Target,
    rows: Rows,
    fit_params: FitParams,
    validation: tuple[Any, Rows] | None = None,
    traits: EstimatorTraits | None = None,
) -> Any:
    """Fit an estimator in place and return it, or what replaces it where it cannot take the labels.

    Classifiers get the labels, regressors the class positions. ``X`` holds the training rows alone, of which
    ``rows`` are the positions in the whole target; fit parameters with a value per row of the target are cut
    to them. ``validation`` is the table and the positions of the rows that stop the fit early.
    """
    traits = inspect_estimator(estimator) if traits is None else traits
    values = target.y if traits.is_classifier else target.codes
    n = num_samples(values)
    y, params = safe_index(values, rows), index_fit_params(fit_params, rows, n)
    groups = params.pop(INNER_GROUPS, None)
    if groups is not None:
        pass_groups(estimator, groups)
    validation_set = None if validation is None else _validation_set(values, fit_params, *validation)
    labelled, learner = None, estimator
    if traits.is_classifier and target.kind != "multilabel":
        labelled = LabelledFit(estimator, X, y, params, validation_set, traits.encoded_parts, target, rows)
    try:
        if labelled is not None:
            learner = labelled.learner()
        if isinstance(learner, LabelEncodedClassifier):
            learner.fit_codes(X, y, params, validation_set, target.classes)
        elif validation_set is not None:
            fit_with_validation(learner, X, y, params, validation_set)
        else:
            learner.fit(X, y, **params)  # what fit returns is not always the estimator
        if labelled is not None:
            learner = labelled.checked(learner)
    except Exception as error:
        if labelled is None:
            raise
        learner = labelled.recover(error)
    if groups is not None:
        remove_groups(learner)
    return learner


def _validation_set(values: Any, fit_params: FitParams, X: Any, rows: Rows) -> ValidationSet:
    return ValidationSet(X, safe_index(values, rows), index_fit_params(fit_params, rows, num_samples(values)))
