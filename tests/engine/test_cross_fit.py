"""The out-of-fold engine: no leak, classes, weights, groups, seeds, concurrency, failure, inputs."""

import pickle
import threading
import time
import traceback
import warnings
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib._parallel_backends import ThreadingBackend
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, LogisticRegressionCV, Ridge, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, make_scorer, r2_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_info
from xgboost import XGBClassifier

import stackit
from stackit import Folds, OutOfFold, make_folds

out_of_fold = partial(stackit.out_of_fold, n_jobs=1)

X, Y = make_classification(90, 6, n_informative=4, random_state=0)
X3, Y3 = make_classification(90, 6, n_informative=4, n_classes=3, random_state=1)
XR, YR = make_regression(90, 6, noise=10.0, random_state=2)
NAMES = np.array(["no", "yes"])[Y]
EVEN = np.concatenate([np.flatnonzero(Y == label)[:42] for label in (0, 1)])  # three folds of equal shares
NAMES3 = np.array(["b", "a", "c"])[Y3]
LABELS = np.c_[Y, Y3 > 0, XR[:, 0] > 0].astype(int)
OUTPUTS = np.c_[YR, YR**2, XR[:, 0]]
WEIGHTS = np.random.default_rng(0).uniform(0.1, 3, 90)
GROUPS = np.arange(90) // 6
LR = LogisticRegression()
KNN = KNeighborsClassifier()
NB = GaussianNB()


class Watched(RegressorMixin, BaseEstimator):
    """Predicts the mean; counts its fits and how many of them run at once."""

    lock = threading.Lock()
    running = most = fits = 0

    def __init__(self, seconds=0.0, fail_on=None):
        self.seconds = seconds
        self.fail_on = fail_on

    def fit(self, X, y):
        with self.lock:
            Watched.fits += 1
            Watched.running += 1
            Watched.most = max(self.most, self.running)
        time.sleep(self.seconds)
        with self.lock:
            Watched.running -= 1
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class Stamped(RegressorMixin, BaseEstimator):
    """Writes when its fit began and ended into a folder that other processes see too."""

    def __init__(self, folder, seconds=0.1):
        self.folder = folder
        self.seconds = seconds

    def fit(self, X, y):
        begin = time.time()
        time.sleep(self.seconds)
        path = self.folder / f"{id(self)}-{begin}"
        path.write_text(f"{begin} {time.time()}")
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Threads(RegressorMixin, BaseEstimator):
    """Remembers the number of BLAS and OpenMP threads, and its own n_jobs, during fit."""

    def __init__(self, n_jobs=None):
        self.n_jobs = n_jobs

    def fit(self, X, y):
        X.T @ X
        self.threads_ = max((pool["num_threads"] for pool in threadpool_info()), default=1)
        self.jobs_ = self.n_jobs
        return self

    def predict(self, X):
        return np.zeros(len(X))


class BrokenError(Exception):
    """An error of a type of its own."""


class AwkwardError(Exception):
    """An error that pickle cannot bring back."""

    def __init__(self, row, column):
        super().__init__(f"row {row} column {column}")


class Broken(RegressorMixin, BaseEstimator):
    """Fails, on all folds or on those that do not train on some row."""

    def __init__(self, without=None, error=BrokenError):
        self.without = without
        self.error = error

    def fit(self, X, y):
        if self.without is None or self.without not in X[:, -1]:
            self.refuse()
        return self

    def refuse(self):
        raise self.error(*range(2)) if self.error is AwkwardError else self.error("this fold is cursed")

    def predict(self, X):
        return np.zeros(len(X))


@pytest.fixture
def watched():
    Watched.running = Watched.most = Watched.fits = 0
    return Watched


def assert_equal_to_rounding(found, expected):
    """Equal to 1e-9, as all folds fitted at once are to folds fitted one by one."""
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(np.asarray(expected)).max())


def column(oof):
    return oof.meta_train.to_numpy()


# --- equal to doing it by hand


