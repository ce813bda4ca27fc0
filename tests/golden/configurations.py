"""Small runs of every part of stackit with frozen results: one function per configuration.

A configuration returns a dict of values (frames, arrays, numbers, lists of text). It uses public names
only, so that a change of layout or of private names changes nothing but its imports.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from joblib import parallel_config
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit, TimeSeriesSplit
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import (
    DiskStore,
    Level,
    LevelsClassifier,
    LevelsRegressor,
    MemoryStore,
    OutOfFold,
    PrecomputedClassifier,
    PrecomputedRegressor,
    StackingClassifier,
    StackingRegressor,
    average_or_refit,
    compare,
    diversity,
    gain,
    make_folds,
    nested_score,
    out_of_fold,
    overfitting_alarm,
    save_predictions,
    shapley,
)
from stackit.combine import (
    ConvexClassifier,
    ConvexRegressor,
    GeometricClassifier,
    GeometricRegressor,
    GreedyClassifier,
    GreedyRegressor,
    HillClimbClassifier,
    HillClimbRegressor,
    IsotonicClassifier,
    LogisticClassifier,
    MeanClassifier,
    MeanRegressor,
    NonNegativeClassifier,
    NonNegativeRegressor,
    RankClassifier,
    RankRegressor,
    TemperatureClassifier,
)

__all__ = ["CONFIGURATIONS"]

Values = dict[str, Any]
CONFIGURATIONS: dict[str, Callable[[], Values]] = {}


def configuration(function: Callable[[], Values]) -> Callable[[], Values]:
    """Register a configuration under the name of its function."""
    CONFIGURATIONS[function.__name__] = function
    return function


# --- data: rows in a fixed random order, the first n_train to learn from, some of the rest to predict


def split(X: Any, y: Any, n_train: int, n_test: int = 40) -> tuple[Any, Any, Any]:
    """Return X and y of the training rows, and X of the test rows."""
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[:n_train], order[n_train : n_train + n_test]
    return X[train], y[train], X[test]


IRIS = split(*load_iris(return_X_y=True), 110)
WINE = split(*load_wine(return_X_y=True), 130)
CANCER = split(*load_breast_cancer(return_X_y=True), 160)
DIGITS = split(*load_digits(return_X_y=True), 240)
DIABETES = split(*load_diabetes(return_X_y=True), 150)
ROWS = np.arange(400)


def named(y: Any) -> Any:
    """Return class numbers as text in another order than the numbers."""
    return np.array(["setosa", "virginica", "<30 cm"])[y]


def passengers() -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """Return a frame with numbers, text, categories and missing values, its labels, and a test frame."""
    random = np.random.default_rng(1)
    n = 150
    frame = pd.DataFrame(
        {
            "age": np.where(random.random(n) < 0.1, np.nan, random.integers(1, 80, n).astype(float)),
            "fare": random.gamma(2.0, 15.0, n),
            "sex": random.choice(["female", "male"], n),
            "port": pd.Categorical(random.choice(["C", "Q", "S"], n)),
        },
        index=pd.Index([f"p{number}" for number in range(n)], name="PassengerId"),
    )
    survived = (frame["sex"] == "female").to_numpy() ^ (random.random(n) < 0.25)
    labels = pd.Series(np.where(survived, "yes", "no"), index=frame.index)
    return frame[:120], labels[:120], frame[120:]


# --- estimators


class PlainPipeline(Pipeline):
    """A pipeline of a type for which no fit of all folds at once is registered."""


class Failing(ClassifierMixin, BaseEstimator):
    """A classifier that cannot be fitted."""

    def fit(self, X: Any, y: Any) -> Failing:
        raise RuntimeError("This estimator fails.")

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


class FoldMeans(BaseEstimator):
    """A regressor with a `fit_folds` of its own that predicts the mean of y plus a number of its seed."""

    _estimator_type = "regressor"

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> FoldMeans:
        self.mean_ = np.average(y, weights=sample_weight)
        return self

    def fit_folds(self, X: Any, y: Any, folds: Any, sample_weight: Any = None, seeds: Any = None) -> Any:
        fitted = []
        for (train, _), seed in zip(folds.split(), seeds, strict=True):
            weights = None if sample_weight is None else sample_weight[train]
            fitted.append(FoldMeans(seed).fit(X[train], y[train], weights))
        return fitted

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.mean_ + float(self.random_state or 0) % 1000)


def plainly(estimators: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the estimators such that they are fitted fold by fold."""
    return [(name, PlainPipeline([("only", estimator)])) for name, estimator in estimators]


