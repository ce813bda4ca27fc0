"""The base estimators of the stack of hospital stays, and its final estimators."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from competitions.diabetes_hospital.features import fates, indicators, ordinal
from stackit.combine import ConvexClassifier, MeanClassifier
from stackit.validation import import_optional

__all__ = ["base_estimators", "final_estimators"]


def base_estimators(quick: bool = False) -> list[tuple[str, Any]]:
    """Return the named base estimators: from described stays to what becomes of the patient.

    Parameters
    ----------
    quick : bool, default=False
        Whether only those come that are fitted in a moment.
    """
    logistic = make_pipeline(indicators(), LogisticRegression(C=0.1, max_iter=200))
    same_patient = make_pipeline(fates(), LogisticRegression())
    if quick:
        return [("same_patient", same_patient), ("logistic", logistic), ("forest", forest(20))]
    return [
        ("same_patient", same_patient),
        ("logistic", logistic),
        ("forest", forest()),
        ("xgboost", xg_boost()),
        ("xgboost_with_fates", xg_boost(with_fates=True)),
        ("net", net()),
    ]


def forest(n_estimators: int = 60) -> Any:
    """Return trees that are grown so far that they know single patients again."""
    trees = RandomForestClassifier(
        n_estimators, min_samples_leaf=3, max_features=0.25, random_state=0, n_jobs=1
    )
    return make_pipeline(ordinal(), trees)


def xg_boost(with_fates: bool = False) -> Any:
    """Return boosted trees that stop early, by stays of the training part that they were not fitted on.

    Parameters
    ----------
    with_fates : bool, default=False
        Whether they see how other stays of the same patient ended.
    """
    trees = import_optional("xgboost", "boost").XGBClassifier(
        n_estimators=300,
        learning_rate=0.15,
        max_depth=6,
        min_child_weight=10,
        subsample=0.8,
        colsample_bytree=0.5,
        early_stopping_rounds=15,
        random_state=0,
        n_jobs=1,
    )
    return make_pipeline(ordinal(with_fates), trees)


def net() -> Any:
    """Return a net with batch norm."""
    presets = import_optional("stackit.neural", "torch")
    return make_pipeline(
        indicators(),
        presets.modern_mlp_classifier(
            hidden_layer_sizes=(64, 64), max_iter=3, batch_size=512, random_state=0
        ),
    )


def final_estimators() -> list[tuple[str, Any]]:
    """Return the plain average, and the weighted average with the least log loss, which is the stack."""
    return [("plain average", MeanClassifier()), ("stack", ConvexClassifier())]
