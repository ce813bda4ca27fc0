"""Stacks with honest folds have no issues: on real tables, and on synthetic ones of any kind."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import make_folds, out_of_fold
from stackit.report import Evidence
from stackit.report.checks import run_checks
from tests.report.checks.false_alarms import sound_evidence

CLASSIFIERS = [
    ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
    ("bayes", GaussianNB()),
    ("knn", make_pipeline(StandardScaler(), KNeighborsClassifier(15))),
    ("tree", DecisionTreeClassifier(random_state=0)),
]
REGRESSORS = [
    ("ridge", Ridge(0.1)),
    ("knn", KNeighborsRegressor(15)),
    ("tree", DecisionTreeRegressor(random_state=0)),
]


def evidence_of(members, data, scheme):
    """A run on three quarters of a table; the rest are test rows."""
    X, y = data
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X.iloc[order].reset_index(drop=True), y.iloc[order].reset_index(drop=True)
    n = 3 * len(y) // 4
    folds = make_folds(y[:n], scheme=scheme, n_splits=5, random_state=0)
    oof = out_of_fold(members, X[:n], y[:n], X[n:], cv=folds, n_jobs=1)
    return Evidence.from_out_of_fold(oof, X[:n], X[n:])


@pytest.fixture(scope="module")
def cancer():
    return evidence_of(CLASSIFIERS, load_breast_cancer(return_X_y=True, as_frame=True), "stratified")


@pytest.fixture(scope="module")
def diabetes():
    return evidence_of(REGRESSORS, load_diabetes(return_X_y=True, as_frame=True), "kfold")


def issues_of(evidence):
    return [(one.code, one.sentence) for one in run_checks(evidence) if one.status == "issue"]


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "roc_auc", "f1"])
@pytest.mark.parametrize("test_rows", [True, False])
def test_a_stack_on_breast_cancer_has_no_issues(cancer, scoring, test_rows):
    without = {} if test_rows else {"test_members": {}, "test_stack": None, "X_test": None}
    assert issues_of(replace(cancer, scoring=scoring, scorer=scoring, **without)) == []


@pytest.mark.parametrize("scoring", ["neg_root_mean_squared_error", "r2", "neg_median_absolute_error"])
def test_a_stack_on_diabetes_has_no_issues(diabetes, scoring):
    assert issues_of(replace(diabetes, scoring=scoring, scorer=scoring)) == []


@pytest.mark.parametrize("seed", [0, 2])
def test_a_stack_on_a_synthetic_table_has_no_issues(seed):
    assert issues_of(sound_evidence(seed)) == []


@pytest.mark.slow
def test_few_of_many_sound_stacks_have_an_issue():
    n = 60
    assert sum(bool(issues_of(sound_evidence(seed))) for seed in range(1000, 1000 + n)) <= 2