def scaled(estimators: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the estimators behind a scaler."""
    return [(name, make_pipeline(StandardScaler(), estimator)) for name, estimator in estimators]


def classifiers() -> list[tuple[str, Any]]:
    return [
        ("forest", RandomForestClassifier(5, max_depth=4)),
        ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
        ("bayes", GaussianNB()),
    ]


def regressors() -> list[tuple[str, Any]]:
    return [
        ("forest", RandomForestRegressor(5, max_depth=4)),
        ("ridge", Ridge(0.1)),
        ("knn", KNeighborsRegressor(7)),
    ]


# --- what is frozen of a run and of an ensemble


def of_run(oof: OutOfFold) -> Values:
    """Return what a run found, without the seconds."""
    return {
        "meta_train": oof.meta_train,
        "meta_test": oof.meta_test,
        "scores": oof.scores.drop(columns="seconds"),
        "summary": oof.summary,
        "coverage": oof.coverage,
        "fitted one by one": [name for name, result in oof.items() if result.fit_mode == "plain"],
        "failures": sorted(oof.failures),
        "optimistic": sorted(oof.optimistic),
    }


def of_ensemble(ensemble: Any, X: Any) -> Values:
    """Return what a fitted ensemble found, and what it predicts for new rows."""
    values = {**of_run(ensemble.oof_), "predict": ensemble.predict(X), "transform": ensemble.transform(X)}
    for method in ("predict_proba", "decision_function"):
        if hasattr(ensemble, method):
            values[method] = getattr(ensemble, method)(X)
    if hasattr(ensemble.final_estimator_, "weights_"):
        values["weights"] = ensemble.final_estimator_.weights_
    return values


def stack_values(final: Any, data: Any, members: Any = None, **options: Any) -> Values:
    """Return what a stack of classifiers finds and predicts."""
    X, y, X_test = data
    stack = StackingClassifier(members or classifiers(), final, random_state=0, **{"cv": 3} | options)
    return of_ensemble(stack.fit(X, y), X_test)


def regression_stack_values(final: Any, members: Any = None, **options: Any) -> Values:
    """Return what a stack of regressors finds and predicts for the diabetes data."""
    X, y, X_test = DIABETES
    stack = StackingRegressor(members or regressors(), final, random_state=0, **{"cv": 3} | options)
    return of_ensemble(stack.fit(X, y), X_test)


def both_refits(final: Any, data: Any, members: Any = None, **options: Any) -> Values:
    """Return what a stack of classifiers finds without and with refit."""
    average = stack_values(final, data, members, **options)
    refitted = stack_values(final, data, members, refit=True, **options)
    return with_prefixes(average=average, refit=refitted)


def both_refits_of_regression(final: Any, **options: Any) -> Values:
    """Return what a stack of regressors finds without and with refit."""
    average = regression_stack_values(final, **options)
    return with_prefixes(average=average, refit=regression_stack_values(final, refit=True, **options))


def with_prefixes(**parts: Values) -> Values:
    """Return the values of several parts, each name with the part in front."""
    return {f"{part}: {name}": value for part, values in parts.items() for name, value in values.items()}


# --- folds


@configuration
def stratified_folds_of_three_classes() -> Values:
    X, y, X_test = IRIS
    return of_run(out_of_fold(classifiers(), X, y, X_test, cv=3, n_jobs=1, random_state=0))


@configuration
def folds_of_a_regression() -> Values:
    X, y, X_test = DIABETES
    folds = make_folds(y, scheme="binned", n_splits=4, random_state=5)
    return of_run(out_of_fold(regressors(), X, y, X_test, cv=folds, n_jobs=1, random_state=7))


@configuration
def repeated_folds() -> Values:
    X, y, X_test = WINE
    folds = make_folds(y, n_splits=3, n_repeats=3, random_state=2)
    oof = out_of_fold(classifiers(), X, y, X_test, cv=folds, n_jobs=1, random_state=0)
    return with_prefixes(all=of_run(oof), second=of_run(oof.of_repeat(1)))


@configuration
def a_stack_on_repeated_folds() -> Values:
    folds = make_folds(CANCER[1], n_splits=3, n_repeats=2, random_state=2)
    return both_refits(LogisticRegression(), CANCER, cv=folds)


@configuration
def folds_forward_in_time() -> Values:
    X, y, X_test = DIABETES
    time = pd.Series(pd.date_range("2020-01-01", periods=len(y), freq="D"))[::-1]
    folds = make_folds(y, time=time, n_splits=3, gap="5D")
    oof = out_of_fold(regressors(), X, y, X_test, cv=folds, n_jobs=1, random_state=0)
    stack = StackingRegressor(regressors(), Ridge(), cv=folds, random_state=0).fit(X, y)
    return with_prefixes(run=of_run(oof), stack=of_ensemble(stack, X_test))


@configuration
def a_splitter_forward_in_time() -> Values:
    return regression_stack_values(LinearRegression(), cv=TimeSeriesSplit(3), refit=True)


@configuration
def folds_of_groups() -> Values:
    X, y, X_test = CANCER
    groups = ROWS[: len(y)] // 7
    oof = out_of_fold(classifiers(), X, y, X_test, cv=4, groups=groups, n_jobs=1, random_state=0)
    stack = StackingClassifier(classifiers(), cv=GroupKFold(3), random_state=0).fit(X, y, groups=groups)
    return with_prefixes(run=of_run(oof), stack=of_ensemble(stack, X_test))


@configuration
def groups_that_reach_a_search() -> Values:
    X, y, X_test = CANCER
    search = GridSearchCV(RidgeClassifier(), {"alpha": [0.1, 10.0, 1000.0]}, cv=GroupKFold(3))
    folds = make_folds(y, groups=ROWS[: len(y)] // 5, n_splits=3)
    return of_run(out_of_fold([("search", search)], X, y, X_test, cv=folds, n_jobs=1))


@configuration
def folds_that_cover_some_rows() -> Values:
    return both_refits(LogisticRegression(), WINE, cv=ShuffleSplit(3, test_size=0.2, random_state=1))


@configuration
def unequal_pairs_of_rows() -> Values:
    X, y, X_test = IRIS
    pairs = [(ROWS[:70], ROWS[70:80]), (ROWS[20:110], ROWS[:20]), (ROWS[:60], ROWS[60:110])]
    return of_run(out_of_fold(classifiers(), X, y, X_test, cv=pairs, n_jobs=1, random_state=0))


@configuration
def folds_from_a_file() -> Values:
    X, y, X_test = IRIS
    ids = [f"row {number}" for number in range(len(y))]
    folds = make_folds(y, n_splits=3, n_repeats=2, random_state=4)
    with tempfile.TemporaryDirectory() as folder:
        path = folds.save(Path(folder) / "folds.csv", ids=ids)
        text = path.read_text(encoding="utf-8")
        known = type(folds).load(path, ids=ids)
    run = of_run(out_of_fold([("bayes", GaussianNB())], X, y, X_test, cv=known, n_jobs=1))
    return {**run, "file": text.splitlines(), "assignment": known.assignment}


@configuration
def every_scheme_of_folds() -> Values:
    y, numbers, groups = CANCER[1], DIABETES[1], ROWS[: len(CANCER[1])] // 6
    made = {
        "kfold": make_folds(numbers, scheme="kfold", n_splits=4, random_state=3),
        "stratified": make_folds(y, scheme="stratified", n_splits=4, random_state=3),
        "binned": make_folds(numbers, scheme="binned", n_splits=4, random_state=3),
        "group": make_folds(y, scheme="group", n_splits=4, groups=groups, random_state=3),
        "stratified-group": make_folds(y, scheme="stratified-group", n_splits=4, groups=groups),
        "forward": make_folds(numbers, scheme="forward", n_splits=4, gap=3),
    }
    return {
        f"{scheme}: {part} {number}": rows
        for scheme, folds in made.items()
        for number, pair in enumerate(folds.splits)
        for part, rows in zip(("train", "held out"), pair, strict=True)
    }


# --- kinds of targets


@configuration
def two_classes_named_by_text() -> Values:
    X, y, X_test = CANCER
    return stack_values(None, (X, np.array(["malignant", "benign"])[y], X_test))


@configuration
def three_classes_named_by_text() -> Values:
    X, y, X_test = IRIS
    return both_refits(GaussianNB(), (X, named(y), X_test))


@configuration
def a_class_that_a_fold_lacks() -> Values:
    X, y, X_test = WINE
    order = np.argsort(y, kind="stable")
    pairwise = ("svc", SVC(decision_function_shape="ovo"))
    members = [*classifiers(), pairwise, *scaled([("linear", LinearSVC())])]
    return stack_values(LogisticRegression(), (X[order], named(y[order]), X_test), members, cv=KFold(3))


@configuration
def folds_of_a_single_class() -> Values:
    X, y, X_test = CANCER
    order = np.argsort(y, kind="stable")
    pairs = [(ROWS[30:160], ROWS[:30]), (ROWS[:40], ROWS[40:80]), (ROWS[:80], ROWS[80:160])]
    return of_run(out_of_fold(classifiers(), X[order], y[order], X_test, cv=pairs, n_jobs=1, random_state=0))


@configuration
def several_labels() -> Values:
    X, y, X_test = DIGITS
    Y = np.column_stack([y % 2 == 0, y > 4, np.isin(y, [0, 6, 8, 9])]).astype(int)
    members = [("knn", KNeighborsClassifier(5)), ("many", OneVsRestClassifier(GaussianNB()))]
    return stack_values(KNeighborsClassifier(9), (X, Y, X_test), members, cv=KFold(3))


@configuration
def several_outputs() -> Values:
    X, y, X_test = DIABETES
    Y = np.column_stack([y, X[:, 2] * 100, y**0.5])
    members = [*regressors(), ("linear", LinearRegression())]
    average = StackingRegressor(members, Ridge(), cv=3, random_state=0).fit(X, Y)
    refitted = StackingRegressor(members, Ridge(), cv=3, refit=True, random_state=0).fit(X, Y)
    return with_prefixes(average=of_ensemble(average, X_test), refit=of_ensemble(refitted, X_test))


@configuration
def a_regressor_among_classifiers() -> Values:
    return stack_values(LogisticRegression(), IRIS, [("bayes", GaussianNB()), ("ridge", Ridge())])


# --- what classifiers predict with


@configuration
def members_with_decision_functions() -> Values:
    members = [("linear", LinearSVC()), ("ridge", RidgeClassifier()), ("svc", SVC())]
    two = both_refits(LogisticRegression(), CANCER, scaled(members))
    return with_prefixes(two=two, three=stack_values(GaussianNB(), IRIS, members))


@configuration
def pairwise_decisions() -> Values:
    members = [("svc", SVC(decision_function_shape="ovo")), ("bayes", GaussianNB())]
    four = DIGITS[1] < 4
    digits = DIGITS[0][four], DIGITS[1][four], DIGITS[2]
    return with_prefixes(
        three=both_refits(LogisticRegression(), IRIS, members),
        four=stack_values(GaussianNB(), digits, members),
    )


@configuration
def members_that_give_labels() -> Values:
    return stack_values(DecisionTreeClassifier(max_depth=3), IRIS, stack_method="predict")


@configuration
def members_with_probabilities_only() -> Values:
    members = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))]
    return both_refits(LogisticRegression(), CANCER, members, stack_method="predict_proba")


@configuration
def a_metric_of_ranks() -> Values:
    X, y, X_test = CANCER
    run = out_of_fold(classifiers(), X, y, X_test, cv=3, scoring="roc_auc", n_jobs=1, random_state=0)
    loss = out_of_fold(classifiers(), X, y, cv=3, scoring="neg_log_loss", n_jobs=1, random_state=0)
    return with_prefixes(ranks=of_run(run), loss={"scores": loss.scores["score"], "summary": loss.summary})


# --- stacks


@configuration
def a_stack_with_columns_of_X() -> Values:
    return both_refits(LogisticRegression(max_iter=50), IRIS, passthrough=True)


@configuration
def a_dropped_estimator() -> Values:
    return stack_values(LogisticRegression(), IRIS, [("gone", "drop"), *classifiers()])


@configuration
def prefitted_estimators() -> Values:
    X, y, X_test = WINE
    members = [(name, estimator.fit(X[:60], y[:60])) for name, estimator in scaled([("bayes", GaussianNB())])]
    members += [("tree", DecisionTreeClassifier(max_depth=3, random_state=0).fit(X[:60], y[:60]))]
    stack = StackingClassifier(members, LogisticRegression(), cv="prefit").fit(X[60:], y[60:])
    return {
        "transform": stack.transform(X_test),
        "predict": stack.predict(X_test),
        "predict_proba": stack.predict_proba(X_test),
    }


@configuration
def a_stack_inside_a_stack() -> Values:
    inner = StackingClassifier([("bayes", GaussianNB()), ("tree", DecisionTreeClassifier())], cv=3)
    return stack_values(None, IRIS, [("inner", inner), ("knn", KNeighborsClassifier())])


@configuration
def a_stack_as_a_transformer() -> Values:
    X, y, _ = IRIS
    stack = StackingClassifier(classifiers(), cv=3, random_state=0)
    table = stack.fit_transform(X, y)
    return {"fit_transform": table, "names": stack.get_feature_names_out().tolist()}


@configuration
def a_calibrated_stack() -> Values:
    X, y, X_test = CANCER
    stack = StackingClassifier([("bayes", GaussianNB()), ("lda", LinearDiscriminantAnalysis())], cv=3)
    calibrated = CalibratedClassifierCV(stack, cv=3).fit(X, y)
    return {"predict_proba": calibrated.predict_proba(X_test)}


@configuration
def an_estimator_that_fails_is_skipped() -> Values:
    members = [("failing", Failing()), *classifiers()]
    stack = stack_values(LogisticRegression(), IRIS, members, on_error="skip")
    refitted = stack_values(LogisticRegression(), IRIS, members, on_error="skip", refit=True)
    return with_prefixes(average=stack, refit=refitted)


@configuration
def other_seeds() -> Values:
    X, y, X_test = IRIS
    forest = [("forest", RandomForestClassifier(3)), ("other", RandomForestClassifier(3))]
    parts = {
        f"seed {seed}": of_run(out_of_fold(forest, X, y, X_test, cv=3, n_jobs=1, random_state=seed))
        for seed in (0, 1, 12345)
    }
    return with_prefixes(**parts)


@configuration
def a_stack_on_two_jobs() -> Values:
    folds = make_folds(CANCER[1], n_splits=3, random_state=1)
    return stack_values(LogisticRegression(), CANCER, [*classifiers(), ("svc", SVC())], cv=folds, n_jobs=2)


@configuration
def a_regression_on_two_jobs() -> Values:
    return regression_stack_values(Ridge(), n_jobs=2, refit=True)


@configuration
def functions_in_threads_of_two_jobs() -> Values:
    X, y, X_test = DIABETES
    shifted = make_pipeline(FunctionTransformer(np.sqrt), DecisionTreeRegressor(max_depth=4))
    members = [("shifted", shifted), *regressors()]
    with parallel_config(backend="threading", n_jobs=2):
        return of_run(out_of_fold(members, X - X.min(), y, X_test - X.min(), cv=3, random_state=0))


# --- levels


@configuration
def two_levels_of_classifiers() -> Values:
    X, y, X_test = IRIS
    second = [("logistic", LogisticRegression()), ("stump", DecisionTreeClassifier(max_depth=2))]
    levels = LevelsClassifier([classifiers(), second], MeanClassifier(), cv=3, random_state=0)
    levels.fit(X, named(y))
    first = of_run(levels.levels_[0])
    return with_prefixes(first=first, top={**of_ensemble(levels, X_test), "fits": levels.count_fits()})


@configuration
def refitted_levels_of_classifiers() -> Values:
    X, y, X_test = CANCER
    second = Level([("ridge", RidgeClassifier()), ("forest", RandomForestClassifier(3))], passthrough=[0, 3])
    levels = LevelsClassifier([classifiers(), second], ConvexClassifier(), cv=3, refit=True, random_state=0)
    return of_ensemble(levels.fit(X, y), X_test)


@configuration
def nested_levels() -> Values:
    X, y, X_test = IRIS
    second = Level([("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2))], nested=True)
    levels = LevelsClassifier([classifiers()[1:], second], MeanClassifier(), cv=3, random_state=0)
    average = of_ensemble(levels.fit(X, y), X_test)
    refitted = of_ensemble(levels.set_params(refit=True).fit(X, y), X_test)
    return with_prefixes(average=average, refit=refitted)


@configuration
def nested_levels_with_columns_of_X() -> Values:
    X, y, X_test = DIABETES
    second = Level(regressors(), nested=True, passthrough=[2, 8])
    first = [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))]
    levels = LevelsRegressor([first, second], ConvexRegressor(), cv=3, passthrough=False, random_state=0)
    return of_ensemble(levels.fit(X, y), X_test)


@configuration
def three_levels_with_folds_of_their_own() -> Values:
    X, y, X_test = DIABETES
    second = Level(
        [("ridge", Ridge()), ("knn", KNeighborsRegressor(9))], cv=KFold(4, shuffle=True, random_state=3)
    )
    third = Level([("linear", LinearRegression()), ("mean", MeanRegressor())], refit=True)
    levels = LevelsRegressor([regressors(), second, third], cv=3, random_state=0).fit(X, y)
    parts = {f"level {number}": of_run(level) for number, level in enumerate(levels.levels_, start=1)}
    return with_prefixes(**parts, top=of_ensemble(levels, X_test))


@configuration
def levels_of_frames_with_columns_by_name() -> Values:
    frame, y, test = passengers()
    first = Level([("hist", HistGradientBoostingClassifier(max_iter=5))], passthrough=["age", "fare"])
    second = Level([("bayes", HistGradientBoostingClassifier(max_iter=3))], passthrough=["fare"])
    levels = LevelsClassifier([first, second], LogisticRegression(), cv=3, random_state=0)
    return of_ensemble(levels.fit(frame, y), test)


@configuration
def levels_with_weights_and_groups() -> Values:
    X, y, X_test = CANCER
    weights, groups = 1.0 + ROWS[: len(y)] % 3, ROWS[: len(y)] // 4
    levels = LevelsClassifier([classifiers(), [("logistic", LogisticRegression())]], cv=3, random_state=0)
    return of_ensemble(levels.fit(X, y, sample_weight=weights, groups=groups), X_test)


@configuration
def levels_that_cover_some_rows() -> Values:
    X, y, X_test = DIABETES
    levels = LevelsRegressor([regressors(), regressors()[1:]], Ridge(), cv=TimeSeriesSplit(4), random_state=0)
    return of_ensemble(levels.fit(X, y), X_test)


# --- weights and metadata


@configuration
def weighted_rows() -> Values:
    X, y, X_test = WINE
    weights = np.random.default_rng(3).gamma(2.0, size=len(y))
    members = [*classifiers(), ("knn", KNeighborsClassifier()), ("lda", LinearDiscriminantAnalysis())]
    stack = StackingClassifier(members, LogisticRegression(), cv=3, random_state=0)
    average = of_ensemble(stack.fit(X, y, sample_weight=weights), X_test)
    refitted = of_ensemble(stack.set_params(refit=True).fit(X, y, sample_weight=weights), X_test)
    return with_prefixes(average=average, refit=refitted)


@configuration
def weighted_rows_of_a_regression() -> Values:
    X, y, X_test = DIABETES
    weights = 1.0 + ROWS[: len(y)] % 4
    members = [*regressors(), ("linear", LinearRegression()), ("kernel", KernelRidge(0.1, kernel="rbf"))]
    folds = make_folds(y, scheme="kfold", n_splits=3, n_repeats=2)
    return of_run(
        out_of_fold(members, X, y, X_test, cv=folds, sample_weight=weights, n_jobs=1, random_state=0)
    )


@configuration
def routed_metadata() -> Values:
    X, y, X_test = CANCER
    X, X_test = X / X.std(axis=0), X_test / X.std(axis=0)
    weights = 1.0 + ROWS[: len(y)] % 3
    with sklearn.config_context(enable_metadata_routing=True):
        members = [
            ("wants", LogisticRegression(C=0.1, max_iter=50).set_fit_request(sample_weight=True)),
            ("does not", GaussianNB().set_fit_request(sample_weight=False)),
            ("lda", LinearDiscriminantAnalysis()),
        ]
        final = Ridge().set_fit_request(sample_weight=True)
        regression = StackingRegressor(
            [("ridge", Ridge().set_fit_request(sample_weight=True)), ("knn", KNeighborsRegressor())],
            final,
            cv=3,
        )
        numbers = regression.fit(X, X[:, 0], sample_weight=weights)
        run = out_of_fold(members, X, y, X_test, cv=3, sample_weight=weights, n_jobs=1)
        last = LogisticRegression().set_fit_request(sample_weight=True)
        stack = StackingClassifier(members, last, cv=3, refit=True).fit(X, y, sample_weight=weights)
        return with_prefixes(
            run=of_run(run), stack=of_ensemble(stack, X_test), regression=of_ensemble(numbers, X_test)
        )


# --- tables


@configuration
def sparse_tables() -> Values:
    X, y, X_test = DIGITS
    precise = RidgeClassifier(tol=1e-12)
    members = [("tree", DecisionTreeClassifier(max_depth=5)), ("bayes", MultinomialNB()), ("ridge", precise)]
    table = sparse.csr_matrix(X), y, sparse.csr_matrix(X_test)
    plain = stack_values(precise, table, members)
    through = stack_values(precise, table, members, passthrough=True, refit=True)
    return with_prefixes(plain=plain, through=through)


@configuration
def frames_with_categories() -> Values:
    frame, y, test = passengers()
    encode = make_column_transformer((OneHotEncoder(), ["sex", "port"]), remainder="drop")
    members = [
        ("hist", HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype")),
        ("encoded", make_pipeline(encode, LogisticRegression())),
    ]
    members[0] = (
        "hist",
        make_pipeline(make_column_transformer(("passthrough", ["age", "fare"])), members[0][1]),
    )
    return both_refits(LogisticRegression(), (frame, y, test), members)


@configuration
def frames_passed_through() -> Values:
    frame, y, test = passengers()
    encode = make_column_transformer((OneHotEncoder(), ["sex", "port"]), remainder="drop")
    member = ("encoded", make_pipeline(encode, GaussianNB()))
    member[1].set_params(columntransformer__sparse_threshold=0)
    final = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["sex", "port"]), (StandardScaler(), ["fare", "encoded"])),
        LogisticRegression(),
    )
    return stack_values(final, (frame, y, test), [member], passthrough=True)


@configuration
def frames_of_numbers() -> Values:
    data = load_iris(as_frame=True)
    X, y = data.data, data.target_names[data.target]
    rows, rest = ROWS[:150][::2], ROWS[:150][1::2]
    return stack_values(LogisticRegression(), (X.iloc[rows], y[rows], X.iloc[rest]))


# --- all folds at once, and the same estimators fold by fold


def at_once_and_plainly(members: list[tuple[str, Any]], data: Any, scheme: str = "stratified") -> Values:
    """Return the runs of estimators on all folds at once and fold by fold, without and with weights."""
    X, y, X_test = data
    weights = 1.0 + ROWS[: len(y)] % 3
    folds = make_folds(y, scheme=scheme, n_splits=4, n_repeats=2, random_state=6)
    parts = {
        "at once": out_of_fold(members, X, y, X_test, cv=folds, n_jobs=1),
        "plainly": out_of_fold(plainly(members), X, y, X_test, cv=folds, n_jobs=1),
        "weighted": out_of_fold(members, X, y, X_test, cv=folds, n_jobs=1, sample_weight=weights),
    }
    return with_prefixes(**{part: of_run(oof) for part, oof in parts.items()})


@configuration
def linear_regressions_at_once() -> Values:
    members = [
        ("linear", LinearRegression()),
        ("no intercept", LinearRegression(fit_intercept=False)),
        ("ridge", Ridge(0.3)),
        ("weak ridge", Ridge(1e-3)),
        ("cholesky", Ridge(2.0, solver="cholesky", fit_intercept=False)),
    ]
    return at_once_and_plainly(members, DIABETES, "kfold")


@configuration
def ridge_of_more_columns_than_rows_at_once() -> Values:
    X, y, X_test = DIGITS
    data = X[:40] / 16, y[:40].astype(float), X_test / 16
    return at_once_and_plainly([("ridge", Ridge(5.0))], data, "kfold")


@configuration
def ridge_of_several_outputs_at_once() -> Values:
    X, y, X_test = DIABETES
    Y = np.column_stack([y, np.sqrt(y)])
    members = [("ridge", Ridge([0.1, 2.0])), ("linear", LinearRegression()), ("knn", KNeighborsRegressor(4))]
    oof = out_of_fold(members, X, Y, X_test, cv=KFold(4), n_jobs=1)
    return of_run(oof)


@configuration
def ridge_classifiers_at_once() -> Values:
    members = [("ridge", RidgeClassifier(0.5)), ("balanced", RidgeClassifier(class_weight="balanced"))]
    three = at_once_and_plainly(members, WINE)
    return with_prefixes(two=at_once_and_plainly(members, CANCER), three=three)


@configuration
def linear_discriminants_at_once() -> Values:
    members = [
        ("svd", LinearDiscriminantAnalysis()),
        ("lsqr", LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2)),
        ("auto", LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
        ("eigen", LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1)),
    ]
    return at_once_and_plainly(members, WINE)


@configuration
def quadratic_discriminants_at_once() -> Values:
    members = [
        ("qda", QuadraticDiscriminantAnalysis(reg_param=0.1)),
        ("eigen", QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.3)),
    ]
    return at_once_and_plainly(members, IRIS)


@configuration
def naive_bayes_at_once() -> Values:
    members = [
        ("gaussian", GaussianNB()),
        ("smooth", GaussianNB(var_smoothing=0.1)),
        ("multinomial", MultinomialNB()),
        ("complement", ComplementNB(norm=True)),
        ("bernoulli", BernoulliNB(binarize=7.5)),
    ]
    return at_once_and_plainly(members, DIGITS)


@configuration
def nearest_centroids_at_once() -> Values:
    members = [
        ("plain", NearestCentroid()),
        ("shrunken", NearestCentroid(shrink_threshold=0.5, priors="empirical")),
        ("manhattan", NearestCentroid(metric="manhattan")),
    ]
    return at_once_and_plainly(members, IRIS)


@configuration
def nearest_neighbours_at_once() -> Values:
    members = [
        ("uniform", KNeighborsClassifier(5)),
        ("by distance", KNeighborsClassifier(7, weights="distance")),
        ("cosine", KNeighborsClassifier(3, metric="cosine")),
    ]
    numbers = [
        ("uniform", KNeighborsRegressor(5)),
        ("by distance", KNeighborsRegressor(9, weights="distance")),
    ]
    classes = at_once_and_plainly(members, DIGITS)
    return with_prefixes(classes=classes, numbers=at_once_and_plainly(numbers, DIABETES, "kfold"))


@configuration
def support_vectors_at_once() -> Values:
    classes = [("rbf", SVC()), ("poly", SVC(kernel="poly", degree=2)), ("nu", NuSVC(nu=0.2))]
    numbers = [("svr", SVR(C=50.0)), ("nu", NuSVR(C=50.0))]
    return with_prefixes(
        classes=at_once_and_plainly(classes, IRIS),
        digits=at_once_and_plainly([("linear", SVC(kernel="linear"))], DIGITS),
        numbers=at_once_and_plainly(numbers, DIABETES, "kfold"),
    )


@configuration
def kernel_ridge_at_once() -> Values:
    members = [
        ("linear", KernelRidge(0.5)),
        ("rbf", KernelRidge(0.1, kernel="rbf")),
        ("polynomial", KernelRidge(1.0, kernel="polynomial", degree=2)),
    ]
    return at_once_and_plainly(members, DIABETES, "kfold")


@configuration
def scaled_classifiers_at_once() -> Values:
    members = [
        ("lda", LinearDiscriminantAnalysis()),
        ("shrunken", LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
        ("qda", QuadraticDiscriminantAnalysis(reg_param=0.2)),
        ("bayes", GaussianNB()),
        ("centroid", NearestCentroid()),
        ("ridge", RidgeClassifier()),
    ]
    return at_once_and_plainly(scaled(members), WINE)


@configuration
def scaled_regressors_at_once() -> Values:
    members = [("linear", LinearRegression()), ("ridge", Ridge(3.0)), ("strong", Ridge(300.0))]
    return at_once_and_plainly(scaled(members), DIABETES, "kfold")


@configuration
def all_folds_at_once_forward_in_time() -> Values:
    X, y, X_test = DIABETES
    folds = make_folds(y, scheme="forward", n_splits=4, gap=2)
    members = [("ridge", Ridge(0.3)), ("knn", KNeighborsRegressor(5)), ("kernel", KernelRidge(0.5))]
    once = out_of_fold(members, X, y, X_test, cv=folds, n_jobs=1)
    plain = out_of_fold(plainly(members), X, y, X_test, cv=folds, n_jobs=1)
    return with_prefixes(once=of_run(once), plain=of_run(plain))


@configuration
def an_estimator_with_fit_folds() -> Values:
    X, y, X_test = DIABETES
    weights = 1.0 + ROWS[: len(y)] % 2
    members = [("means", FoldMeans()), ("other", FoldMeans()), ("seeded", FoldMeans(5))]
    return of_run(out_of_fold(members, X, y, X_test, cv=3, sample_weight=weights, n_jobs=1, random_state=9))


# --- early stopping


@configuration
def early_stopping_of_scikit_learn() -> Values:
    X, y, X_test = CANCER
    members = [
        ("hist", HistGradientBoostingClassifier(max_iter=15, early_stopping=True, n_iter_no_change=2)),
        ("sgd", make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", early_stopping=True))),
    ]
    groups = ROWS[: len(y)] // 5
    plain = out_of_fold(members, X, y, X_test, cv=3, n_jobs=1, random_state=0)
    grouped = out_of_fold(members, X, y, X_test, cv=3, groups=groups, n_jobs=1, random_state=0)
    watched = out_of_fold(members, X, y, cv=3, early_stopping="held_out", n_jobs=1, random_state=0)
    return with_prefixes(plain=of_run(plain), grouped=of_run(grouped), held_out=of_run(watched))


@configuration
def early_stopping_forward_in_time() -> Values:
    X, y, X_test = DIABETES
    members = [
        ("hist", HistGradientBoostingRegressor(max_iter=15, early_stopping=True, n_iter_no_change=2)),
        ("sgd", SGDRegressor(early_stopping=True)),
    ]
    folds = make_folds(y, scheme="forward", n_splits=3)
    return of_run(out_of_fold(members, X, y, X_test, cv=folds, n_jobs=1, random_state=0))


@configuration
def early_stopping_of_boosting_libraries() -> Values:
    import lightgbm
    import xgboost

    rounds = {"n_estimators": 20, "n_jobs": 1, "max_depth": 3}
    members = [
        ("xgb", xgboost.XGBClassifier(early_stopping_rounds=2, **rounds)),
        ("lgbm", lightgbm.LGBMClassifier(early_stopping_round=2, verbose=-1, **rounds)),
    ]
    X, y, X_test = IRIS
    texts = stack_values(LogisticRegression(), (X, named(y), X_test), members, refit=True)
    held_out = stack_values(MeanClassifier(), CANCER, members, early_stopping="held_out")
    return with_prefixes(texts=texts, held_out=held_out)


# --- stores


@configuration
def a_store_on_disk_cold_and_warm() -> Values:
    X, y, X_test = WINE
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for part in ("cold", "warm"):
            oof = out_of_fold(
                classifiers(), X, y, X_test, cv=3, n_jobs=1, store=DiskStore(folder), random_state=0
            )
            runs[part] = {**of_run(oof), "from store": oof.n_stored, "transform": oof.transform(X_test[:9])}
    return with_prefixes(**runs)


@configuration
def a_store_in_memory_cold_and_warm() -> Values:
    store = MemoryStore()
    cold = stack_values(LogisticRegression(), CANCER, store=store)
    warm = stack_values(
        MeanClassifier(), CANCER, [*classifiers(), ("lda", LinearDiscriminantAnalysis())], store=store
    )
    return {**with_prefixes(cold=cold, warm=warm), "fits kept": len(store)}


@configuration
def nested_levels_with_a_store() -> Values:
    X, y, X_test = DIABETES
    store = MemoryStore()
    levels = LevelsRegressor(
        [regressors(), Level(regressors()[1:], nested=True)], cv=3, random_state=0, store=store
    )
    cold = of_ensemble(levels.fit(X, y), X_test)
    warm = of_ensemble(levels.set_params(refit=True).fit(X, y), X_test)
    return {**with_prefixes(cold=cold, warm=warm), "fits kept": len(store)}


# --- predictions made elsewhere


@configuration
def predictions_of_classes_made_elsewhere() -> Values:
    frame = load_iris(as_frame=True).data.rename_axis("id")
    y = named(load_iris().target)
    train, test = frame[::2], frame[1::2]
    with tempfile.TemporaryDirectory() as folder:
        path, test_path = Path(folder) / "oof.csv", Path(folder) / "test.csv"
        oof = out_of_fold(classifiers(), train, y[::2], test, cv=3, n_jobs=1, random_state=0)
        save_predictions(oof, path, test_path)
        members = [
            ("given", PrecomputedClassifier.load(path, test_path, estimator="forest")),
            ("bayes", GaussianNB()),
        ]
        stack = StackingClassifier(members, LogisticRegression(), cv=3).fit(train, y[::2])
        return {**of_ensemble(stack, test), "file": pd.read_csv(path)}


@configuration
def predictions_of_numbers_made_elsewhere() -> Values:
    X, y, _ = DIABETES
    table = pd.DataFrame({"id": ROWS[:150][::-1], "net": np.round(y * 0.9 + 10, 3)[::-1]})
    frame = pd.DataFrame(X, index=pd.Index(ROWS[:150], name="id")).add_prefix("x")
    members = [("net", PrecomputedRegressor.load(table)), ("ridge", Ridge())]
    return of_run(out_of_fold(members, frame, y, cv=3, n_jobs=1))


# --- combiners as final estimators


@configuration
def mean_classifier() -> Values:
    weights = {"forest": 2, "bayes": 1, "logistic": 0}
    return with_prefixes(
        plain=both_refits(MeanClassifier(), IRIS), given=both_refits(MeanClassifier(weights), CANCER)
    )


@configuration
def mean_regressor() -> Values:
    plain = both_refits_of_regression(MeanRegressor())
    return with_prefixes(plain=plain, given=both_refits_of_regression(MeanRegressor([1, 0, 3])))


@configuration
def geometric_classifier() -> Values:
    return both_refits(GeometricClassifier(), IRIS)


@configuration
def geometric_regressor() -> Values:
    members = [("forest", RandomForestRegressor(5)), ("knn", KNeighborsRegressor(5))]
    return both_refits_of_regression(GeometricRegressor(), members=members)


@configuration
def convex_classifier() -> Values:
    squares = both_refits(ConvexClassifier("squared_error"), CANCER)
    return with_prefixes(loss=both_refits(ConvexClassifier(), IRIS), squares=squares)


@configuration
def convex_regressor() -> Values:
    return both_refits_of_regression(ConvexRegressor())


@configuration
def greedy_classifier() -> Values:
    bagged = GreedyClassifier("roc_auc", n_steps=6, n_bags=4, bag_fraction=0.7)
    return with_prefixes(loss=both_refits(GreedyClassifier(), IRIS), ranks=both_refits(bagged, CANCER))


@configuration
def greedy_regressor() -> Values:
    return both_refits_of_regression(GreedyRegressor(n_steps=10, n_bags=2))


@configuration
def hill_climb_classifier() -> Values:
    positive = HillClimbClassifier("accuracy", negative_weights=False, precision=0.02)
    return with_prefixes(loss=both_refits(HillClimbClassifier(), IRIS), ranks=both_refits(positive, CANCER))


@configuration
def hill_climb_regressor() -> Values:
    return both_refits_of_regression(HillClimbRegressor())


@configuration
def nonnegative_classifier() -> Values:
    return with_prefixes(
        two=both_refits(NonNegativeClassifier(), CANCER), three=both_refits(NonNegativeClassifier(), IRIS)
    )


@configuration
def nonnegative_regressor() -> Values:
    return both_refits_of_regression(NonNegativeRegressor())


@configuration
def rank_classifier() -> Values:
    return both_refits(RankClassifier(), CANCER)


@configuration
def rank_regressor() -> Values:
    return both_refits_of_regression(RankRegressor())


@configuration
def logistic_classifier() -> Values:
    chosen = both_refits(LogisticClassifier(C=None), CANCER)
    return with_prefixes(chosen=chosen, given=both_refits(LogisticClassifier(C=10.0), IRIS))


@configuration
def temperature_classifier() -> Values:
    return with_prefixes(
        mean=both_refits(TemperatureClassifier(), IRIS),
        convex=both_refits(TemperatureClassifier(ConvexClassifier()), CANCER),
    )


@configuration
def isotonic_classifier() -> Values:
    return with_prefixes(
        mean=both_refits(IsotonicClassifier(), CANCER),
        convex=both_refits(IsotonicClassifier(ConvexClassifier()), IRIS),
    )


@configuration
def a_combiner_of_members_without_probabilities() -> Values:
    members = [("bayes", GaussianNB()), ("svc", SVC()), ("linear", LinearSVC()), ("ridge", Ridge())]
    pairwise = [("bayes", GaussianNB()), ("svc", SVC(decision_function_shape="ovo"))]
    return with_prefixes(
        two=both_refits(ConvexClassifier(), CANCER, scaled(members)),
        three=both_refits(MeanClassifier(), IRIS, pairwise),
    )


@configuration
def a_combiner_with_weighted_rows() -> Values:
    X, y, X_test = CANCER
    weights = 1.0 + ROWS[: len(y)] % 3
    values = {}
    for final in (ConvexClassifier(), LogisticClassifier(), GreedyClassifier(n_steps=10)):
        stack = StackingClassifier(classifiers(), final, cv=3, random_state=0)
        values[type(final).__name__] = of_ensemble(stack.fit(X, y, sample_weight=weights), X_test)
    return with_prefixes(**values)


# --- files


@configuration
def a_stack_saved_and_loaded() -> Values:
    X, y, X_test = IRIS
    members = [("lda", LinearDiscriminantAnalysis()), ("bayes", GaussianNB())]
    stack = StackingClassifier(members, ConvexClassifier(), cv=3, random_state=0).fit(X, named(y))
    with tempfile.TemporaryDirectory() as folder:
        path = stack.save(Path(folder) / "stack.stackit", oof=True)
        loaded = StackingClassifier.load(path)
    return with_prefixes(saved=of_ensemble(stack, X_test), loaded=of_ensemble(loaded, X_test))


@configuration
def levels_saved_and_loaded() -> Values:
    X, y, X_test = DIABETES
    second = Level([("linear", LinearRegression()), ("mean", MeanRegressor())], refit=True)
    levels = LevelsRegressor([scaled([("ridge", Ridge()), ("svr", SVR())]), second], cv=3).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        loaded = LevelsRegressor.load(levels.save(Path(folder) / "levels.stackit"))
    return {
        "saved": levels.predict(X_test),
        "loaded": loaded.predict(X_test),
        "transform": loaded.transform(X_test),
    }


# --- neural nets


@configuration
def nets_on_all_folds_at_once() -> Values:
    from stackit.neural import BatchNormMLPClassifier

    X, y, X_test = IRIS
    members = [
        ("net", BatchNormMLPClassifier((8,), max_iter=4, precision="float64")),
        ("bag", BatchNormMLPClassifier((6, 4), max_iter=3, n_estimators=2, precision="float64")),
        ("stops", BatchNormMLPClassifier((6,), max_iter=6, early_stopping=True, precision="float64")),
    ]
    once = out_of_fold(members, X, named(y), X_test, cv=3, n_jobs=1, random_state=0)
    plain = out_of_fold(plainly(members[:2]), X, named(y), X_test, cv=3, n_jobs=1, random_state=0)
    return with_prefixes(once=of_run(once), plain=of_run(plain))


@configuration
def nets_for_numbers() -> Values:
    from stackit.neural import BatchNormMLPRegressor

    net = BatchNormMLPRegressor((8,), max_iter=4, precision="float64")
    return regression_stack_values(Ridge(), [("net", net), ("ridge", Ridge())], refit=True)


@configuration
def nets_for_images() -> Values:
    from stackit.neural import BatchNormConvNetClassifier

    layers = [("conv", 3, 3), "batch_norm", "relu", ("max_pool", 2), "flatten"]
    net = BatchNormConvNetClassifier(layers, image_shape=(1, 8, 8), max_iter=2, precision="float64")
    X, y, X_test = DIGITS
    return of_run(out_of_fold([("net", net)], X, y, X_test, cv=3, n_jobs=1, random_state=0))


@configuration
def nets_for_frames() -> Values:
    from stackit.neural import BatchNormMLPClassifier

    frame, y, test = passengers()
    members = [("net", BatchNormMLPClassifier((6,), max_iter=3, precision="float64"))]
    frame, test = frame.drop(columns="age"), test.drop(columns="age")
    return of_run(out_of_fold(members, frame, y, test, cv=3, n_jobs=1, random_state=0))


# --- honest scores


@configuration
def comparison_of_final_estimators() -> Values:
    X, y, _ = WINE
    oof = out_of_fold(classifiers(), X, y, cv=3, n_jobs=1, random_state=0)
    finals = {"regression": LogisticRegression(), "convex": ConvexClassifier()}
    found = compare(oof, finals, scoring="neg_log_loss")
    won = gain(found, "convex")
    return {
        "table": found.table,
        "folds": found.folds,
        "chosen": [name for names in found.chosen for name in names],
        "gain": won.table,
    }


@configuration
def comparison_on_repeated_folds() -> Values:
    X, y, _ = DIABETES
    folds = make_folds(y, scheme="kfold", n_splits=3, n_repeats=2)
    stack = StackingRegressor(regressors(), ConvexRegressor(), cv=folds, random_state=0).fit(X, y)
    found = compare(stack)
    return {"table": found.table, "folds": found.folds, "gain": gain(found).table}


@configuration
def comparison_with_columns_of_X() -> Values:
    X, y, _ = DIABETES
    stack = StackingRegressor(regressors(), Ridge(), cv=3, passthrough=True, random_state=0).fit(X, y)
    found = compare(stack, X=X)
    return {"table": found.table, "nested": found.nested}


@configuration
def nested_scores() -> Values:
    X, y, _ = IRIS
    stack = StackingClassifier(classifiers()[1:], ConvexClassifier(), cv=3, random_state=0)
    of_stack = nested_score(stack, X, named(y), cv=3)
    levels = LevelsClassifier([classifiers()[1:], [("bayes", GaussianNB())]], cv=3, random_state=0)
    of_levels = nested_score(levels, X, y, cv=3, inner_cv=2, scoring="neg_log_loss")
    return {"stack": of_stack.table, "levels": of_levels.table}


@configuration
def worth_of_members() -> Values:
    X, y, _ = CANCER
    members = [*classifiers(), ("knn", KNeighborsClassifier())]
    oof = out_of_fold(members, X, y, cv=3, n_jobs=1, random_state=0)
    exact = shapley(oof)
    sampled = shapley(oof, LogisticClassifier(), scoring="neg_log_loss", n_permutations=4, random_state=1)
    different = diversity(oof)
    return {
        "exact": exact.table,
        "sampled": sampled.table,
        "ends": [exact.score_of_none, exact.score_of_all, sampled.score_of_none, sampled.score_of_all],
        "correlation": different.correlation,
        "diversity": different.table,
        "score": different.score,
    }


@configuration
def worth_of_regressors() -> Values:
    X, y, _ = DIABETES
    stack = StackingRegressor(regressors(), ConvexRegressor(), cv=3, random_state=0).fit(X, y)
    return {"shapley": shapley(stack).table, "diversity": diversity(stack, ConvexRegressor()).table}


@configuration
def average_or_refit_of_a_stack() -> Values:
    X, y, X_test = DIABETES
    found = average_or_refit(
        StackingRegressor([("ridge", Ridge(0.1)), ("tree", DecisionTreeRegressor())], cv=3, random_state=0),
        X_test,
        X,
        y,
    )
    return {
        "table": found.table,
        "average": found.average,
        "refitted": found.refitted,
        "shrunk": found.shrunk,
    }


@configuration
def alarm_of_overfitting() -> Values:
    X, y, X_test = CANCER
    members = [*classifiers(), ("dummy", DummyClassifier())]
    oof = out_of_fold(members, X, y, cv=4, n_jobs=1, random_state=0)
    found = overfitting_alarm(oof, X_test, X=X)
    return {"table": found.table, "alarmed": found.alarmed}
