"""Simulated tables of which it is known whether out-of-fold predictions can be believed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import Level, LevelsClassifier, LevelsRegressor, PrecomputedClassifier, make_folds, out_of_fold

N = 800

CLASSIFIERS = [
    ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
    ("bayes", GaussianNB()),
    ("neighbors", make_pipeline(StandardScaler(), KNeighborsClassifier(15))),
    ("tree", DecisionTreeClassifier(max_depth=4)),
    ("full tree", DecisionTreeClassifier()),
    ("forest", RandomForestClassifier(40, min_samples_leaf=5)),
    ("rough forest", ExtraTreesClassifier(40)),
    ("boosting", HistGradientBoostingClassifier(max_iter=30)),
]
REGRESSORS = [
    ("ridge", Ridge()),
    ("neighbors", KNeighborsRegressor(15)),
    ("tree", DecisionTreeRegressor(max_depth=4)),
    ("full tree", DecisionTreeRegressor()),
    ("forest", RandomForestRegressor(40)),
]

GUILTY = ("full tree", "forest", "rough forest", "boosting")


class One(ClassifierMixin, BaseEstimator):
    """Looks at one column, and learns its sign."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.sign_ = np.sign(np.corrcoef(X[:, self.column], y)[0, 1])
        return self

    def predict_proba(self, X):
        second = 0.5 + 0.4 * np.tanh(X[:, self.column] * self.sign_)
        return np.column_stack([1 - second, second])

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


@dataclass(frozen=True)
class Case:
    """A run, rows that it has not seen, their labels, and the estimators that should have an alarm."""

    oof: Any
    X: Any
    X_test: Any
    y_test: Any
    guilty: set[str]


def labels(random, X, noise=1.0):
    signal = X[:, 0] + X[:, 1] * X[:, 2] - 0.5 * X[:, 3]
    return (random.uniform(size=len(X)) < expit(signal / noise)).astype(int)


def clean(seed: int, members: Any = CLASSIFIERS, n_classes: int = 2) -> Case:
    random = np.random.default_rng(seed)
    X = random.normal(size=(2 * N, 8))
    y = labels(random, X) if n_classes == 2 else labels(random, X) + labels(random, X[:, ::-1])
    oof = out_of_fold(members, X[:N], y[:N], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[:N], X[N:], y[N:], set())


def three_classes(seed: int) -> Case:
    return clean(seed, n_classes=3)


def clean_numbers(seed: int) -> Case:
    random = np.random.default_rng(seed)
    X = random.normal(size=(2 * N, 8))
    y = X[:, 0] + X[:, 1] * X[:, 2] + random.standard_t(4, size=2 * N)
    oof = out_of_fold(REGRESSORS, X[:N], y[:N], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[:N], X[N:], y[N:], set())


def noise(seed: int, members: Any = CLASSIFIERS) -> Case:
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(2 * N, 8)), random.integers(0, 2, size=2 * N)
    oof = out_of_fold(members, X[:N], y[:N], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[:N], X[N:], y[N:], set())


