"""Line-ups of pipelines, timed as they are and as pipelines that stackit fits whole, fold by fold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from competitions.data import find
from stackit import out_of_fold
from stackit.neural import BatchNormMLPClassifier

Table = tuple[Any, Any]


class WholePipeline(Pipeline):
    """A pipeline that stackit does not look into, because it is not exactly scikit-learn's."""


@dataclass(frozen=True)
class PreparationWorkload:
    """A table, the first step of all pipelines, and the last step of each."""

    table: Callable[[], Table]
    prepare: Callable[[], Any]
    models: Callable[[], list[Any]]
    n_splits: int
    rounds: int

    def run(self, kind: type[Pipeline], X: Any, y: Any) -> Any:
        """Return the out-of-fold run of all pipelines."""
        line_up = [
            (f"member {at}", kind([("prepare", self.prepare()), ("model", model)]))
            for at, model in enumerate(self.models())  # with equal names, on which seeds depend
        ]
        return out_of_fold(line_up, X, y, X[: len(X) // 5], cv=self.n_splits, n_jobs=1)


def adult() -> Table:
    """The first 10 000 rows of Adult, raw: 6 numbers and 8 categories."""
    folder = find("adult", ["adult-train.csv.gz"], "the UCI repository")
    options = {"header": None, "nrows": 10_000, "skipinitialspace": True}
    frame = pd.read_csv(folder / "adult-train.csv.gz", **options)
    y = frame.pop(14).to_numpy()
    return frame.rename(columns="c{}".format), y


def titanic() -> Table:
    """Titanic with its gaps: 5 numbers and 2 categories."""
    folder = find("titanic", ["train.csv"], "Kaggle's page of the Titanic competition")
    frame = pd.read_csv(folder / "train.csv")
    return frame[["Pclass", "Age", "SibSp", "Parch", "Fare", "Sex", "Embarked"]], frame["Survived"].to_numpy()


def columns(means: bool = True) -> Any:
    """Medians and indicators, robust scale, one-hot columns and, with `means`, cross-fitted target means."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), RobustScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False)
    folds = KFold(5, shuffle=True, random_state=0)
    categories = make_column_selector(dtype_exclude="number")
    parts = [(numbers, make_column_selector(dtype_include="number")), (one_hot, categories)]
    return make_column_transformer(*parts, *([(TargetEncoder(cv=folds), categories)] if means else []))


def eight() -> list[Any]:
    """Cheap members."""
    trees = [DecisionTreeClassifier(max_depth=depth, random_state=0) for depth in (3, 6)]
    logistic = [LogisticRegression(C=c, max_iter=50) for c in (0.1, 1.0)]
    sgd = SGDClassifier(loss="log_loss", max_iter=5, tol=None, random_state=0)
    return [*trees, *logistic, sgd, GaussianNB(), RidgeClassifier(), LinearDiscriminantAnalysis()]


def net() -> list[Any]:
    return [BatchNormMLPClassifier((64, 32), max_iter=20, device="cpu")]


def closed_form(make: Callable[[], Any]) -> PreparationWorkload:
    """One estimator behind a scaler, the special case that is fitted by the statistics of the parts."""
    options = {"n_informative": 8, "n_classes": 3, "random_state": 0}
    table = partial(make_classification, 20_000, 60, **options)
    return PreparationWorkload(table, StandardScaler, lambda: [make()], n_splits=10, rounds=5)


WORKS = {
    "Adult, 8 members": PreparationWorkload(adult, columns, eight, n_splits=5, rounds=3),
    "Titanic, a net, K=5": PreparationWorkload(titanic, partial(columns, means=False), net, 5, rounds=5),
    "Titanic, a net, K=10": PreparationWorkload(titanic, partial(columns, means=False), net, 10, rounds=5),
    "ridge classifier behind a scaler": closed_form(RidgeClassifier),
    "shrunk discriminant behind a scaler": closed_form(
        partial(LinearDiscriminantAnalysis, solver="lsqr", shrinkage=0.1)
    ),
    "naive Bayes behind a scaler": closed_form(GaussianNB),
}


def largest_difference(one: Any, other: Any) -> float:
    """Return the largest difference between the predictions of two runs."""
    tables = [(one.meta_train, other.meta_train), (one.meta_test, other.meta_test)]
    return float(max(np.abs(a.to_numpy() - b.to_numpy()).max() for a, b in tables))
