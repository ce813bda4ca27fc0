"""The base estimators of the stack of requests, and its final estimators."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from competitions.amazon_employee_access.features import IDS, encoded, indicators, texts
from stackit.combine import ConvexClassifier, LogisticClassifier, MeanClassifier
from stackit.validation import import_optional

__all__ = ["base_estimators", "final_estimators"]


def base_estimators(quick: bool = False) -> list[tuple[str, Any]]:
    """Return the named base estimators: from described requests to the chance that access is granted.

    Parameters
    ----------
    quick : bool, default=False
        Whether only those come that are fitted in a moment.
    """
    if quick:
        return [("logistic", logistic()), ("forest", forest(10)), ("catboost", cat_boost(5))]
    return [
        ("logistic", logistic()),
        ("forest", forest()),
        ("extra_trees", extra_trees()),
        ("lightgbm", light_gbm()),
        ("xgboost", xg_boost()),
        ("catboost", cat_boost()),
    ]


def logistic() -> Any:
    """Return logistic regression on a sparse column per id and per pair of ids."""
    return make_pipeline(indicators(), LogisticRegression(C=1.0, solver="liblinear", random_state=0))


def forest(n_estimators: int = 100) -> Any:
    """Return trees on target encodings and counts, with leaves of several requests."""
    trees = RandomForestClassifier(
        n_estimators, min_samples_leaf=3, max_features=0.1, random_state=0, n_jobs=1
    )
    return make_pipeline(encoded(), trees)


def extra_trees() -> Any:
    """Return trees with random cuts through target encodings and counts."""
    trees = ExtraTreesClassifier(100, min_samples_leaf=3, max_features=0.2, random_state=0, n_jobs=1)
    return make_pipeline(encoded(), trees)


def light_gbm() -> Any:
    """Return boosted trees on target encodings and counts."""
    trees = import_optional("lightgbm", "boost").LGBMClassifier(
        n_estimators=400,
        learning_rate=0.02,
        num_leaves=16,
        min_child_samples=20,
        subsample=0.7,
        subsample_freq=1,
        colsample_bytree=0.2,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    return make_pipeline(encoded(), trees)


def xg_boost() -> Any:
    """Return boosted trees of another make, on target encodings that are shrunk more."""
    trees = import_optional("xgboost", "boost").XGBClassifier(
        n_estimators=300,
        learning_rate=0.03,
        max_depth=5,
        min_child_weight=3,
        subsample=0.7,
        colsample_bytree=0.2,
        random_state=0,
        n_jobs=1,
    )
    return make_pipeline(encoded(smooth=20.0), trees)


def cat_boost(iterations: int = 300) -> Any:
    """Return boosted symmetric trees, which encode ids and their combinations by earlier rows themselves."""
    trees = import_optional("catboost", "boost").CatBoostClassifier(
        iterations=iterations,
        learning_rate=0.1,
        depth=6,
        cat_features=tuple(IDS),  # a list cannot be cloned
        random_seed=0,
        thread_count=1,
        verbose=0,
        allow_writing_files=False,
    )
    return make_pipeline(texts(), trees)


def final_estimators() -> list[tuple[str, Any]]:
    """Return the plain average, weights of least log loss, and logistic regression, which is the stack."""
    return [
        ("plain average", MeanClassifier()),
        ("convex", ConvexClassifier()),
        ("stack", LogisticClassifier()),
    ]
