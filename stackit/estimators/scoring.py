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
from stackit.target import Target, TargetType

__all__ = ["PrecomputedEstimator", "score_predictions", "scorer_of"]

Scoring = Any


def score_predictions(
    target: Target,
    rows: npt.NDArray[np.intp],
    prediction: Floats,
    spec: PredictionSpec,
    scoring: Scoring = None,
    sample_weight: npt.NDArray[Any] | None = None,
) -> float:
    """Return the score of the (n_rows, width) predictions of some rows; higher is better.

    The weights are those of all rows; scorers that do not accept weights ignore them.
    """
    estimator, scorer = PrecomputedEstimator(spec), scorer_of(scoring, target)
    # A scorer may be any function of the user's: it gets a copy, which it may change.
    truth, prediction = target.y[rows], np.array(prediction)
    if sample_weight is not None:
        weights = sample_weight[rows]
        if not weights.any():
            raise ValueError("all held-out rows of a fold have the weight 0")
        try:
            return float(scorer(estimator, prediction, truth, sample_weight=weights))
        except TypeError as error:
            if "sample_weight" not in str(error):
                raise
    return float(scorer(estimator, prediction, truth))


def scorer_of(scoring: Scoring, target: TargetType) -> Any:
    """Return a scikit-learn scorer, given it or its name; None is accuracy for classes and R2 for numbers."""
    if scoring == "neg_log_loss" and target.kind in ("binary", "multiclass"):
        # A fold may lack a class; log loss must still know the class of each column.
        return make_scorer(
            log_loss, greater_is_better=False, response_method="predict_proba", labels=target.classes
        )
    if callable(scoring) and str(getattr(scoring, "__module__", "")).startswith("sklearn.metrics._"):
        if not hasattr(scoring, "_score_func"):
            raise ValueError(
                f"scoring must be a scorer; got the metric {scoring.__name__}. "
                f"Pass sklearn.metrics.make_scorer({scoring.__name__})."
            )
    try:
        return get_scorer(scoring or ("accuracy" if target.is_classification else "r2"))
    except ValueError as error:
        raise ValueError(
            f"scoring must be the name of a scikit-learn scorer, a scorer or None; got {scoring=}. "
            "The names are in sklearn.metrics.get_scorer_names()."
        ) from error


class PrecomputedEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that returns predictions which exist already: X is the prediction.

    It lets any scikit-learn scorer judge stored predictions.
    """

    def __init__(self, spec: PredictionSpec) -> None:
        self.spec = spec

    @property
    def classes_(self) -> Any:
        """The classes of the whole y; for multilabel targets a list, those of each label."""
        target = self.spec.target_type
        return [target.classes for _ in target.outputs] if target.kind == "multilabel" else target.classes

    def fit(self, X: Any, y: Any = None) -> PrecomputedEstimator:
        """Do nothing: the predictions exist."""
        return self

    def predict(self, X: Floats) -> npt.NDArray[Any]:
        """Return the labels or numbers of a prediction."""
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
        if self.spec.target_type.is_classification:
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags
