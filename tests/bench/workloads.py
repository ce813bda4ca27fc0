"""The same work for every contender: tables, estimators and folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from xgboost import XGBClassifier

from competitions.data import find

SEED = 42


@dataclass(frozen=True)
class Workload:
    """A table, a test table, and estimators; those with probabilities come first, then the others."""

    X: Any
    y: Any
    X_test: Any
    estimators: list[tuple[str, Any]]
    n_splits: int = 5

    def folds(self) -> list[tuple[Any, Any]]:
        """The splits, the same for all contenders."""
        splitter = StratifiedKFold(self.n_splits, shuffle=True, random_state=SEED)
        return list(splitter.split(np.zeros(len(self.y)), self.y))

    @property
    def with_probabilities(self) -> list[tuple[str, Any]]:
        """The estimators that give probabilities."""
        return [pair for pair in self.estimators if hasattr(pair[1], "predict_proba")]

    @property
    def without(self) -> list[tuple[str, Any]]:
        """The estimators that give none."""
        return [pair for pair in self.estimators if not hasattr(pair[1], "predict_proba")]


class NoOp(ClassifierMixin, BaseEstimator):
    """Learns nothing, at once: what is left is the engine's own time."""

    def fit(self, X: Any, y: Any) -> NoOp:
        self.classes_ = np.arange(y.max() + 1)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), dtype=np.intp)

    def predict_proba(self, X: Any) -> Any:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def titanic() -> Workload:
    """Titanic's numbers and eight cheap estimators."""
    folder = find("titanic", ["train.csv", "test.csv"], "Kaggle's page of the Titanic competition")
    train, test = (pd.read_csv(folder / name) for name in ("train.csv", "test.csv"))

    def numbers(table: pd.DataFrame) -> Any:
        columns = [table[name] for name in ("Pclass", "Age", "SibSp", "Parch", "Fare")]
        columns += [table["Sex"] == "female", table["Embarked"] == "C", table["Embarked"] == "Q"]
        return pd.concat(columns, axis=1).astype(float).fillna(-1).to_numpy()

    estimators = [
        ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
        ("bayes", GaussianNB()),
        ("knn", KNeighborsClassifier(15)),
        ("forest", RandomForestClassifier(60, random_state=0)),
        ("extra", ExtraTreesClassifier(60, random_state=0)),
        ("ada", AdaBoostClassifier(random_state=0)),
        ("xgb", XGBClassifier(n_estimators=60, max_depth=3, n_jobs=1)),
        ("svm", make_pipeline(StandardScaler(), SVC())),
    ]
    return Workload(numbers(train), train["Survived"].to_numpy(), numbers(test), estimators)


def otto(estimators: list[tuple[str, Any]] | None = None, n_splits: int = 5) -> Workload:
    """Otto, nine classes, five estimators."""
    folder = find("otto", ["train.csv.gz", "test.csv.gz"], "Kaggle's page of the Otto competition")
    train, test = (pd.read_csv(folder / name) for name in ("train.csv.gz", "test.csv.gz"))
    features = [f"feat_{number}" for number in range(1, 94)]
    five = [
        ("logistic", make_pipeline(StandardScaler(), LogisticRegression(max_iter=60, tol=1e-2))),
        ("forest", RandomForestClassifier(60, random_state=0)),
        ("xgb", XGBClassifier(n_estimators=30, n_jobs=1)),
        ("knn", make_pipeline(StandardScaler(), KNeighborsClassifier(15))),
        ("mlp", make_pipeline(StandardScaler(), MLPClassifier(128, max_iter=10, tol=10.0, random_state=0))),
    ]
    y = train["target"].str[-1].astype(int).to_numpy() - 1
    X, X_test = train[features].to_numpy(float), test[features].to_numpy(float)
    return Workload(X, y, X_test, estimators or five, n_splits)


def flowers(
    estimators: list[tuple[str, Any]],
    n_splits: int = 5,
    networks: tuple[str, ...] = ("inception_v3",),
    n: int = 2936,
    twins: bool = False,
) -> Workload:
    """The codes that published networks give to photographs of flowers, in float64.

    Three pairs of photographs are the same. Without `twins` one of each is left out, or it would be on both
    sides of folds.
    """
    files = [f"codes_{network}.npz" for network in networks]
    folder = find("flowers", [*files, "labels.csv"], "the TensorFlow flowers")
    codes = np.hstack([np.load(folder / file)["codes"].astype(np.float64) for file in files])
    labels = pd.read_csv(folder / "labels.csv")
    y = pd.factorize(labels[next(name for name in labels if "label" in name or "class" in name)])[0]
    kept = np.arange(len(codes)) if twins else np.sort(np.unique(codes, axis=0, return_index=True)[1])
    order = np.random.default_rng(0).permutation(kept)
    train, test = order[:n], order[2936:]
    return Workload(codes[train], y[train], codes[test], estimators, n_splits)