def test_a_nearest_neighbour_worked_by_hand():
    X, y = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]]), [0, 1, 1, 0, 0, 1]
    folds = [([1, 2, 4, 5], [0, 3]), ([0, 2, 3, 5], [1, 4]), ([0, 1, 3, 4], [2, 5])]
    oof = out_of_fold([("nn", KNeighborsClassifier(1))], X, y, [[0.4], [11.6]], cv=folds)
    # Row 0 is nearest to 1 (class 1), row 3 to 4 (0); row 1 is as near to 0 as to 2, and 0 comes first ...
    assert oof.meta_train["nn"].tolist() == [1, 0, 1, 0, 0, 0]
    # ... and the test rows' neighbours in the three folds are 1, 0, 0 and 5, 5, 4.
    assert oof.meta_test["nn"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert oof.scores["score"].tolist() == [0.5, 0.5, 0.5]
    assert oof.summary.loc["nn"].tolist() == [0.5, 0.0, 0.0, 0.5]


CASES = {
    "probability": (LR, X, Y, "predict_proba"),
    "probability of names": (LR, X, NAMES, "predict_proba"),
    "probabilities": (NB, X3, NAMES3, "predict_proba"),
    "decision": (LinearSVC(), X, NAMES, "decision_function"),
    "decisions": (LinearSVC(), X3, NAMES3, "decision_function"),
    "pairwise decisions": (SVC(decision_function_shape="ovo"), X3, NAMES3, "decision_function"),
    "regression": (Ridge(), XR, YR, "predict"),
    "several outputs": (Ridge(), XR, OUTPUTS, "predict"),
    "several labels": (MultiOutputClassifier(LR), X, LABELS, "predict"),
}


@pytest.mark.parametrize("cv", [KFold(4), KFold(4, shuffle=True, random_state=0)], ids=["rows", "shuffled"])
@pytest.mark.parametrize(("estimator", "X", "y", "method"), CASES.values(), ids=CASES)
def test_out_of_fold_equals_cross_val_predict(estimator, X, y, method, cv):
    theirs = cross_val_predict(estimator, X, y, cv=cv, method=method).reshape(len(X), -1)
    theirs = theirs[:, 1:] if method == "predict_proba" and theirs.shape[1] == 2 else theirs
    ours = out_of_fold([("a", estimator)], X, y, cv=cv, stack_method=method)
    assert_equal_to_rounding(column(ours), theirs)


@pytest.mark.parametrize(
    "estimator", [KNN, MultiOutputClassifier(LR), RandomForestClassifier(5, random_state=0)]
)
def test_several_labels_give_the_probability_of_each(estimator):
    theirs = cross_val_predict(estimator, X, LABELS, cv=4, method="predict_proba")
    oof = out_of_fold([("a", estimator)], X, LABELS, cv=4)
    np.testing.assert_array_equal(column(oof), np.column_stack([table[:, 1] for table in theirs]))
    assert oof.scores["score"].between(0, 1).all()


@pytest.mark.parametrize("y", [Y, NAMES, Y3, NAMES3], ids=["0 1", "names", "0 1 2", "three names"])
def test_predicted_labels_become_positions_of_the_sorted_classes(y):
    theirs = cross_val_predict(NB, X, y, cv=4)
    oof = out_of_fold([("nb", NB)], X, y, cv=4, stack_method="predict")
    assert np.unique(y)[oof.meta_train["nb"].astype(int)].tolist() == theirs.tolist()
    assert oof.summary.loc["nb", "whole"] == accuracy_score(y, theirs)


@pytest.mark.parametrize(("estimator", "X", "y", "method"), CASES.values(), ids=CASES)
def test_the_test_table_is_the_average_over_folds(estimator, X, y, method):
    cv, X_test = KFold(3, shuffle=True, random_state=1), X[::-1][:20] + 0.1
    predictions = [
        getattr(estimator.fit(X[train], y[train]), method)(X_test).reshape(20, -1) for train, _ in cv.split(X)
    ]
    mean = np.mean(predictions, axis=0)
    mean = mean[:, 1:] if method == "predict_proba" and mean.shape[1] == 2 else mean
    oof = out_of_fold([("a", estimator)], X, y, X_test, cv=cv, stack_method=method)
    np.testing.assert_allclose(oof.meta_test, mean, rtol=1e-12)
    np.testing.assert_allclose(oof.transform(X_test), mean, rtol=1e-12)


def test_the_test_labels_are_those_of_most_folds():
    cv, X_test = KFold(3), X3[:40] + 0.3
    votes = np.array(
        [
            DecisionTreeClassifier(random_state=0).fit(X3[a], NAMES3[a]).predict(X_test)
            for a, _ in cv.split(X3)
        ]
    )
    tables = [(votes == name).sum(axis=0) for name in "abc"]
    oof = out_of_fold(
        [("t", DecisionTreeClassifier(random_state=0))], X3, NAMES3, X_test, cv=cv, stack_method="predict"
    )
    assert oof.meta_test["t"].tolist() == np.argmax(tables, axis=0).tolist()


def test_regressors_among_classifiers_predict_class_positions():
    oof = out_of_fold([("nb", NB), ("ridge", Ridge())], X3, NAMES3, cv=3)
    theirs = cross_val_predict(
        Ridge(), X3, np.unique(NAMES3, return_inverse=True)[1], cv=StratifiedKFold(3).split(X3, NAMES3)
    )
    np.testing.assert_allclose(oof.meta_train["ridge"], theirs)


def test_there_is_no_test_table_without_test_rows():
    assert out_of_fold([("lr", LR)], X, Y, cv=3).meta_test is None


def test_fold_estimators_are_those_of_the_splits_in_order():
    oof = out_of_fold([("ridge", Ridge())], XR, YR, cv=KFold(3))
    for ridge, (train, _) in zip(oof["ridge"].fold_estimators, KFold(3).split(XR), strict=True):
        assert_equal_to_rounding(ridge.coef_, Ridge().fit(XR[train], YR[train]).coef_)


# --- no leak


def own_label_reaches(table_of, y, row, other):
    """Tell whether the row of a table changes when that row's own label does."""
    altered = y.copy()
    altered[row] = other
    return not np.array_equal(table_of(y)[row], table_of(altered)[row])


NUMBER_MEMBERS = [
    ("ridge", Ridge()),
    ("tree", DecisionTreeRegressor(random_state=0)),
    ("nn", KNeighborsRegressor(1)),
    ("scaled", TransformedTargetRegressor(Ridge(), transformer=StandardScaler())),
]
CLASS_MEMBERS = [
    ("nb", NB),
    ("tree", DecisionTreeClassifier(random_state=0)),
    ("nn", KNeighborsClassifier(1)),
]
few = settings(max_examples=15, deadline=None, derandomize=True)


@few
@given(st.integers(0, 89), st.floats(-1e6, 1e6), st.integers(1, 2))
def test_a_rows_own_number_never_reaches_its_own_predictions(row, other, n_repeats):
    folds = make_folds(YR, scheme="kfold", n_splits=3, n_repeats=n_repeats)
    assert not own_label_reaches(
        lambda y: column(out_of_fold(NUMBER_MEMBERS, XR, y, cv=folds)), YR, row, other
    )


@few
@given(st.integers(0, 89), st.integers(1, 2))
def test_a_rows_own_class_never_reaches_its_own_predictions(row, step):
    folds = make_folds(Y3, n_splits=3)
    other = (Y3[row] + step) % 3
    assert not own_label_reaches(
        lambda y: column(out_of_fold(CLASS_MEMBERS, X3, y, cv=folds)), Y3, row, other
    )


def test_the_leak_test_catches_predictions_of_rows_seen_in_training():
    def in_sample(y):
        return np.column_stack([estimator.fit(XR, y).predict(XR) for _, estimator in NUMBER_MEMBERS])

    assert own_label_reaches(in_sample, YR, 7, YR[7] + 50)


NOISE = np.random.default_rng(5).normal(size=(400, 3))
COINS = np.random.default_rng(6).permutation(np.arange(400) % 2)
THREE_SIGMA = 3 * np.sqrt(401 / (12 * 200 * 200))


def test_random_labels_are_predicted_at_chance():
    members = [
        ("lr", LR),
        ("nn", KNeighborsClassifier(1)),
        ("tree", DecisionTreeClassifier(random_state=0)),
        ("nb", NB),
    ]
    table = out_of_fold(members, NOISE, COINS, cv=make_folds(COINS)).meta_train
    for name, _ in members:
        assert abs(roc_auc_score(COINS, table[name]) - 0.5) < THREE_SIGMA


def test_the_chance_test_catches_predictions_of_rows_seen_in_training():
    in_sample = KNeighborsClassifier(1).fit(NOISE, COINS).predict_proba(NOISE)[:, 1]
    assert abs(roc_auc_score(COINS, in_sample) - 0.5) > THREE_SIGMA


# --- classes are those of the whole y

RARE_X = np.random.default_rng(0).normal(size=(30, 3))
RARE = np.array(["b"] * 12 + ["c"] * 3 + ["a"] * 15)
RARE_FOLDS = [(np.setdiff1d(np.arange(30), rows), rows) for rows in (np.arange(10, 20), np.r_[:10, 20:30])]
LACKS = r"lacks classes \(repeat 0 fold 0 lacks c\).*probability 0"


@pytest.mark.parametrize(
    "estimator", [KNeighborsClassifier(3), NB, RandomForestClassifier(3, random_state=0)]
)
def test_a_class_missing_in_a_fold_gets_probability_zero_in_its_own_column(estimator):
    with pytest.warns(UserWarning, match=LACKS) as caught:
        oof = out_of_fold([("e", estimator)], RARE_X, RARE, RARE_X, cv=RARE_FOLDS)
    assert len(caught) == 1
    assert oof.meta_train.columns.tolist() == ["e__a", "e__b", "e__c"]
    (train, held_out), (other, _) = RARE_FOLDS
    two = estimator.fit(RARE_X[train], RARE[train]).predict_proba(RARE_X)
    np.testing.assert_array_equal(column(oof)[held_out], np.c_[two, np.zeros(30)][held_out])
    three = estimator.fit(RARE_X[other], RARE[other]).predict_proba(RARE_X)
    np.testing.assert_allclose(oof.meta_test, (np.c_[two, np.zeros(30)] + three) / 2)


def test_the_one_warning_of_missing_classes_says_where_it_comes_from():
    with pytest.warns(UserWarning, match=LACKS) as caught:
        out_of_fold([("nb", NB), ("knn", KNN)], RARE_X, RARE, cv=RARE_FOLDS)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("estimator", [LR, LinearSVC(), SVC()])
def test_a_class_missing_in_a_fold_is_never_the_decision(estimator):
    with pytest.warns(UserWarning, match=LACKS):
        oof = out_of_fold([("e", estimator)], RARE_X, RARE, cv=RARE_FOLDS, stack_method="decision_function")
    (train, held_out), _ = RARE_FOLDS
    labels = estimator.fit(RARE_X[train], RARE[train]).predict(RARE_X[held_out])
    decisions = column(oof)[held_out]
    assert np.array(["a", "b", "c"])[decisions.argmax(axis=1)].tolist() == labels.tolist()
    assert (decisions[:, 2] == decisions.min(axis=1)).all()


def test_predicted_labels_are_not_mixed_up_by_a_missing_class():
    with pytest.warns(UserWarning, match=LACKS):
        oof = out_of_fold([("nb", NB)], RARE_X, RARE, cv=RARE_FOLDS, stack_method="predict")
    theirs = cross_val_predict(NB, RARE_X, RARE, cv=RARE_FOLDS)
    assert np.array(["a", "b", "c"])[oof.meta_train["nb"].astype(int)].tolist() == theirs.tolist()


@pytest.mark.parametrize("estimator", [KNN, DummyClassifier(strategy="prior"), DecisionTreeClassifier()])
def test_a_training_part_of_one_class_gives_certainty(estimator):
    y = np.r_[np.zeros(10, int), np.ones(10, int)]
    with pytest.warns(UserWarning, match=r"fold 0 lacks 0, repeat 0 fold 1 lacks 1"):
        oof = out_of_fold([("e", estimator)], X[:20], y, cv=KFold(2))
    assert oof.meta_train["e"].tolist() == [1.0] * 10 + [0.0] * 10
    assert oof.summary.loc["e", "whole"] == 0


@pytest.mark.parametrize(
    "y", [NAMES3, Y3 + 1, Y3 * 2.0 - 2, Y == 1, NAMES, np.where(Y, 1, -1)], ids=lambda y: str(np.unique(y))
)
def test_xgboost_takes_any_labels(y):
    booster = pytest.importorskip("xgboost").XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1)
    codes = np.unique(y, return_inverse=True)[1]
    expected = out_of_fold([("xgb", booster)], X3, codes, cv=KFold(3))
    oof = out_of_fold([("xgb", booster)], X3, y, cv=KFold(3))
    np.testing.assert_array_equal(column(oof), column(expected))
    assert oof.summary["whole"].tolist() == expected.summary["whole"].tolist()


