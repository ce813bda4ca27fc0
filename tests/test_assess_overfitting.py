"""The alarm for stacked overfitting: known answers, and how often it is wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from stackit import StackingClassifier, out_of_fold, overfitting_alarm
from stackit.assess.leaks import encoded_columns
from stackit.target import classification_target, regression_target
from tests.overfitting_cases import CASES, clean, in_sample, noise, target_encoding, twins

FAST = [
    ("logistic", LogisticRegression()),
    ("bayes", GaussianNB()),
    ("neighbors", KNeighborsClassifier(15)),
    ("tree", DecisionTreeClassifier(max_depth=4)),
    ("full tree", DecisionTreeClassifier()),
]


@pytest.mark.parametrize("case", [clean, noise])
@pytest.mark.parametrize("seed", range(4))
def test_honest_predictions_raise_no_alarm(case, seed):
    found = case(seed, FAST)
    alarm = overfitting_alarm(found.oof, found.X_test)
    assert alarm.alarmed == []
    assert alarm.verdict == "No estimator looks better out of fold than it does on new rows."
    assert overfitting_alarm(found.oof, found.X_test, found.y_test).alarmed == []


def test_predictions_of_rows_that_were_trained_on_do():
    found = in_sample(0, ("full tree", "forest"))
    alarm = overfitting_alarm(found.oof, found.X_test)
    assert set(alarm.alarmed) == found.guilty
    assert alarm.table["too_good"]["full tree elsewhere"]
    assert "Do not believe the out-of-fold predictions of full tree elsewhere" in alarm.verdict
    measured = overfitting_alarm(found.oof, found.X_test, found.y_test)
    assert set(measured.alarmed) == found.guilty
    assert measured.table["z"]["full tree elsewhere"] > 4


def test_a_target_encoding_outside_the_folds_is_seen_in_the_table_and_by_labels_of_new_rows():
    """New rows are encoded by the same map: without labels, answers for them look the same."""
    found = target_encoding(0, FAST)
    alarm = overfitting_alarm(found.oof, found.X_test, X=found.X)
    assert alarm.encoded == ("8",)
    assert "encoded with y before the folds: 8; encode inside the folds." in alarm.verdict
    assert alarm.alarmed == []
    measured = overfitting_alarm(found.oof, found.X_test, found.y_test)
    assert {"logistic", "bayes", "tree", "full tree"} <= set(measured.alarmed)
    assert "claimed, 0." in measured.verdict
    few = replace(found.oof, responses={name: found.oof.responses[name] for name in ("logistic", "tree")})
    verdict = overfitting_alarm(few, found.X_test, found.y_test).verdict
    assert verdict.startswith("All estimators look better out of fold than on new rows")


def test_twins_are_seen_and_those_that_new_rows_have_too_are_none():
    found = twins(0, FAST[:2])
    alarm = overfitting_alarm(found.oof, found.X_test, X=found.X)
    assert alarm.twins[0] > 0.5
    assert alarm.twins[1] == 0
    assert "have a twin in their training part, and 0.0% of new rows" in repr(alarm)
    coarse = np.random.default_rng(0).integers(0, 3, size=(400, 3)).astype(float)
    y = np.arange(400) % 2
    oof = out_of_fold(FAST[:2], coarse[:200], y[:200], cv=4, n_jobs=1)
    alarm = overfitting_alarm(oof, coarse[200:], X=coarse[:200])
    assert (alarm.twins, alarm.encoded) == (None, ())


@pytest.mark.parametrize("kind", ["numbers", "labels", "classes"])
def test_encoded_columns_are_told_from_honest_ones(kind):
    far = {}
    for seed in range(8):
        random = np.random.default_rng(seed)
        level, x = random.integers(0, 60, size=600), random.normal(size=60)
        signal = x[level] + random.normal(size=600)
        y = signal if kind == "numbers" else np.digitize(signal, [0] if kind == "labels" else [-0.5, 0.5])
        truth = pd.Series(y == 0 if kind != "numbers" else y).astype(float)
        sums, counts = (truth.groupby(level).transform(way) for way in ("sum", "count"))
        other = np.arange(600) % 2
        inside = [truth[other != half].groupby(level[other != half]).mean() for half in (0, 1)]
        X = pd.DataFrame(
            {
                "encoded": sums / counts,
                "smoothed": (sums + 4 * truth.mean()) / (counts + 4),
                "inside folds": np.where(other == 0, inside[0].reindex(level), inside[1].reindex(level)),
                "level": level,
                "honest": x[level],
                "text": "a",
            }
        )
        target = regression_target(y) if kind == "numbers" else classification_target(y)
        for name, z in encoded_columns(X, target).items():
            far.setdefault(name, []).append(z)
    assert sorted(far) == ["encoded", "honest", "inside folds", "level", "smoothed"]
    assert max(far["encoded"] + far["smoothed"]) < -4
    assert min(far["level"] + far["honest"] + far["inside folds"]) > -4


def test_promises_of_numbers_by_hand():
    """Whoever answers the first column is right on training rows, and is as sure on others as they vary."""
    random = np.random.default_rng(0)
    X, X_test = random.normal(size=(100, 1)), random.normal(size=(60, 1)) / 2
    y = X[:, 0]
    oof = out_of_fold([("echo", Echo())], X, y, cv=4, n_jobs=1)
    row = overfitting_alarm(oof, X_test).table.loc["echo"]
    held, new = [], []
    for (
        train,
        held_out,
    ) in oof.folds.splits:  # calibrated by the rows of the other folds, which teach y = answer
        held.append(y[train].var() - (y[held_out] - y[train].mean()) ** 2)
        new.append(y[train].var() - (X_test[:, 0] - y[train].mean()) ** 2)
    held, new = np.concatenate(held), np.mean(new, axis=0)
    assert_allclose([row["claimed"], row["promised"]], [held.mean(), new.mean()])
    assert_allclose(row["standard_error"], np.sqrt(held.var() / 100 + new.var() / 60))
    y_test = X_test[:, 0] + 1
    assert_allclose(overfitting_alarm(oof, X_test, y_test).table["measured"]["echo"], 1)


class Echo(RegressorMixin, BaseEstimator):
    """Answers the first column."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return X[:, 0]


