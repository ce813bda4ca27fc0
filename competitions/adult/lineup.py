"""The base estimators of the stack of adults, and its final estimators."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from competitions.adult.features import CATEGORIES, indicators, ordinal
from stackit.combine import ConvexClassifier, LogisticClassifier, MeanClassifier
from stackit.validation import import_optional

__all__ = ["base_estimators", "final_estimators"]


def base_estimators(quick: bool = False) -> list[tuple[str, Any]]:
    """Return the named base estimators: from described adults to the chance of a high income.

    Parameters
    ----------
    quick : bool, default=False
        Whether only those come that are fitted in a moment.
    """
    logistic = make_pipeline(indicators(), LogisticRegression(C=0.3, max_iter=500))
    if quick:
        return [("logistic", logistic), ("forest", forest(30)), ("xgboost", xg_boost(50))]
    return [
        ("logistic", logistic),
        ("forest", forest()),
        ("extra_trees", extra_trees()),
        ("xgboost", xg_boost()),
        ("lightgbm", light_gbm()),
        ("catboost", cat_boost()),
        ("net", net()),
    ]


def forest(n_estimators: int = 300) -> Any:
    """Return trees with leaves of several adults: the shares of classes in them are chances."""
    trees = RandomForestClassifier(
        n_estimators, min_samples_leaf=3, max_features=0.3, random_state=0, n_jobs=1
    )
    return make_pipeline(ordinal(), trees)


def extra_trees() -> Any:
    """Return trees with random cuts through indicators."""
    trees = ExtraTreesClassifier(200, min_samples_leaf=3, max_features=0.3, random_state=0, n_jobs=1)
    return make_pipeline(indicators(), trees)


def xg_boost(n_estimators: int = 800) -> Any:
    """Return boosted trees on numbered categories."""
    trees = import_optional("xgboost", "boost").XGBClassifier(
        n_estimators=n_estimators,
        learning_rate=0.04,
        max_depth=5,
        min_child_weight=5,
        subsample=0.8,
        colsample_bytree=0.5,
        random_state=0,
        n_jobs=1,
    )
    return make_pipeline(ordinal(), trees)


def light_gbm() -> Any:
    """Return boosted trees that grow where it pays most."""
    trees = import_optional("lightgbm", "boost").LGBMClassifier(
        n_estimators=700,
        learning_rate=0.03,
        num_leaves=24,
        min_child_samples=20,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.4,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    return make_pipeline(ordinal(), trees)


def cat_boost() -> Any:
    """Return boosted symmetric trees that encode categories by the rows before each in a random order."""
    return import_optional("catboost", "boost").CatBoostClassifier(
        iterations=700,
        learning_rate=0.06,
        depth=6,
        cat_features=tuple(CATEGORIES),  # a list cannot be cloned
        random_seed=0,
        thread_count=1,
        verbose=0,
        allow_writing_files=False,
    )


def net() -> Any:
    """Return a net with batch norm."""
    presets = import_optional("stackit.neural", "torch")
    nets = presets.modern_mlp_classifier(
        hidden_layer_sizes=(64, 64), max_iter=6, batch_size=256, precision="float32", random_state=0
    )
    return make_pipeline(indicators(), nets)


def final_estimators() -> list[tuple[str, Any]]:
    """Return the plain average, weights of least log loss, and logistic regression, which is the stack."""
    return [
        ("plain average", MeanClassifier()),
        ("convex", ConvexClassifier()),
        ("stack", LogisticClassifier()),
    ]