@pytest.mark.parametrize("method", ["predict_proba", "predict"])
@pytest.mark.parametrize("codes", [False, True])
def test_xgboost_takes_a_fold_without_a_middle_class(method, codes):
    booster = pytest.importorskip("xgboost").XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1)
    y = np.select([RARE == "a", RARE == "c"], ["a", "m"], "z")
    y = np.unique(y, return_inverse=True)[1] if codes else y
    with pytest.warns(UserWarning, match="fold 0 lacks"):
        oof = out_of_fold([("xgb", booster)], RARE_X, y, cv=RARE_FOLDS, stack_method=method)
    held_out = RARE_FOLDS[0][1]
    found = column(oof)[held_out]
    winners = found.argmax(axis=1) if method == "predict_proba" else found[:, 0]
    assert set(winners) <= {0, 2}
    train = RARE_FOLDS[0][0]
    labels = booster.fit(RARE_X[train], y[train] == y[-1]).predict(RARE_X[held_out])
    assert (winners == 0).tolist() == (labels == 1).tolist()
    if method == "predict_proba":
        assert (found[:, 1] == 0).all()


def test_pairwise_decisions_of_four_classes_are_columns_and_scored():
    y = np.arange(90) % 4
    X4, svm = X + y[:, None], SVC(decision_function_shape="ovo")
    oof = out_of_fold([("svm", svm)], X4, y, cv=KFold(3))
    theirs = cross_val_predict(svm, X4, y, cv=KFold(3), method="decision_function")
    assert_equal_to_rounding(column(oof), theirs)
    # Ties of votes between the pairs may be broken in more than one way.
    right = accuracy_score(y, cross_val_predict(svm, X4, y, cv=KFold(3)))
    assert oof.summary.loc["svm", "whole"] == pytest.approx(right, abs=0.05)


def test_pairwise_decisions_are_not_taken_for_those_of_classes():
    X, y = load_iris(return_X_y=True)
    one, pair = SVC(), SVC(decision_function_shape="ovo")
    oof = out_of_fold([("one", one), ("pair", pair)], X, y, cv=3, stack_method="decision_function")
    assert oof.summary.loc["pair", "whole"] == pytest.approx(oof.summary.loc["one", "whole"], abs=0.05)


def test_a_class_that_an_estimator_invents_is_named():
    class Liar(DecisionTreeClassifier):
        def fit(self, X, y):
            super().fit(X, y)
            self.classes_ = np.array(["no", "why"])
            return self

    with pytest.raises(
        ValueError,
        match=r"Classes of estimator 'liar' \(repeat 0 fold 0\) must be among those of y \(no, yes\).*why",
    ):
        out_of_fold([("liar", Liar())], X, NAMES, cv=2)


# --- partial cover and repeats


def test_rows_that_no_fold_holds_out_are_missing_and_counted():
    oof = out_of_fold([("ridge", Ridge()), ("knn", KNeighborsRegressor())], XR, YR, XR, cv=TimeSeriesSplit(4))
    assert oof.coverage.tolist() == [0] * 18 + [1] * 72
    assert oof.meta_train.isna().all(axis=1).tolist() == [True] * 18 + [False] * 72
    assert oof.meta_test.notna().all(axis=None)
    for train, held_out in TimeSeriesSplit(4).split(XR):
        np.testing.assert_array_equal(
            oof.meta_train["ridge"][held_out], Ridge().fit(XR[train], YR[train]).predict(XR[held_out])
        )
    assert oof.summary.loc["ridge", "whole"] == r2_score(YR[18:], oof.meta_train["ridge"][18:])


@pytest.mark.parametrize("method", ["predict_proba", "predict", "decision_function"])
def test_rows_that_no_fold_holds_out_are_missing_for_classes_too(method):
    oof = out_of_fold([("lr", LR)], X3, NAMES3, cv=TimeSeriesSplit(4), stack_method=method)
    assert oof.meta_train.isna().any(axis=1).tolist() == [True] * 18 + [False] * 72
    assert 0 <= oof.summary.loc["lr", "whole"] <= 1


@pytest.mark.parametrize(
    "cv",
    [RepeatedKFold(n_splits=3, n_repeats=4, random_state=0), ShuffleSplit(7, test_size=0.3, random_state=0)],
)
def test_repeats_are_averaged_row_by_row(cv):
    total, count = np.zeros(90), np.zeros(90)
    tests = []
    for train, held_out in cv.split(XR):
        ridge = Ridge().fit(XR[train], YR[train])
        total[held_out] += ridge.predict(XR[held_out])
        count[held_out] += 1
        tests.append(ridge.predict(XR[:5]))
    oof = out_of_fold([("ridge", Ridge())], XR, YR, XR[:5], cv=cv)
    assert oof.coverage.tolist() == count.tolist()
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(oof.meta_train["ridge"], total / count, rtol=1e-12)
    np.testing.assert_allclose(oof.meta_test["ridge"], np.mean(tests, axis=0), rtol=1e-12)


def test_repeated_labels_are_those_of_most_repeats():
    cv = RepeatedKFold(n_splits=3, n_repeats=3, random_state=0)
    tree = DecisionTreeClassifier(random_state=0)
    votes = np.zeros((90, 3))
    for train, held_out in cv.split(X3):
        votes[held_out, tree.fit(X3[train], Y3[train]).predict(X3[held_out])] += 1
    oof = out_of_fold([("tree", tree)], X3, Y3, cv=cv, stack_method="predict")
    assert oof.meta_train["tree"].tolist() == votes.argmax(axis=1).tolist()


# --- weights


def test_one_warning_names_estimators_that_cannot_take_weights():
    with pytest.warns(
        UserWarning, match="sample_weight is not passed to knn, pipe: they cannot take it"
    ) as caught:
        oof = out_of_fold(
            [("knn", KNN), ("nb", NB), ("pipe", make_pipeline(StandardScaler(), KNN))],
            X,
            Y,
            cv=3,
            sample_weight=WEIGHTS,
        )
    assert len(caught) == 1
    np.testing.assert_array_equal(
        oof.meta_train["knn"], out_of_fold([("knn", KNN)], X, Y, cv=3).meta_train["knn"]
    )
    assert (oof.meta_train["nb"] != out_of_fold([("nb", NB)], X, Y, cv=3).meta_train["nb"]).any()


def test_the_warning_of_weights_points_at_the_caller():
    with pytest.warns(UserWarning, match="sample_weight is not passed") as caught:
        out_of_fold([("knn", KNN)], X, Y, cv=3, sample_weight=WEIGHTS)
    assert caught[0].filename == __file__


def weighted_by_hand(estimator, X, y, name):
    table = np.zeros(len(y))
    for train, held_out in KFold(3).split(X):
        table[held_out] = estimator.fit(X[train], y[train], **{name: WEIGHTS[train]}).predict(X[held_out])
    return table


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Ridge(), "sample_weight"),
        (make_pipeline(StandardScaler(), Ridge()), "ridge__sample_weight"),
        (
            make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge())),
            "pipeline__ridge__sample_weight",
        ),
        (GridSearchCV(Ridge(), {"alpha": [1, 10]}, cv=2), "sample_weight"),
        (GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {}, cv=2), "ridge__sample_weight"),
        (TransformedTargetRegressor(Ridge()), "sample_weight"),
        (RidgeCV(), "sample_weight"),
        (MultiOutputRegressor(Ridge()), None),
    ],
    ids=[
        "ridge",
        "pipeline",
        "pipeline in pipeline",
        "search",
        "search of a pipeline",
        "target",
        "cv",
        "outputs",
    ],
)
def test_weights_reach_estimators_inside_others(estimator, name):
    y = YR if name else np.c_[YR, -YR]
    oof = out_of_fold([("e", estimator)], XR, y, cv=KFold(3), sample_weight=WEIGHTS)
    expected = weighted_by_hand(estimator if name else Ridge(), XR, YR, name or "sample_weight")
    np.testing.assert_allclose(column(oof)[:, 0], expected, rtol=1e-10)


@pytest.mark.parametrize(
    "estimator",
    [
        OneVsRestClassifier(LR),
        OneVsRestClassifier(KNN),
        VotingClassifier([("lr", LR), ("nb", NB)]),
        VotingClassifier([("lr", LR), ("knn", KNN)]),
        CalibratedClassifierCV(NB, cv=2),
        BaggingClassifier(LR, 2),
        GridSearchCV(KNN, {"n_neighbors": [1, 3]}, cv=2),
        LogisticRegressionCV(Cs=2, cv=2, l1_ratios=(0,), use_legacy_attributes=False, scoring="accuracy"),
        make_pipeline(SelectFromModel(LR), KNN),
    ],
    ids=str,
)
def test_weights_are_taken_or_warned_of_but_never_an_error(estimator):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        oof = out_of_fold([("wrapped", estimator)], X, Y, cv=2, sample_weight=WEIGHTS)
        plain = out_of_fold([("wrapped", estimator)], X, Y, cv=2)
    ignored = (column(oof) == column(plain)).all()
    assert any("not passed to wrapped" in str(warning.message) for warning in caught) == ignored