def test_the_runs_of_stacks_decisions_labels_and_names_are_looked_at_too():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(300, 3)), columns=list("abc"))
    y = np.where(X["a"] + random.normal(size=300) > 0, "yes", "no")
    stack = StackingClassifier([("svm", RidgeClassifier()), ("nb", GaussianNB())], cv=3).fit(X[:200], y[:200])
    for labels in (None, y[200:]):
        assert overfitting_alarm(stack, X[200:], labels).alarmed == []
    votes = out_of_fold(FAST[:2], X[:200], y[:200], cv=3, stack_method="predict", n_jobs=1)
    assert overfitting_alarm(votes, X[200:]).alarmed == []


def test_what_cannot_be_compared_is_refused():
    found = clean(0, FAST[:1])
    with pytest.raises(ValueError, match="Rows to compare must be at least 30 of each; got 800 held out"):
        overfitting_alarm(found.oof, found.X_test[:5])
    with pytest.raises(ValueError, match="sure must be above 0"):
        overfitting_alarm(found.oof, found.X_test, sure=0)
    with pytest.raises(ValueError, match="y_test must be one value a row of X_test, 800; got 3 values"):
        overfitting_alarm(found.oof, found.X_test, [0, 1, 0])
    with pytest.raises(ValueError, match="y_test must be of the classes 0, 1; got 2"):
        overfitting_alarm(found.oof, found.X_test, np.full(800, 2))
    with pytest.raises(ValueError, match="y_test must be of as many columns as y"):
        overfitting_alarm(found.oof, found.X_test, np.zeros((800, 2)))


def test_columns_of_one_name_are_told_apart_and_tables_must_have_the_same():
    found = clean(0, FAST[:1])
    table = pd.DataFrame(found.X)
    y = found.oof.target.y
    level = np.random.default_rng(0).integers(0, 100, size=len(y))
    means = pd.Series(y).groupby(level).transform("mean")
    doubled = pd.concat([table, pd.Series(level), means], axis=1)
    doubled.columns = [*map(str, table.columns), "level", "level"]
    encoded = encoded_columns(doubled, found.oof.target)
    assert [name for name, z in encoded.items() if z < -4] == [f"level (number {table.shape[1] + 1})"]
    with pytest.raises(ValueError, match=r"X_test must be of the .* columns of X; got shape="):
        overfitting_alarm(found.oof, found.X_test, X=doubled)


def test_weights_that_go_with_difficulty_are_no_alarm():
    random = np.random.default_rng(0)
    X = random.normal(size=(1200, 2))
    y = (2 * X[:, 0] + random.logistic(size=1200) > 0).astype(int)
    sure = np.where(np.abs(X[:, 0]) > 1, 10.0, 1.0)
    weighted, new = slice(0, 800), slice(800, None)
    oof = out_of_fold(
        [("lr", LogisticRegression())], X[weighted], y[weighted], sample_weight=sure[weighted], n_jobs=1
    )
    assert not overfitting_alarm(oof, X[new]).alarmed
    assert not overfitting_alarm(oof, X[new], y[new]).alarmed


# How many alarms there are on four tables, at least and at most.
RATES = {
    "clean": (0, 0),
    "three classes": (0, 0),
    "numbers": (0, 0),
    "noise": (0, 0),
    "second level": (0, 0),
    "in-sample": (16, 16),
    "twins": (14, 16),
    "wrong groups": (12, 24),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", RATES)
def test_alarms_are_raised_as_often_as_the_docstring_says(case):
    n_alarms = 0
    for seed in range(100, 104):
        found = CASES[case](seed)
        n_alarms += len(overfitting_alarm(found.oof, found.X_test).alarmed)
    at_least, at_most = RATES[case]
    assert at_least <= n_alarms <= at_most


def test_a_second_level_that_turns_noise_round_is_caught_at_times():
    caught = [case for seed in range(8) for case in [CASES["turned round"](seed)]]
    alarms = [len(overfitting_alarm(case.oof, case.X_test).alarmed) for case in caught]
    assert 0 < sum(alarms) < 8
