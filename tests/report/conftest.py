"""Evidence of small runs, made once for all tests of reports."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from stackit import StackingClassifier, StackingRegressor
from stackit.report import Evidence, Report

N = 240
HOSTILE = "<img src=x onerror=alert(1)>|`*_[a](javascript:alert(1))\x1b[31m\u202e&amp;"


def table(seed=0, n=N):
    """Return a table with a hostile column name, a category, gaps and a hostile level."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": random.normal(40, 12, n),
            "<script>alert(1)</script>": random.normal(0, 1, n),
            "port": random.choice(["C", "S", "<b>Q</b>"], n),
            "fare": np.where(random.random(n) < 0.1, np.nan, random.gamma(2, 10, n)),
        }
    )
    signal = 0.05 * (X["age"] - 40) + X["<script>alert(1)</script>"] + (X["port"] == "C")
    return X, signal + random.normal(0, 1, n)


def numbers(X):
    """Return the columns that plain estimators take."""
    return X[["age", "<script>alert(1)</script>"]]


def with_seconds(evidence):
    """Return the evidence with seconds that are not measured, so that its report is always the same."""
    return replace(evidence, seconds={name: 0.02 + 0.03 * at for at, name in enumerate(evidence.members)})


@pytest.fixture(scope="session")
def binary():
    X, signal = table()
    y = np.where(signal > 0.4, "yes", "no")
    members = [("bayes", GaussianNB()), ("near", KNeighborsClassifier(15)), ("line", LogisticRegression())]
    test, _ = table(1, 60)
    stack = StackingClassifier(members, cv=5).fit(numbers(X), y)
    found = Evidence.from_stack(stack, numbers(X), y, numbers(test), scoring="neg_log_loss", name="a run")
    return with_seconds(found)


@pytest.fixture(scope="session")
def multiclass():
    X, signal = table()
    y = np.digitize(signal, [-0.5, 1.2])
    members = [("bayes", GaussianNB()), ("near", KNeighborsClassifier(15))]
    stack = StackingClassifier(members, cv=5).fit(numbers(X), y)
    return with_seconds(Evidence.from_stack(stack, numbers(X), y, name="three classes"))


@pytest.fixture(scope="session")
def regression():
    X, signal = table()
    members = [("line", LinearRegression()), ("near", KNeighborsRegressor(15))]
    stack = StackingRegressor(members, cv=5).fit(numbers(X), signal)
    found = Evidence.from_stack(stack, numbers(X), signal, numbers(table(1, 60)[0]), name="numbers")
    return with_seconds(found)


@pytest.fixture(scope="session")
def reports(binary, multiclass, regression):
    return {one.task: Report(one) for one in (binary, multiclass, regression)}


@pytest.fixture(scope="session")
def hostile(binary):
    names = {"bayes": HOSTILE, "near": "near", "line": "</script><script>alert(1)</script>"}
    return Report(
        replace(
            binary,
            members={names[name]: table for name, table in binary.members.items()},
            test_members={},
            weights={names[name]: weight for name, weight in binary.weights.items()},
            seconds={names[name]: 1.0 for name in names},
            kinds={},
            failures={HOSTILE + "!": HOSTILE},
            X=binary.X.set_axis([HOSTILE, "<script>alert(1)</script>"], axis=1),
            X_test=binary.X_test.set_axis([HOSTILE, "<script>alert(1)</script>"], axis=1),
            name=HOSTILE,
        )
    )