@pytest.mark.parametrize(
    "wrapped", [MultiOutputRegressor(KNeighborsRegressor()), MultiOutputRegressor(Ridge())]
)
def test_weights_of_several_outputs_are_taken_or_warned_of(wrapped):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        oof = out_of_fold([("wrapped", wrapped)], XR, OUTPUTS, cv=2, sample_weight=WEIGHTS)
    ignored = (column(oof) == column(out_of_fold([("wrapped", wrapped)], XR, OUTPUTS, cv=2))).all()
    assert bool(caught) == ignored


@few
@given(st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_whole_weights_are_repeated_rows(counts):
    counts = np.array([1, 2] * 15 + counts + [1] * 30)
    repeated = np.repeat(np.arange(90), counts)
    folds = make_folds(Y, n_splits=3)
    copies = [tuple(np.flatnonzero(np.isin(repeated, rows)) for rows in pair) for pair in folds.split()]
    members = [
        ("ridge", Ridge()),
        ("ols", LinearRegression()),
        ("tree", DecisionTreeRegressor(random_state=0, max_depth=3)),
    ]
    weighted = out_of_fold(members, XR, YR, XR, cv=folds, sample_weight=counts)
    long = out_of_fold(members, XR[repeated], YR[repeated], XR, cv=copies)
    np.testing.assert_allclose(
        weighted.meta_test[["ridge", "ols"]], long.meta_test[["ridge", "ols"]], rtol=1e-6
    )
    np.testing.assert_allclose(column(weighted)[repeated][:, :2], column(long)[:, :2], rtol=1e-6)
    np.testing.assert_allclose(weighted.summary["whole"][:2], long.summary["whole"][:2], rtol=1e-6)


def test_scores_are_weighted():
    oof = out_of_fold([("nb", NB)], X, Y, cv=KFold(3), sample_weight=WEIGHTS)
    hits = (oof.meta_train["nb"] > 0.5) == Y
    by_hand = [np.average(hits[rows], weights=WEIGHTS[rows]) for _, rows in KFold(3).split(X)]
    assert oof.scores["score"].tolist() == pytest.approx(by_hand)
    assert oof.summary.loc["nb", "whole"] == pytest.approx(np.average(hits, weights=WEIGHTS))


def test_a_scorer_that_knows_no_weights_scores_without_them():
    def hits(estimator, X, y):
        return (estimator.predict(X) == y).mean()

    weighted = out_of_fold([("lr", LR)], X, Y, cv=3, sample_weight=WEIGHTS, scoring=hits)
    accuracy = out_of_fold([("lr", LR)], X, Y, cv=3, sample_weight=WEIGHTS)
    assert weighted.scores["score"].mean() == pytest.approx(
        np.mean([((weighted.meta_train["lr"] > 0.5) == Y)[rows].mean() for _, rows in weighted.folds.split()])
    )
    assert weighted.scores["score"].tolist() != accuracy.scores["score"].tolist()


@pytest.mark.parametrize("scoring", ["neg_max_error", "neg_median_absolute_error"])
def test_weights_and_a_metric_without_weights_are_no_error(scoring):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oof = out_of_fold([("ridge", Ridge())], XR, YR, cv=3, sample_weight=WEIGHTS, scoring=scoring)
        assert (oof.scores["score"] < 0).all()


# --- groups


def test_groups_reach_the_splitter():
    oof = out_of_fold([("nn", KNeighborsRegressor(1))], XR, YR, cv=GroupKFold(3), groups=GROUPS)
    theirs = cross_val_predict(KNeighborsRegressor(1), XR, YR, cv=GroupKFold(3), groups=GROUPS)
    np.testing.assert_array_equal(oof.meta_train["nn"], theirs)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize(
    ("member", "X", "y"), [(LR, X, NAMES), (Ridge(), XR, YR)], ids=["classes", "numbers"]
)
def test_groups_make_a_number_of_folds_group_folds(cv, member, X, y):
    oof = out_of_fold([("e", member)], X, y, cv=cv, groups=[f"g{group}" for group in GROUPS])
    for train, held_out in oof.folds.split():
        assert not set(GROUPS[train]) & set(GROUPS[held_out])


def test_without_group_folds_a_memory_of_groups_looks_like_skill():
    X, y = (
        GROUPS[:, None] + np.random.default_rng(0).normal(0, 0.01, (90, 1)),
        np.random.default_rng(1).normal(size=15)[GROUPS],
    )
    nn = [("nn", KNeighborsRegressor(1))]
    assert out_of_fold(nn, X, y, cv=KFold(5, shuffle=True, random_state=0)).summary.loc["nn", "whole"] > 0.9
    assert out_of_fold(nn, X, y, cv=5, groups=GROUPS).summary.loc["nn", "whole"] < 0.5


@pytest.mark.parametrize(
    "estimator",
    [
        GridSearchCV(LR, {"C": [1, 2]}, cv=2),
        GridSearchCV(LR, {"C": [1, 2]}, cv=GroupKFold(2)),
        make_pipeline(StandardScaler(), GridSearchCV(LR, {"C": [1, 2]}, cv=GroupKFold(2))),
        LogisticRegressionCV(Cs=2, cv=2, l1_ratios=(0,), use_legacy_attributes=False, scoring="accuracy"),
        CalibratedClassifierCV(NB, cv=2),
        NB,
    ],
    ids=str,
)
def test_groups_disturb_no_estimator_and_reach_searches_that_want_them(estimator):
    oof = out_of_fold([("e", estimator)], X, Y, cv=3, groups=GROUPS)
    assert oof.meta_train.notna().all(axis=None)


# --- seeds

RANDOM = [
    ("forest", RandomForestClassifier(3)),
    ("extra", ExtraTreesClassifier(3)),
    ("pipe", make_pipeline(StandardScaler(), DecisionTreeClassifier(max_features=1))),
]


def test_processes_change_nothing():
    folds = make_folds(Y, n_splits=3, n_repeats=2)
    one = out_of_fold(RANDOM, X, Y, X, cv=folds, n_jobs=1)
    two = out_of_fold(RANDOM, X, Y, X, cv=folds, n_jobs=2)
    pd.testing.assert_frame_equal(one.meta_train, two.meta_train, check_exact=True)
    pd.testing.assert_frame_equal(one.meta_test, two.meta_test, check_exact=True)
    assert one.scores.drop(columns="seconds").equals(two.scores.drop(columns="seconds"))


def test_the_order_of_estimators_and_one_more_change_no_column():
    some = out_of_fold(RANDOM, X, Y, X, cv=3)
    more = out_of_fold([("nb", NB), *RANDOM[::-1]], X, Y, X, cv=3)
    for name, _ in RANDOM:
        assert some.meta_train[name].equals(more.meta_train[name])
        assert some.meta_test[name].equals(more.meta_test[name])
    with joblib.parallel_config("threading"):
        threads = out_of_fold(RANDOM, X, Y, cv=3, n_jobs=2)
    assert threads.meta_train.equals(some.meta_train)


def test_an_estimators_own_seed_is_honoured():
    forest = RandomForestClassifier(3, random_state=11)
    theirs = cross_val_predict(forest, X, Y, cv=3, method="predict_proba")[:, 1]
    oof = out_of_fold([("forest", forest)], X, Y, cv=3, random_state=5)
    np.testing.assert_array_equal(oof.meta_train["forest"], theirs)
    assert [member.random_state for member in oof["forest"].fold_estimators] == [11] * 3


def test_each_fold_and_repeat_and_name_has_a_seed_of_its_own():
    members = [*RANDOM[:2], ("again", RandomForestClassifier(3))]
    oof = out_of_fold(members, X, Y, cv=make_folds(Y, n_splits=3, n_repeats=2))
    seeds = [member.random_state for name, _ in members for member in oof[name].fold_estimators]
    assert len(set(seeds)) == 18
    assert all(isinstance(seed, int) for seed in seeds)


def test_seeds_reach_into_pipelines():
    oof = out_of_fold(RANDOM[2:], X, Y, cv=3)
    seeds = [pipe[-1].random_state for pipe in oof["pipe"].fold_estimators]
    assert None not in seeds
    assert len(set(seeds)) == 3


def test_the_seed_decides():
    tables = [column(out_of_fold(RANDOM, X, Y, cv=3, random_state=seed)) for seed in (0, 0, 1)]
    assert (tables[0] == tables[1]).all()
    assert (tables[0] != tables[2]).any()
    states = [column(out_of_fold(RANDOM, X, Y, cv=3, random_state=np.random.RandomState(4))) for _ in (0, 1)]
    assert (states[0] == states[1]).all()


def test_without_a_seed_estimators_stay_unseeded():
    oof = out_of_fold(RANDOM[:1], X, Y, cv=3, random_state=None)
    assert [forest.random_state for forest in oof["forest"].fold_estimators] == [None] * 3


# --- concurrency


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
def test_no_more_fits_than_n_jobs_run_at_once(watched, n_jobs):
    members = [(f"w{number}", Watched(0.02)) for number in range(4)]
    with joblib.parallel_config("threading"):
        out_of_fold(members, XR, YR, cv=3, n_jobs=n_jobs)
    assert watched.fits == 12
    assert watched.most <= n_jobs
    assert n_jobs == 1 or watched.most > 1


def test_searches_inside_do_not_multiply_the_fits_at_once(watched):
    search = GridSearchCV(Watched(0.02), {"fail_on": [1, 2]}, cv=2, n_jobs=2)
    n_jobs = joblib.cpu_count()
    with joblib.parallel_config("threading"):
        out_of_fold([("a", search), ("b", search)], XR, YR, cv=2, n_jobs=n_jobs)
    assert watched.most <= n_jobs


@pytest.mark.usefixtures("without_torch")
def test_no_more_than_n_jobs_processes_fit_at_once(tmp_path):
    out_of_fold([(f"s{k}", Stamped(tmp_path)) for k in range(3)], XR, YR, cv=2, n_jobs=2)
    spans = [tuple(map(float, path.read_text().split())) for path in tmp_path.iterdir()]
    assert len(spans) == 6
    assert max(sum(a <= begin < b for a, b in spans) for begin, _ in spans) == 2


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_blas_thread_inside_a_task_and_all_of_them_afterwards(n_jobs):
    before = [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()]
    oof = out_of_fold([("t", Threads())], XR, YR, cv=4, n_jobs=n_jobs)
    assert [member.threads_ for member in oof["t"].fold_estimators] == [1] * 4
    after = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    assert all(after[path] == threads for path, threads in before)


def test_one_blas_thread_inside_a_task_of_a_thread():
    before = [pool["num_threads"] for pool in threadpool_info()]
    with joblib.parallel_config("threading"):
        oof = out_of_fold([("t", Threads())], XR, YR, cv=4, n_jobs=2)
    assert [member.threads_ for member in oof["t"].fold_estimators] == [1] * 4
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_two_overlapping_runs_give_the_threads_back():
    before = [pool["num_threads"] for pool in threadpool_info()]
    runs = [
        threading.Thread(target=out_of_fold, args=([("w", Watched(seconds))], XR, YR), kwargs={"cv": 2})
        for seconds in (0.1, 0.2)
    ]
    for pause, overlapping in zip((0.05, 0), runs, strict=True):
        overlapping.start()
        time.sleep(pause)
    for overlapping in runs:
        overlapping.join()
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_jobs_of_an_estimator_are_bounded_while_it_fits_and_given_back():
    cores = joblib.cpu_count()
    with joblib.parallel_config("threading"):
        oof = out_of_fold([("t", Threads(n_jobs=-1)), ("one", Threads())], XR, YR, cv=2, n_jobs=cores)
    assert [member.jobs_ for member in oof["t"].fold_estimators] == [1, 1]
    assert [member.n_jobs for member in oof["t"].fold_estimators] == [-1, -1]
    assert [member.jobs_ for member in oof["one"].fold_estimators] == [None, None]


class CountingBackend(ThreadingBackend):
    """Threads that count what they are given."""

    tasks = 0

    def submit(self, func, callback=None):
        CountingBackend.tasks += 1
        return super().submit(func, callback)


def test_a_backend_chosen_outside_does_the_work():
    joblib.register_parallel_backend("counting", CountingBackend)
    CountingBackend.tasks = 0
    with joblib.parallel_config("counting", n_jobs=2):
        out_of_fold([("a", Watched(0.01)), ("b", Ridge())], XR, YR, cv=3, n_jobs=None)
    assert 0 < CountingBackend.tasks <= 6


# --- failure


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_keeps_its_type_and_says_where_it_happened(n_jobs):
    X = np.c_[XR, np.arange(90)]
    with (
        joblib.parallel_config("threading"),
        pytest.raises(BrokenError, match="this fold is cursed") as caught,
    ):
        out_of_fold([("ok", Ridge()), ("bad", Broken(without=50))], X, YR, cv=KFold(3), n_jobs=n_jobs)
    assert "estimator 'bad' in repeat 0 fold 1" in caught.value.__notes__[0]
    assert "on_error='skip'" in caught.value.__notes__[0]


def test_an_error_hands_over_what_is_finished():
    X = np.c_[XR, np.arange(90)]
    with pytest.raises(BrokenError) as caught:
        out_of_fold([("ok", Ridge()), ("bad", Broken(without=89))], X, YR, X, cv=KFold(3), sample_weight=None)
    finished = caught.value.finished
    assert isinstance(finished, OutOfFold)
    whole = out_of_fold([("ok", Ridge())], X, YR, X, cv=KFold(3))
    assert finished.meta_train.equals(whole.meta_train)
    assert finished.meta_test.equals(whole.meta_test)
    assert "['ok']" in caught.value.__notes__[0]


def test_what_is_finished_has_the_weights_and_the_scoring_of_the_call():
    X, options = (
        np.c_[XR, np.arange(90)],
        {"cv": KFold(3), "scoring": "neg_mean_absolute_error", "sample_weight": WEIGHTS},
    )
    with pytest.warns(UserWarning, match="not passed to bad"), pytest.raises(BrokenError) as caught:
        out_of_fold([("ok", Ridge()), ("bad", Broken(without=89))], X, YR, **options)
    expected = out_of_fold([("ok", Ridge())], X, YR, **options).summary
    pd.testing.assert_frame_equal(caught.value.finished.summary, expected)


def test_an_error_at_the_first_fold_has_nothing_finished():
    with pytest.raises(BrokenError) as caught:
        out_of_fold([("bad", Broken()), ("ok", DecisionTreeRegressor())], XR, YR, cv=3)
    assert caught.value.finished is None
    assert "none" in caught.value.__notes__[0]


def test_after_an_error_nothing_more_is_fitted(watched):
    with pytest.raises(BrokenError):
        out_of_fold([("w", Watched()), ("bad", Broken())], XR, YR, cv=10)
    assert watched.fits <= 2


def test_an_error_that_cannot_be_pickled_keeps_its_type():
    with pytest.raises(AwkwardError, match="row 0 column 1"):
        out_of_fold([("bad", Broken(error=AwkwardError))], XR, YR, cv=2)


def test_the_error_of_another_process_shows_the_line_that_raised_it():
    with pytest.raises(ValueError, match="cursed") as caught:
        out_of_fold([("bad", Broken(error=ValueError))], XR, YR, cv=2, n_jobs=2)
    shown = "".join(traceback.format_exception(caught.value))
    assert "self.refuse()" in shown


def test_skipping_drops_the_estimator_and_says_so():
    X = np.c_[XR, np.arange(90)]
    members = [("ok", Ridge()), ("bad", Broken(without=50)), ("fine", KNeighborsRegressor())]
    with pytest.warns(
        UserWarning, match="Estimator 'bad' failed and is left out: BrokenError: this fold"
    ) as caught:
        oof = out_of_fold(members, X, YR, X, cv=KFold(3), on_error="skip")
    assert len(caught) == 1
    whole = out_of_fold([members[0], members[2]], X, YR, X, cv=KFold(3))
    assert oof.meta_train.equals(whole.meta_train)
    assert oof.meta_test.equals(whole.meta_test)
    assert set(oof.scores["estimator"]) == {"ok", "fine"}
    assert isinstance(oof.failures["bad"], BrokenError)
    assert list(oof) == ["ok", "fine"]
    assert "1 estimators failed" in repr(oof)


def test_a_skipped_estimator_is_not_fitted_on_further_folds():
    class Counted(Broken):
        fits = 0

        def fit(self, X, y):
            Counted.fits += 1
            return super().fit(X, y)

    with pytest.warns(UserWarning, match="'bad' failed"):
        out_of_fold([("bad", Counted()), ("ok", Ridge())], XR, YR, cv=10, on_error="skip")
    assert Counted.fits <= 2


def test_when_all_fail_the_first_error_is_raised():
    with pytest.warns(UserWarning, match="left out"), pytest.raises(BrokenError) as caught:
        out_of_fold([("a", Broken()), ("b", Broken())], XR, YR, cv=3, on_error="skip")
    assert "All estimators failed: a, b" in caught.value.__notes__[-1]


def test_a_failing_prediction_is_a_failure_too():
    class Mute(Ridge):
        def predict(self, X):
            raise BrokenError("nothing to say")

    with pytest.warns(UserWarning, match="'mute' failed and is left out: BrokenError: nothing to say"):
        oof = out_of_fold([("mute", Mute()), ("ok", Ridge())], XR, YR, cv=3, on_error="skip")
    assert list(oof.meta_train) == ["ok"]


def test_a_classifier_that_fails_for_its_own_reasons_shows_its_own_error():
    class Picky(DecisionTreeClassifier):
        def fit(self, X, y):
            raise ValueError(f"I do not like {sorted(set(map(str, y)))}")

    # It is given codes first, and the first error is the one to hear, whatever the labels as they are bring.
    with pytest.raises(ValueError, match=r"I do not like \['0', '1'\]") as caught:
        out_of_fold([("picky", Picky())], X, NAMES, cv=2, n_jobs=1)
    assert "codes in place of the labels (no, yes)" in caught.value.__notes__[0]
    assert "Raised by estimator 'picky' in repeat 0 fold 0" in caught.value.__notes__[1]


def test_the_error_of_a_bad_parameter_is_not_hidden_by_the_labels():
    with pytest.raises(ValueError, match="max_depth"):
        out_of_fold([("xgb", XGBClassifier(max_depth=-5))], X, NAMES, cv=2)
    assert caught_classes_of(XGBClassifier(n_estimators=2)) == ["no", "yes"]


def caught_classes_of(estimator):
    return out_of_fold([("e", estimator)], X, NAMES, cv=2)["e"].fold_estimators[0].classes_.tolist()


def test_a_translated_estimator_shows_what_it_has_learned():
    fitted = out_of_fold([("xgb", XGBClassifier(n_estimators=2))], X, NAMES, cv=2)["xgb"].fold_estimators[0]
    assert fitted.feature_importances_.shape == (X.shape[1],)
    assert fitted.get_booster().num_boosted_rounds() == 2
    assert pickle.loads(pickle.dumps(fitted)).predict(X[:2]).tolist() == fitted.predict(X[:2]).tolist()


@pytest.mark.parametrize(
    ("estimator", "method", "alone"),
    [(LR, "predict_proba", 1.0), (LinearSVC(), "decision_function", 0.0), (LR, "predict", 1.0)],
)
def test_a_training_part_of_one_class_predicts_that_class(estimator, method, alone):
    y = np.r_[np.ones(30, int), Y[30:]]
    with pytest.warns(UserWarning, match="lacks 0"):
        oof = out_of_fold(
            [("e", estimator)], X, y, cv=TimeSeriesSplit(4, test_size=15), stack_method=method, n_jobs=1
        )
    first = oof.folds.splits[0][1]
    assert (y[oof.folds.splits[0][0]] == 1).all()
    assert (oof.meta_train["e"].iloc[first] == alone).all()


@pytest.mark.parametrize("kind", [pd.DataFrame, sparse.csr_matrix])
def test_predicting_in_place_does_not_change_any_kind_of_test_table(kind):
    class Scribbler(DecisionTreeRegressor):
        def predict(self, X):
            out = super().predict(X)
            if sparse.issparse(X):
                X.data[:] = 0
            else:
                X.iloc[:, 0] = 0
            return out

    test = kind(X[:9].copy())
    out_of_fold([("a", Scribbler()), ("b", Scribbler())], kind(X), YR, test, cv=2, n_jobs=1)
    assert np.array_equal(np.asarray(test.todense() if sparse.issparse(test) else test), X[:9])


def test_a_seed_reaches_splitters_inside_estimators():
    search = GridSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2, 3, 4]},
        cv=StratifiedKFold(3, shuffle=True),
    )
    tables = [out_of_fold([("s", search)], X, Y, cv=3, random_state=5).meta_train for _ in range(2)]
    assert tables[0].equals(tables[1])
    assert search.cv.random_state is None


