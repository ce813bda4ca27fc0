"""Scores of predictions that exist already, by any scikit-learn scorer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer, log_loss, make_scorer
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils.metaestimators import available_if

from stackit.arrays import Floats
from stackit.estimators.prediction import PredictionSpec, pairwise_votes
from stackit.target import Target
from stackit.validation import invalid_value

__all__ = ["PrecomputedEstimator", "score_predictions", "scorer_of"]

Scoring = Any


def score_predictions(
    target: Target,
    rows: npt.NDArray[np.intp],
    prediction: Floats,
    spec: PredictionSpec,
    scoring: Scoring = None,
    sample_weight: Any = None,
) -> float:
    """Score an estimator's predictions of some rows.

    Parameters
    ----------
    target : Target
        The true values of all rows.
    rows : (n_rows,) array of int
        Which rows are predicted.
    prediction : (n_rows, width) array
        Their predictions.
    spec : PredictionSpec
        How they were made.
    scoring : str, callable or None
        A scikit-learn scorer or its name; None is accuracy for classes and R2 for numbers.
    sample_weight : (n,) array, optional
        The weights of all rows.

    Returns
    -------
    float
        Higher is better, as with all scikit-learn scorers.

    Raises
    ------
    ValueError
        When the scorer needs probabilities and the predictions are none; when no row has a weight.
    """
    estimator, scorer = PrecomputedEstimator(spec), scorer_of(scoring, target)
    # A scorer may be any function of the user's: it gets a copy, which it may change.
    truth, prediction = target.y[rows], np.array(prediction)
    if sample_weight is None:
        return float(scorer(estimator, prediction, truth))
    weights = np.asarray(sample_weight)[rows]
    if not weights.any():
        raise ValueError("all of some fold's held-out rows have the weight 0")
    try:
        return float(scorer(estimator, prediction, truth, sample_weight=weights))
    except TypeError as refusal:
        if "sample_weight" not in str(refusal):
            raise
        return float(scorer(estimator, prediction, truth))


def scorer_of(scoring: Scoring, target: Target) -> Any:
    """Return the scikit-learn scorer that is meant.

    Parameters
    ----------
    scoring : str, callable or None
        A scorer or its name; None is accuracy for classes and R2 for numbers.
    target : Target
        What is predicted.

    Raises
    ------
    ValueError
        When there is no scorer of that name.

    Examples
    --------
    >>> from stackit.target import regression_target
    >>> scorer_of("best", regression_target([1.0, 2.0]))
    Traceback (most recent call last):
        ...
    ValueError: scoring must be the name of a scikit-learn scorer, a scorer or None; got ...
    """
    if scoring == "neg_log_loss" and target.kind in ("binary", "multiclass"):
        # A fold may lack a class; log loss must know all the same which column is whose.
        return make_scorer(
            log_loss, greater_is_better=False, response_method="predict_proba", labels=target.classes
        )
    if callable(scoring) and str(getattr(scoring, "__module__", "")).startswith("sklearn.metrics._"):
        if not hasattr(scoring, "_score_func"):
            raise invalid_value(
                "scoring",
                "a scorer",
                f"the metric {scoring.__name__}",
                "Pass sklearn.metrics.make_scorer of it",
            )
    try:
        return get_scorer(scoring or ("accuracy" if target.is_classification else "r2"))
    except ValueError as error:
        raise invalid_value(
            "scoring",
            "the name of a scikit-learn scorer, a scorer or None",
            f"{scoring=}",
            "See sklearn.metrics.get_scorer_names()",
        ) from error


class PrecomputedEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that gives back an answer that exists already: X is the answer.

    With it any scikit-learn scorer judges stored predictions.

    Parameters
    ----------
    spec : PredictionSpec
        How the prediction was made.
    """

    def __init__(self, spec: PredictionSpec) -> None:
        self.spec = spec

    @property
    def classifies(self) -> bool:
        """Whether the target has classes."""
        return self.spec.target_type.is_classification

    @property
    def classes_(self) -> Any:
        """The classes of the whole y; for multilabel targets a list, those of each label."""
        target = self.spec.target_type
        return [target.classes for _ in target.outputs] if target.kind == "multilabel" else target.classes

    def fit(self, X: Any, y: Any = None) -> PrecomputedEstimator:
        """Do nothing: the predictions exist."""
        return self

    def predict(self, X: Floats) -> npt.NDArray[Any]:
        """Return the labels, or numbers, that an answer stands for."""
        kind, target = self.spec.kind, self.spec.target_type
        if not target.is_classification:
            return X[:, 0] if target.kind == "regression" else X
        if target.kind == "multilabel":
            return (X > (0.0 if kind == "decision" else 0.5)).astype(np.intp)
        if X.shape[1] == 1 and kind == "decision":
            codes = (X[:, 0] > 0).astype(np.intp)
        elif kind == "pairwise":
            codes = pairwise_votes(X, len(target.classes)).argmax(axis=1)
        elif kind == "number":
            codes = np.rint(X[:, 0]).clip(0, len(target.classes) - 1).astype(np.intp)
        else:
            codes = X.argmax(axis=1)
        return np.asarray(target.classes[codes])

    @available_if(lambda self: self.spec.kind == "probability")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Floats) -> Floats:
        """Return the (n, n_classes) probabilities."""
        return X

    @available_if(lambda self: self.spec.kind == "decision")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Floats) -> Floats:
        """Return the decision values, one column as a vector."""
        return X[:, 0] if X.shape[1] == 1 else X

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier" if self.classifies else "regressor"
        if self.classifies:
            tags.classifier_tags = ClassifierTags()
        else:
            tags.regressor_tags = RegressorTags()
        return tags
