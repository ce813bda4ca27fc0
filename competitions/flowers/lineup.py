"""The base estimators for codes, of different kinds on purpose, and the final estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from stackit.neural import BatchNormMLPClassifier
from stackit.validation import import_optional

__all__ = [
    "DECISIONS",
    "HEAD",
    "STRENGTHS",
    "base_estimators",
    "comparable",
    "final_estimator",
    "probabilities",
]

HEAD = "mlp"
"""The one that the notes have on top of their network, and nothing else."""
DECISIONS = ("ridge", "svm")
"""Those that give distances to their boundaries, and no probabilities."""
STRENGTHS = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
"""What the final estimator's C may be."""


def base_estimators(network: str) -> list[tuple[str, Any]]:
    """Return the seven base estimators for the codes of one network, named ``<network>/<estimator>``."""
    estimators = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=300)),
        "ridge": make_pipeline(StandardScaler(), RidgeClassifier(alpha=3e3)),
        "lda": LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5),
        "svm": SVC(C=3.0),
        # The directions of codes say more than their lengths.
        "neighbors": KNeighborsClassifier(15, weights="distance", metric="cosine"),
        "xgboost": boosted(),
        HEAD: head(),
    }
    return [(f"{network}/{name}", estimator) for name, estimator in estimators.items()]


def boosted() -> Any:
    """Return boosted trees that each see a tenth of the columns: codes say everything several times."""
    return import_optional("xgboost", "boost").XGBClassifier(
        n_estimators=100,
        learning_rate=0.15,
        max_depth=4,
        subsample=0.7,
        colsample_bytree=0.1,
        max_bin=64,
        random_state=0,
        n_jobs=1,
    )


def head() -> BatchNormMLPClassifier:
    """Return the head of the notes, 256 units and Adam at 1e-3 in ten batches an epoch, with batch norm."""
    return BatchNormMLPClassifier(
        (256,),
        max_iter=10,
        batch_size=293,
        learning_rate="constant",
        learning_rate_init=1e-3,
        alpha=0.0,
        precision="float32",
        device="cpu",
        random_state=0,
    )


def final_estimator() -> Pipeline:
    """Return a logistic regression on what all base estimators say, on one scale.

    Its strength is chosen by three folds of the rows that it learns from, so that no row that it predicts
    about has a say in it.
    """
    chosen = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        {"logisticregression__C": STRENGTHS},
        scoring="neg_log_loss",
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
    )
    return make_pipeline(FunctionTransformer(comparable), chosen)


def comparable(meta: pd.DataFrame) -> pd.DataFrame:
    """Return meta-features with the logarithms of probabilities; distances stay as they are."""
    logarithms = np.log(meta.clip(lower=1e-4))
    given = [_of(column) in DECISIONS for column in meta]
    return meta.where(np.broadcast_to(given, meta.shape), logarithms)


def probabilities(meta: pd.DataFrame) -> pd.DataFrame:
    """Return the meta-features that are probabilities, and so can be averaged."""
    return meta[[column for column in meta if _of(column) not in DECISIONS]]


def _of(column: str) -> str:
    """The estimator in ``<network>/<estimator>__<class>``."""
    return column.rpartition("/")[2].partition("__")[0]