def test_groups_on_both_sides_are_said():
    with pytest.warns(UserWarning, match=r"\d+ of 15 groups are both trained on and held out"):
        out_of_fold([("nb", NB)], X, Y, cv=make_folds(Y, n_splits=2), groups=GROUPS)


def test_a_metric_is_not_taken_for_a_scorer():
    with pytest.raises(ValueError, match=r"scoring must be a scorer; got the metric log_loss.*make_scorer"):
        out_of_fold([("nb", NB)], X, Y, cv=2, scoring=log_loss)


def test_who_cannot_be_scored_does_not_hide_the_others():
    members = [("nb", NB), ("svm", LinearSVC())]
    oof = out_of_fold(members, X, Y, cv=3, scoring="neg_log_loss")
    with pytest.warns(UserWarning, match="'svm' cannot be scored"):
        summary = oof.summary
    assert np.isfinite(summary.loc["nb", "whole"])
    assert np.isnan(summary.loc["svm", "whole"])


# --- nothing that the caller passes is changed


def test_nothing_that_the_caller_passes_is_changed():
    splitter = KFold(3, shuffle=True, random_state=np.random.RandomState(0))
    passed = {
        "estimators": [
            ("forest", RandomForestClassifier(2, n_jobs=-1, random_state=np.random.RandomState(3))),
            ("pipe", make_pipeline(StandardScaler(), LR)),
        ],
        "X": pd.DataFrame(X),
        "y": pd.Series(NAMES),
        "X_test": pd.DataFrame(X[:5]),
        "cv": splitter,
        "sample_weight": WEIGHTS.tolist(),
        "groups": None,
    }
    before = joblib.hash(passed)
    out_of_fold(**passed)
    assert joblib.hash(passed) == before
    assert not hasattr(passed["estimators"][1][1][0], "mean_")


