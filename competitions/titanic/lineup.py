"""The base estimators of the Titanic stack, of different kinds on purpose, and its final estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from competitions.titanic.features import preprocessing
from competitions.titanic.rule import women_and_boys
from stackit.validation import import_optional


def base_estimators() -> list[tuple[str, Any]]:
    """Return the named base estimators: pipelines from described passengers to a chance of survival."""
    return [
        ("women_and_boys", women_and_boys()),
        ("neighbors", make_pipeline(preprocessing(), KNeighborsClassifier(n_neighbors=21))),
        ("logistic", make_pipeline(preprocessing(more=True), LogisticRegression(C=0.3, max_iter=1000))),
        ("svm", support_vectors()),
        ("forest", make_pipeline(preprocessing(), random_forest())),
        ("extra_trees", make_pipeline(preprocessing(), extra_trees())),
        ("adaboost", make_pipeline(preprocessing(), ada_boost())),
        ("gradient_boosting", make_pipeline(preprocessing(more=True), gradient_boosting())),
        ("xgboost", make_pipeline(preprocessing(more=True), xg_boost())),
    ]


def support_vectors() -> CalibratedClassifierCV:
    """Return a support vector machine with margins calibrated to probabilities.

    The whole pipeline is calibrated, not its last step, so that the rows that calibrate are new to the group
    statistics as well.
    """
    return CalibratedClassifierCV(make_pipeline(preprocessing(), SVC(C=2.0, gamma=0.02)), ensemble=False)


def random_forest() -> RandomForestClassifier:
    """Return a forest with leaves of five passengers: pure leaves memorise single fates."""
    return RandomForestClassifier(300, min_samples_leaf=5, random_state=0, n_jobs=1)


def extra_trees() -> ExtraTreesClassifier:
    """Return trees with random cuts; being rougher already, they need smaller leaves than the forest."""
    return ExtraTreesClassifier(300, min_samples_leaf=3, random_state=0, n_jobs=1)


def ada_boost() -> AdaBoostClassifier:
    """Return boosted stumps: one question a round."""
    return AdaBoostClassifier(
        DecisionTreeClassifier(max_depth=1), n_estimators=100, learning_rate=0.5, random_state=0
    )


def gradient_boosting() -> GradientBoostingClassifier:
    """Return boosted small trees, each on some of the rows and columns, so that no single passenger leads."""
    return GradientBoostingClassifier(
        n_estimators=200,
        learning_rate=0.05,
        max_depth=3,
        min_samples_leaf=5,
        max_features=0.5,
        subsample=0.7,
        random_state=0,
    )


def xg_boost() -> ClassifierMixin:
    """Return boosted small trees of another make, shrunk by second-order regularisation."""
    return import_optional("xgboost", "boost").XGBClassifier(
        n_estimators=150,
        learning_rate=0.05,
        max_depth=3,
        min_child_weight=3,
        subsample=0.8,
        colsample_bytree=0.6,
        random_state=0,
        n_jobs=1,
    )


def final_estimator() -> GridSearchCV:
    """Return a logistic regression on the meta-features, as regularised as cross-validation allows."""
    return GridSearchCV(
        LogisticRegression(max_iter=1000),
        {"C": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]},
        scoring="neg_log_loss",
        cv=StratifiedKFold(10, shuffle=True, random_state=0),
        refit=most_regularised,
    )


def most_regularised(results: Mapping[str, Any]) -> int:
    """Return the index of the smallest C that scores within one standard error of the best.

    The estimators agree on most passengers, so the best C is the best by luck, and a large one stakes the
    passengers on which they disagree on small differences between them.
    """
    scores = np.array([scores for key, scores in results.items() if key.startswith("split")])
    means = scores.mean(axis=0)
    standard_error = scores[:, means.argmax()].std(ddof=1) / np.sqrt(len(scores))
    return int(np.flatnonzero(means >= means.max() - standard_error)[0])