def in_sample(seed: int, guilty: tuple[str, ...] = GUILTY) -> Case:
    """Some columns come from elsewhere, where each was trained on the rows that it predicts."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(random.normal(size=(2 * N, 8))).rename(columns=str)
    y = labels(random, X.to_numpy())
    X.index = pd.Index([f"row {at}" for at in range(2 * N)], name="id")
    members = [(name, each) for name, each in CLASSIFIERS if name in ("logistic", "bayes", "neighbors")]
    for name, each in CLASSIFIERS:
        if name in guilty:
            chances = clone(each).set_params(random_state=seed).fit(X[:N], y[:N]).predict_proba(X)
            seen = pd.Series(chances[:, 1], X.index, name=name)
            members.append((f"{name} elsewhere", PrecomputedClassifier.load(seen[:N], seen[N:])))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The predictions of .* look in-sample")
        oof = out_of_fold(members, X[:N], y[:N], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[:N], X[N:], y[N:], {f"{name} elsewhere" for name in guilty})


def target_encoding(seed: int, members: Any = CLASSIFIERS) -> Case:
    """A column of 250 levels is replaced by the mean of y in each, before the folds are made."""
    random = np.random.default_rng(seed)
    X, levels = random.normal(size=(2 * N, 8)), random.integers(0, 250, size=2 * N)
    y = labels(random, X)
    means = pd.Series(y[:N]).groupby(levels[:N]).mean()
    encoded = pd.Series(levels).map(means).fillna(y[:N].mean()).to_numpy()
    X = np.column_stack([X, encoded])
    oof = out_of_fold(members, X[:N], y[:N], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[:N], X[N:], y[N:], set(oof))


def duplicates(seed: int, members: Any = CLASSIFIERS) -> Case:
    """A third of the rows are there twice or more, their copies in any fold."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(2 * N, 8))
    y = labels(random, X)
    again = random.integers(0, N // 3, size=N // 2)
    rows = random.permutation(np.r_[np.arange(N // 2), again])
    oof = out_of_fold(members, X[rows], y[rows], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[rows], X[N:], y[N:], {"neighbors", "tree", *GUILTY})


def wrong_groups(seed: int, members: Any = CLASSIFIERS) -> Case:
    """Ten rows of each person are alike, and so are their labels; folds tear persons apart."""
    random = np.random.default_rng(seed)
    persons = random.normal(size=(2 * N // 10, 8))
    fates = labels(random, persons)
    X = np.repeat(persons, 10, axis=0) + 0.2 * random.normal(size=(2 * N, 8))
    y = np.where(random.uniform(size=2 * N) < 0.8, np.repeat(fates, 10), random.integers(0, 2, size=2 * N))
    folds = make_folds(y[:N], scheme="stratified", n_splits=5, random_state=seed)
    oof = out_of_fold(members, X[:N], y[:N], cv=folds, n_jobs=1, random_state=seed)
    return Case(oof, X[:N], X[N:], y[N:], set(oof))


def second_level(seed: int) -> Case:
    """A second level on the folds of the first: a row's label reaches it by the columns of other rows."""
    first = clean(seed)
    random_state = seed + 1
    oof = first.oof
    finals = [
        ("logistic", LogisticRegression()),
        ("forest", RandomForestClassifier(40, min_samples_leaf=5)),
        ("boosting", HistGradientBoostingClassifier(max_iter=30)),
    ]
    meta = oof.meta_train.to_numpy()
    second = out_of_fold(finals, meta, oof.target.y, cv=oof.folds, n_jobs=1, random_state=random_state)
    return Case(second, meta, oof.transform(first.X_test).to_numpy(), first.y_test, set())


def inverting_level(seed: int) -> Case:
    """A second level learns to invert columns of noise: right for the folds alone."""
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(2 * N, 15)), random.integers(0, 2, size=2 * N)
    X, y = X[: N + 200], y[: N + 200]
    folds = make_folds(y[:200], scheme="stratified", n_splits=4, random_state=seed)
    first = out_of_fold([(f"m{at}", One(at)) for at in range(15)], X[:200], y[:200], cv=folds, n_jobs=1)
    meta = first.meta_train.to_numpy()
    oof = out_of_fold([("logistic", LogisticRegression())], meta, y[:200], cv=folds, n_jobs=1)
    return Case(oof, meta, first.transform(X[200:]).to_numpy(), y[200:], {"logistic"})


def left_out_encoding(seed: int, members: Any = CLASSIFIERS) -> Case:
    """A column of 30 levels is replaced by the mean of y in the other rows of each."""
    random = np.random.default_rng(seed)
    X, levels = random.normal(size=(2 * N, 8)), random.integers(0, 30, size=2 * N)
    y = labels(random, X)
    by_level = pd.Series(y[:N]).groupby(levels[:N])
    others = ((by_level.transform("sum") - y[:N]) / (by_level.transform("count") - 1)).to_numpy()
    new = pd.Series(levels[N:]).map(by_level.mean()).to_numpy()
    X = np.column_stack([X, np.r_[others, new]])
    oof = out_of_fold(members, X[:N], y[:N], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[:N], X[N:], y[N:], {"tree", *GUILTY})


QUICK = LogisticRegression(solver="newton-cholesky")
BELOW = [
    ("logistic", QUICK),
    ("bayes", GaussianNB()),
    ("tree", DecisionTreeClassifier(max_depth=4)),
    ("neighbors", KNeighborsClassifier(15)),
]
ABOVE = [
    ("logistic", QUICK),
    ("forest", RandomForestClassifier(30, min_samples_leaf=5)),
    ("boosting", HistGradientBoostingClassifier(max_iter=20)),
]


def of_levels(seed: int, n: int, n_columns: int, signal: float, below: Any, above: Level) -> Case:
    """A second level on shared folds, as an ensemble."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n + N, n_columns))
    y = (random.uniform(size=len(X)) < expit(signal * (X[:, 0] + X[:, 1] - X[:, 2]))).astype(int)
    run = LevelsClassifier([below, above], cv=5, random_state=seed).fit(X[:n], y[:n])
    return Case(run, X[:n], X[n:], y[n:], set())


def passed_through(seed: int) -> Case:
    """The second level sees X next to the predictions of the first, and labels are random."""
    return replace(of_levels(seed, 400, 40, 0.0, BELOW, Level(ABOVE, passthrough=True)), guilty={"logistic"})


def passed_through_signal(seed: int) -> Case:
    """The same where there is something to learn."""
    return replace(of_levels(seed, 400, 40, 0.7, BELOW, Level(ABOVE, passthrough=True)), guilty={"logistic"})


def honest_levels(seed: int) -> Case:
    """A second level of a few members, where there is something to learn."""
    return of_levels(seed, 600, 8, 1.0, BELOW, Level(ABOVE))


def nested_levels(seed: int) -> Case:
    """A nested second level that sees X."""
    return of_levels(seed, 300, 8, 0.7, BELOW[:2], Level(ABOVE[:2], passthrough=True, nested=True))


def levels_of_signs(seed: int) -> Case:
    """A second level above 15 members that look at a column of noise each."""
    signs = [(f"m{at}", One(at)) for at in range(15)]
    return replace(of_levels(seed, 200, 15, 0.0, signs, Level(ABOVE[:1])), guilty={"logistic"})


def levels_of_numbers(seed: int) -> Case:
    """A second level of regressions that sees X, with y of noise."""
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(300 + N, 40)), random.normal(size=300 + N)
    above = Level([("ridge", Ridge(1e-3)), ("tree", DecisionTreeRegressor(max_depth=3))], passthrough=True)
    run = LevelsRegressor([REGRESSORS[:3], above], cv=5, random_state=seed).fit(X[:300], y[:300])
    return Case(run, X[:300], X[300:], y[300:], {"ridge"})


def cancer(seed: int) -> Case:
    """Breast cancer, as it is."""
    return _real(*load_breast_cancer(return_X_y=True), seed)


def cancer_twice(seed: int) -> Case:
    """Breast cancer, of which half of the rows are there twice, with labels of which a fifth are wrong."""
    X, y = load_breast_cancer(return_X_y=True)
    random = np.random.default_rng(seed)
    y = np.where(random.uniform(size=len(y)) < 0.2, 1 - y, y)
    case = _real(X, y, seed, twice=True)
    return replace(case, guilty={"tree", *GUILTY})


def digits_encoded(seed: int) -> Case:
    """Odd and even digits with a random column of many levels that was encoded by means of y."""
    X, y = load_digits(return_X_y=True)
    random = np.random.default_rng(seed)
    y = np.where(random.uniform(size=len(y)) < 0.25, 1 - y % 2, y % 2)
    case = _real(X[:, 20:44], y, seed, n_levels=200)
    return replace(case, guilty=set(case.oof))


def diabetes(seed: int) -> Case:
    """Diabetes, numbers as they are."""
    X, y = load_diabetes(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(y))
    train, new = rows[:260], rows[260:]
    oof = out_of_fold(REGRESSORS, X[train], y[train], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, X[train], X[new], y[new], set())


def _real(X: Any, y: Any, seed: int, twice: bool = False, n_levels: int = 0) -> Case:
    random = np.random.default_rng(seed)
    rows = random.permutation(len(y))
    train, new = np.split(rows, [int(0.6 * len(y))])
    if twice:
        train = random.permutation(np.r_[train, train[: len(train) // 2]])
    known, new_rows = X[train], X[new]
    if n_levels:
        levels = random.integers(0, n_levels, size=len(y))
        means = pd.Series(y[train]).groupby(levels[train]).mean()
        encoded = pd.Series(levels).map(means).fillna(y[train].mean()).to_numpy()
        known, new_rows = (np.column_stack([X[part], encoded[part]]) for part in (train, new))
    oof = out_of_fold(CLASSIFIERS, known, y[train], cv=5, n_jobs=1, random_state=seed)
    return Case(oof, known, new_rows, y[new], set())


CASES: dict[str, Callable[[int], Case]] = {
    "clean": clean,
    "three classes": three_classes,
    "numbers": clean_numbers,
    "noise": noise,
    "in-sample": in_sample,
    "target encoding": target_encoding,
    "duplicates": duplicates,
    "wrong groups": wrong_groups,
    "second level": second_level,
    "reversal": inverting_level,
    "left-out encoding": left_out_encoding,
    "passed through": passed_through,
    "passed through, signal": passed_through_signal,
    "honest levels": honest_levels,
    "nested levels": nested_levels,
    "levels of signs": levels_of_signs,
    "levels of numbers": levels_of_numbers,
    "cancer": cancer,
    "cancer, half of it twice": cancer_twice,
    "digits, encoded": digits_encoded,
    "diabetes": diabetes,
}