def test_an_estimator_that_works_in_place_changes_neither_the_tables_nor_the_result():
    for member, y in (
        (make_pipeline(StandardScaler(copy=False), Ridge()), YR),
        (LinearRegression(copy_X=False), YR),
    ):
        train, test = XR.copy(), XR[:20] * 2
        oof = out_of_fold([("e", member)], train, y, test, cv=3)
        careful = make_pipeline(StandardScaler(), Ridge()) if hasattr(member, "steps") else LinearRegression()
        expected = out_of_fold([("e", careful)], XR, YR, XR[:20] * 2, cv=3)
        np.testing.assert_allclose(oof.meta_test, expected.meta_test)
        np.testing.assert_array_equal(train, XR)
        np.testing.assert_array_equal(test, XR[:20] * 2)


def test_a_frozen_estimator_predicts_without_a_fit():
    frozen = FrozenEstimator(Ridge().fit(XR, YR))
    oof = out_of_fold([("frozen", frozen)], XR, YR, XR, cv=3)
    np.testing.assert_allclose(oof.meta_train["frozen"], frozen.predict(XR))
    np.testing.assert_allclose(oof.meta_test["frozen"], frozen.predict(XR))


# --- inputs

PEOPLE = pd.DataFrame(
    {
        "age": np.r_[np.nan, np.arange(59) % 40],
        "sex": ["f", "m", "m"] * 20,
        "pclass": pd.Categorical([1, 2, 3] * 20),
    },
    index=[f"p{number}" for number in range(60)],
)
SURVIVED = pd.Series(np.arange(60) % 3 == 0, index=PEOPLE.index, name="survived")


def people_pipeline(estimator):
    columns = make_column_transformer((OneHotEncoder(), ["sex", "pclass"]), remainder="passthrough")
    return make_pipeline(columns, estimator)


def test_a_data_frame_reaches_pipelines_whole_and_keeps_its_index():
    pipe = people_pipeline(HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2))
    oof = out_of_fold([("hist", pipe)], PEOPLE, SURVIVED, PEOPLE[::-1], cv=3)
    assert oof.meta_train.index.equals(PEOPLE.index)
    assert oof.meta_test.index.equals(PEOPLE.index[::-1])
    theirs = cross_val_predict(
        pipe.set_params(histgradientboostingclassifier__random_state=0),
        PEOPLE,
        SURVIVED,
        cv=3,
        method="predict_proba",
    )
    np.testing.assert_allclose(oof.meta_train["hist"], theirs[:, 1])