def closed_forms() -> list[tuple[str, Any]]:
    """The estimators that need no iterations."""
    return [
        ("lda", LinearDiscriminantAnalysis()),
        ("bayes", GaussianNB()),
        ("knn", KNeighborsClassifier(10)),
        ("ridge", RidgeClassifier()),
    ]


def seven() -> list[tuple[str, Any]]:
    """Linear estimators, a discriminant, neighbours, naive Bayes and boosted trees, for codes."""
    boosted = XGBClassifier(n_estimators=6, max_depth=3, max_bin=64, n_jobs=1)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    svm = make_pipeline(StandardScaler(), LinearSVC(C=1e-4, random_state=0))
    return [("logistic", logistic), ("xgb", boosted), *closed_forms(), ("svm", svm)]


def overhead(n: int, d: int, n_test: int, n_classes: int) -> Workload:
    """Eight estimators that do nothing."""
    random = np.random.default_rng(0)
    estimators = [(f"noop{at}", NoOp()) for at in range(8)]
    y = np.arange(n) % n_classes
    return Workload(random.normal(size=(n, d)), y, random.normal(size=(n_test, d)), estimators)


ALL = ("stackit", "hand", "scikit-learn", "mlxtend", "vecstack")
TWO = ("stackit", "hand")
BOTH_CODES = ("inception_v3", "mobilenet_v1_1.0_224")


@dataclass(frozen=True)
class Bench:
    """A workload, who does it, on how many workers, and how often.

    `rounds` are done in one process, the first of them to warm up; `repeats` are processes of their own,
    and `repeats_of_one` those on one worker, where that is another number.
    """

    make: Callable[[], Workload]
    contenders: tuple[str, ...] = ALL
    workers: tuple[int, ...] = (1, 2)
    repeats: int = 3
    repeats_of_one: int | None = None
    rounds: int = 1
    watched: bool = True

    def times(self, n_jobs: int) -> int:
        """How often each contender does it on so many workers."""
        return self.repeats_of_one or self.repeats if n_jobs == 1 else self.repeats


def _alone(where: Callable[..., Workload], name: str, n_splits: int, **options: Any) -> Bench:
    own, rounds = [pair for pair in closed_forms() if pair[0] == name], 1 if name == "lda" else 2
    return Bench(partial(where, own, n_splits, **options), TWO, workers=(1,), rounds=rounds, watched=False)


BENCHES: dict[str, Bench] = {
    "a Titanic, 8 estimators": Bench(titanic, repeats=5, watched=False),
    "b Otto, 5 estimators": Bench(otto, repeats_of_one=1),
    "c flowers' codes, 7 estimators": Bench(partial(flowers, seven())),
    "c closed forms, flowers' codes, K=5": Bench(partial(flowers, closed_forms()), TWO, workers=(1,)),
    "c closed forms, flowers' codes, K=10": Bench(
        partial(flowers, closed_forms(), 10), ("stackit",), workers=(1,)
    ),
    "c lda, flowers' codes, K=5": _alone(flowers, "lda", 5),
    "c lda, 1500 flowers' codes of two networks (d > n), K=5": _alone(
        flowers, "lda", 5, networks=BOTH_CODES, n=1500
    ),
    # The two cases that the closed forms decline: a table that is nearly square, and rows that are the same.
    "c lda, 2936 flowers' codes of two networks (d near n), K=5": _alone(
        flowers, "lda", 5, networks=BOTH_CODES
    ),
    "c knn, flowers' codes with twins, K=5": _alone(flowers, "knn", 5, twins=True),
    "c ridge, Otto, K=5": _alone(otto, "ridge", 5),
    "c ridge, Otto, K=10": _alone(otto, "ridge", 10),
    "c ridge, flowers' codes of two networks (d > n), K=5": _alone(flowers, "ridge", 5, networks=BOTH_CODES),
    "c ridge, flowers' codes of two networks (d > n), K=10": _alone(
        flowers, "ridge", 10, networks=BOTH_CODES
    ),
    "c bayes, Otto, K=5": _alone(otto, "bayes", 5),
    "c knn, flowers' codes, K=5": _alone(flowers, "knn", 5),
    "d no-ops, 891×10": Bench(partial(overhead, 891, 10, 418, 2), rounds=22, watched=False),
    "d no-ops, 60000×93": Bench(partial(overhead, 60_000, 93, 10_000, 9), rounds=8, watched=False),
}