def test_rows_are_taken_by_position_whatever_the_index_is():
    expected = column(out_of_fold([("nb", NB)], X, NAMES, cv=3))
    for index in (np.arange(90)[::-1], np.zeros(90, int), [f"r{k % 7}" for k in range(90)]):
        frame = pd.DataFrame(X, index=index)
        oof = out_of_fold([("nb", NB)], frame, pd.Series(NAMES, index=index[::-1]), frame, cv=3)
        assert_equal_to_rounding(column(oof), expected)


@pytest.mark.parametrize(
    "form", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array, sparse.coo_array]
)
def test_sparse_tables_are_tables(form):
    counts = np.random.default_rng(0).poisson(1, (90, 6))
    expected = out_of_fold([("nb", MultinomialNB())], counts, NAMES, counts, cv=3)
    oof = out_of_fold([("nb", MultinomialNB())], form(counts), NAMES, form(counts), cv=3)
    np.testing.assert_allclose(oof.meta_train, expected.meta_train)
    np.testing.assert_allclose(oof.meta_test, expected.meta_test)


def test_lists_are_tables():
    expected = out_of_fold([("nb", NB)], X, NAMES, X[:3], cv=3)
    oof = out_of_fold([("nb", NB)], X.tolist(), NAMES.tolist(), X[:3].tolist(), cv=3)
    assert_equal_to_rounding(oof.meta_train, expected.meta_train)
    assert_equal_to_rounding(oof.meta_test, expected.meta_test)


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        tuple,
        pd.Series,
        pd.Categorical,
        pd.Index,
        lambda y: pd.Series(y, dtype="string"),
        lambda y: pd.Series(y, dtype="category"),
        lambda y: np.array(y, dtype=object),
    ],
)
def test_labels_come_in_any_container(wrap):
    expected = out_of_fold([("nb", NB)], X3, NAMES3, cv=3)
    oof = out_of_fold([("nb", NB)], X3, wrap(NAMES3), cv=3)
    assert oof.meta_train.equals(expected.meta_train)
    assert oof.summary.equals(expected.summary)


@pytest.mark.parametrize("dtype", [bool, "boolean", "Int64", float, "int8", "category"])
def test_binary_labels_come_in_any_type(dtype):
    oof = out_of_fold([("nb", NB)], X, pd.Series(Y).astype(dtype), cv=3)
    assert oof.meta_train.equals(out_of_fold([("nb", NB)], X, Y, cv=3).meta_train)


@pytest.mark.parametrize("dtype", [int, "Float64", "Int64", object])
def test_numbers_come_in_any_type(dtype):
    y = pd.Series(YR.round())
    oof = out_of_fold([("ridge", Ridge())], XR, y.astype(dtype), cv=3)
    np.testing.assert_allclose(column(oof), column(out_of_fold([("ridge", Ridge())], XR, y, cv=3)))


def test_missing_values_reach_estimators_that_take_them():
    holes = np.where(np.random.default_rng(0).random(XR.shape) < 0.2, np.nan, XR)
    hist = HistGradientBoostingRegressor(max_iter=5, random_state=0)
    oof = out_of_fold([("hist", hist)], holes, YR, cv=3)
    np.testing.assert_array_equal(oof.meta_train["hist"], cross_val_predict(hist, holes, YR, cv=3))


def test_texts_reach_pipelines():
    texts = ["good fine film", "bad dull film", "fine good", "dull bad bad"] * 6
    y = ["pos", "neg", "pos", "neg"] * 6
    pipe = make_pipeline(TfidfVectorizer(), LR)
    for wrap in (list, np.array, pd.Series):
        oof = out_of_fold([("text", pipe)], wrap(texts), y, wrap(["good film", "dull"]), cv=3)
        assert oof.summary.loc["text", "whole"] == 1
        assert (oof.meta_test["text"].to_numpy() > 0.5).tolist() == [True, False]


def test_images_keep_their_shape():
    class Bright(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            assert X.shape[1:] == (4, 4, 3)
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return self.classes_[(X.mean(axis=(1, 2, 3)) > 0.5).astype(int)]

    images = np.random.default_rng(0).random((40, 4, 4, 3))
    oof = out_of_fold([("bright", Bright())], images, images.mean(axis=(1, 2, 3)) > 0.5, cv=2)
    assert oof.summary.loc["bright", "whole"] == 1


# --- names of columns


@pytest.mark.parametrize(
    ("estimator", "y", "names"),
    [
        (NB, NAMES, ["e"]),
        (NB, NAMES3, ["e__a", "e__b", "e__c"]),
        (NB, Y3, ["e__0", "e__1", "e__2"]),
        (LinearSVC(), NAMES, ["e"]),
        (LinearSVC(), NAMES3, ["e__a", "e__b", "e__c"]),
        (Ridge(), YR, ["e"]),
        (Ridge(), OUTPUTS, ["e__0", "e__1", "e__2"]),
        (Ridge(), pd.DataFrame(OUTPUTS, columns=["u", "v", "w"]), ["e__u", "e__v", "e__w"]),
        (KNN, LABELS, ["e__0", "e__1", "e__2"]),
        (KNN, pd.DataFrame(LABELS, columns=["u", "v", "w"]), ["e__u", "e__v", "e__w"]),
    ],
)
def test_columns_are_named_after_the_estimator_and_the_class(estimator, y, names):
    oof = out_of_fold([("e", estimator)], X, y, X[:3], cv=3)
    assert oof.meta_train.columns.tolist() == names
    assert oof.meta_test.columns.tolist() == names


def test_pairwise_decisions_do_not_bear_the_names_of_classes():
    oof = out_of_fold([("svm", SVC(decision_function_shape="ovo"))], X3, NAMES3, cv=3)
    assert not set(oof.meta_train.columns) & {"svm__a", "svm__b", "svm__c"}


def test_columns_stand_in_the_order_of_the_estimators():
    oof = out_of_fold([("z", NB), ("a", Ridge()), ("k", LinearSVC())], X3, NAMES3, cv=3)
    assert oof.meta_train.columns.tolist() == ["z__a", "z__b", "z__c", "a", "k__a", "k__b", "k__c"]


# --- scores


@pytest.mark.parametrize(
    ("scoring", "metric"),
    [
        ("roc_auc", roc_auc_score),
        ("neg_log_loss", lambda y, p: -log_loss(y, p)),
        (make_scorer(roc_auc_score, response_method="predict_proba"), roc_auc_score),
        ("accuracy", lambda y, p: accuracy_score(y, p > 0.5)),
        (
            lambda estimator, X, y: accuracy_score(y, estimator.predict(X)),
            lambda y, p: accuracy_score(y, p > 0.5),
        ),
    ],
    ids=["auc", "log loss", "own scorer", "accuracy", "callable"],
)
def test_any_scorer_judges_the_predictions(scoring, metric):
    oof = out_of_fold([("nb", NB)], X[EVEN], Y[EVEN], cv=StratifiedKFold(3), scoring=scoring)
    found = oof.meta_train["nb"]
    by_hand = [metric(Y[EVEN][rows], found[rows]) for _, rows in StratifiedKFold(3).split(X[EVEN], Y[EVEN])]
    assert oof.scores["score"].tolist() == pytest.approx(by_hand)
    summary = oof.summary.loc["nb"]
    assert summary["mean"] == pytest.approx(np.mean(by_hand))
    assert summary["std"] == pytest.approx(np.std(by_hand, ddof=1))
    assert summary["sem"] == pytest.approx(np.std(by_hand, ddof=1) / np.sqrt(3))
    assert summary["whole"] == pytest.approx(metric(Y[EVEN], found))


def test_decisions_are_ranked_by_auc():
    oof = out_of_fold([("svm", LinearSVC())], X[EVEN], NAMES[EVEN], cv=3, scoring="roc_auc")
    assert oof.summary.loc["svm", "whole"] == roc_auc_score(Y[EVEN], oof.meta_train["svm"])


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "neg_log_loss", "f1_macro"])
def test_three_named_classes_are_scored(scoring):
    oof = out_of_fold([("nb", NB)], X3, NAMES3, cv=StratifiedKFold(3), scoring=scoring)
    assert np.isfinite(oof.summary["whole"]).all()


def test_several_labels_are_ranked_by_auc():
    oof = out_of_fold([("knn", KNN)], X, LABELS, cv=3, scoring="roc_auc")
    assert oof.summary.loc["knn", "whole"] == pytest.approx(roc_auc_score(LABELS, oof.meta_train))


def test_several_labels_are_right_together():
    oof = out_of_fold([("knn", KNN)], X, LABELS, cv=3)
    assert oof.summary.loc["knn", "whole"] == accuracy_score(LABELS, oof.meta_train > 0.5)


def test_several_outputs_are_scored():
    oof = out_of_fold([("ridge", Ridge())], XR, OUTPUTS, cv=3)
    assert oof.summary.loc["ridge", "whole"] == pytest.approx(r2_score(OUTPUTS, oof.meta_train))


def test_a_held_out_part_without_all_classes_is_scored_by_log_loss():
    with pytest.warns(UserWarning, match="lacks c"):
        oof = out_of_fold([("nb", NB)], RARE_X, RARE, cv=RARE_FOLDS, scoring="neg_log_loss")
    by_hand = -log_loss(RARE[RARE_FOLDS[1][1]], column(oof)[RARE_FOLDS[1][1]], labels=["a", "b", "c"])
    assert oof.scores["score"].tolist()[1] == pytest.approx(by_hand)


def test_scores_name_the_estimator_the_repeat_and_the_fold():
    oof = out_of_fold(
        [("a", Ridge()), ("b", Ridge(5))], XR, YR, cv=make_folds(YR, scheme="kfold", n_splits=4, n_repeats=2)
    )
    table = oof.scores
    assert table.columns.tolist() == ["estimator", "repeat", "fold", "n_held_out", "score", "seconds"]
    assert table["estimator"].tolist() == ["a"] * 8 + ["b"] * 8
    assert table["repeat"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1] * 2
    assert table["fold"].tolist() == [0, 1, 2, 3] * 4
    assert table.groupby(["estimator", "repeat"])["n_held_out"].sum().tolist() == [90] * 4
    assert (table["seconds"] >= 0).all()


def test_labels_are_not_scored_as_probabilities_and_that_is_said_once():
    oof = out_of_fold([("nb", NB)], X, Y, cv=3, stack_method="predict", scoring="neg_log_loss")
    with pytest.warns(UserWarning, match="'nb' cannot be scored by 'neg_log_loss'.*predict_proba") as caught:
        assert oof.scores["score"].isna().all()
    assert len(caught) == 1


def test_an_unknown_scorer_is_refused_before_anything_is_fitted(watched):
    with pytest.raises(ValueError, match="scoring"):
        out_of_fold([("w", Watched())], XR, YR, cv=3, scoring="magic")
    assert watched.fits == 0


# --- what is refused


@pytest.mark.parametrize(
    ("estimators", "text"),
    [
        ([], "estimators must be a non-empty list of"),
        (None, "estimators must be a non-empty list"),
        ("lr", "estimators must be a non-empty list"),
        ([3], r"Each member of estimators must be a \(name, estimator\) tuple"),
        ([("lr", LR, 1)], r"must be a \(name, estimator\) tuple"),
        ([(1, LR)], r"must be a \(name, estimator\) tuple"),
        (
            [("lr", LogisticRegression)],
            "Estimator 'lr' must be an object with fit and predict.*Pass an instance",
        ),
        ([("lr", "ridge")], "Estimator 'lr' must be an object with fit"),
        ([("lr", None)], "Estimator 'lr' must be an object with fit"),
        ([("lr", LR), ("lr", NB)], "must be unique.*Rename 'lr'"),
        ([("l__r", LR)], "without '__'.*Rename 'l__r'"),
        ([("", LR)], "not empty"),
        ([("lr", "drop")], "Estimator 'lr' must be an object with fit"),
    ],
)
def test_lists_of_estimators_that_are_refused(estimators, text):
    with pytest.raises(ValueError, match=text):
        out_of_fold(estimators, X, Y)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip'; got on_error='ignore'"),
        (
            {"stack_method": "proba"},
            "stack_method must be 'auto' or one of predict_proba.*got stack_method='proba'",
        ),
        ({"stack_method": "decision_function"}, "Estimator 'nb' must be able to decision_function"),
        (
            {"sample_weight": np.ones(89)},
            r"sample_weight must be one value per row, of shape \(90,\); got shape=\(89,\)",
        ),
        ({"sample_weight": np.full(90, np.nan)}, "sample_weight must be finite; got NaN"),
        ({"groups": [1, 2]}, r"groups must be one value per row, of shape \(90,\); got shape=\(2,\)"),
        ({"y": None}, "the target y is None: pass fit"),
        ({"y": []}, "y must be of at least two rows"),
        ({"y": Y[:89]}, "inconsistent numbers of samples"),
        ({"y": np.zeros(90)}, "y must be of at least two classes; got one class"),
        ({"y": YR}, "Unknown label type"),
        ({"y": [None, *NAMES[1:]]}, "y must be without missing values.*1 missing"),
        ({"y": np.r_[np.nan, Y[1:]]}, "NaN"),
        ({"cv": 1}, "n_splits"),
        ({"cv": "five"}, "cv"),
        ({"cv": []}, "cv yields no splits"),
        (
            {"cv": [(np.arange(90), np.arange(5))]},
            "trains on 5 rows that it also holds out .*; their labels leak",
        ),
        ({"cv": [(np.arange(5), np.arange(5, 91))]}, "between 0 and 89"),
        ({"cv": make_folds(Y[:80])}, "The folds were made for 80 rows, but X has 90 rows"),
        ({"cv": GroupKFold(3)}, "groups"),
    ],
)
def test_arguments_that_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        out_of_fold(**{"estimators": [("nb", NB)], "X": X, "y": Y} | arguments)


def test_missing_groups_are_refused():
    with pytest.raises(ValueError, match="groups"):
        out_of_fold([("nb", NB)], X, Y, cv=3, groups=[np.nan, *GROUPS[1:]])


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        out_of_fold([("ridge", Ridge())], XR, np.r_[np.nan, YR[1:]])


def test_a_classifier_without_classes_has_its_columns_in_the_order_of_the_codes_that_it_is_given():
    class Bare(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return np.full((len(X), 2), (0.25, 0.75))

    for y in (Y, NAMES):
        oof = out_of_fold([("bare", Bare())], X, y, cv=2)
        assert (oof.meta_train["bare"] == 0.75).all()
        assert oof["bare"].fold_estimators[0].classes_.tolist() == np.unique(y).tolist()


# --- the rest


def test_progress_is_shown_on_standard_error_only(capsys):
    out_of_fold([("ridge", Ridge())], XR, YR, cv=3, verbose=1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "3/3" in shown.err


def test_the_short_text_says_what_there_is():
    oof = out_of_fold([("nb", NB), ("lr", LR)], X3, NAMES3, cv=3)
    assert repr(oof) == "OutOfFold(2 estimators, 6 columns, Folds(StratifiedKFold, 90 rows, 3 folds))"


def test_metadata_routing_is_honoured_when_it_is_on():
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        members = [
            ("pipe", make_pipeline(scaler, Ridge().set_fit_request(sample_weight=True))),
            ("requests", Ridge().set_fit_request(sample_weight=True)),
            ("not", Ridge().set_fit_request(sample_weight=False)),
        ]
        oof = out_of_fold(members, XR, YR, cv=KFold(3), sample_weight=WEIGHTS)
    pipe = make_pipeline(StandardScaler(), Ridge())
    np.testing.assert_allclose(oof.meta_train["pipe"], weighted_by_hand(pipe, XR, YR, "ridge__sample_weight"))
    np.testing.assert_allclose(oof.meta_train["requests"], weighted_by_hand(Ridge(), XR, YR, "sample_weight"))
    np.testing.assert_allclose(oof.meta_train["not"], cross_val_predict(Ridge(), XR, YR, cv=KFold(3)))


def test_folds_of_the_result_are_those_of_the_call():
    folds = make_folds(Y, n_splits=3)
    assert isinstance(out_of_fold([("nb", NB)], X, Y, cv=folds).folds, Folds)
    assert out_of_fold([("nb", NB)], X, Y, cv=folds).folds.digest == folds.digest


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_without_return_estimator_predictions_are_the_same_and_estimators_come_when_used(n_jobs):
    X, y = make_classification(400, 8, random_state=0)
    pairs = [("forest", RandomForestClassifier(20)), ("bayes", GaussianNB())]
    kept, lean = (
        out_of_fold(pairs, X, y, X[:9], cv=3, n_jobs=n_jobs, return_estimator=keep) for keep in (True, False)
    )
    assert lean.meta_train.equals(kept.meta_train)
    assert lean.meta_test.equals(kept.meta_test)
    assert "0 of 3 fitted" in repr(lean["forest"].fold_estimators)
    assert "0 of 3 fitted" in repr(lean["bayes"].fold_estimators)
    assert lean.transform(X).equals(kept.transform(X))
