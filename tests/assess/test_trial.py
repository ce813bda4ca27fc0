"""A candidate is taken in place of a rule only where its departures pay."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LinearRegression, LogisticRegression

from stackit import compare, gain, make_folds, on_trial, out_of_fold
from stackit.assess import paired_rows

N = 240


class Decision(ClassifierMixin, BaseEstimator):
    """A classifier that has decided already: its predictions are a column of X."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[X[:, self.column].astype(int)]


def comparison_of(decisions, y, finals=(), **options):
    folds = make_folds(y, scheme="kfold", n_splits=4, n_repeats=2, random_state=0)
    members = [("rule", Decision(0)), ("model", Decision(1))]
    oof = out_of_fold(members, decisions, y, cv=folds, n_jobs=1, **options)
    return compare(oof, list(finals))


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(0, 2, N)


def table(truth, wrong_of_rule, wrong_of_model):
    """Return the decisions of both, wrong in the given rows."""
    both = np.column_stack([truth, truth])
    both[wrong_of_rule, 0] = 1 - truth[wrong_of_rule]
    both[wrong_of_model, 1] = 1 - truth[wrong_of_model]
    return both


def test_departures_that_pay_are_accepted(truth):
    words = np.array(["lost", "saved"])[truth]
    trial = on_trial(comparison_of(table(truth, range(20), range(18, 22)), words), "rule", "model")
    # 18 rows are gained and 2 are lost.
    expected = paired_rows(np.r_[np.ones(18), -np.ones(2), np.zeros(N - 20)])
    assert trial.test == expected
    assert trial.accepted
    assert trial.chosen == "model"
    assert trial.n_departures == 20
    assert_allclose(trial.table["accuracy"], [1 - 20 / N, 1 - 4 / N, 1 - 4 / N])
    assert "departs from 'rule' in 20.0 rows" in trial.verdict
    assert trial.verdict.endswith("the departures are accepted.")


def test_departures_that_do_not_pay_enough_are_not(truth):
    decisions = table(truth, range(10), range(10, 17))
    trial = on_trial(comparison_of(decisions, truth), "rule", "model")
    # 10 rows gained and 7 lost: 3, with a standard error of the root of 17.
    assert not trial.accepted
    assert trial.chosen == "rule"
    assert trial.verdict.endswith("not more than 1 standard errors, so take 'rule'.")
    assert on_trial(comparison_of(decisions, truth), "rule", "model", n_errors=0.5).accepted


def test_the_kinds_of_departures_are_counted(truth):
    trial = on_trial(comparison_of(table(truth, range(10), range(10, 17)), truth), "rule", "model")
    decisions = table(truth, range(10), range(10, 17))
    for _, kind in trial.departures.iterrows():
        rows = (decisions[:, 0] == kind["rule"]) & (decisions[:, 1] == kind["candidate"])
        assert kind["rows"] == pytest.approx(rows.sum())
        assert kind["candidate right"] == pytest.approx((truth[rows] == kind["candidate"]).mean())
        assert kind["candidate right"] + kind["rule right"] == pytest.approx(1)
    assert trial.n_departures == pytest.approx(17)


def test_rows_of_a_group_are_one_piece_of_evidence(truth):
    # 16 rows are gained in one group, and 6 lost in another.
    comparison = comparison_of(table(truth, range(16), range(16, 22)), truth)
    groups = np.r_[np.zeros(16), np.ones(6), 2 + np.arange(N - 22)]
    alone = on_trial(comparison, "rule", "model")
    together = on_trial(comparison, "rule", "model", groups=groups)
    assert together.test == paired_rows(np.r_[np.ones(16), -np.ones(6), np.zeros(N - 22)], groups=groups)
    assert alone.accepted
    assert not together.accepted


def test_weights_count(truth):
    weights = np.r_[np.full(10, 0.01), np.ones(N - 10)]
    decisions = table(truth, range(10), range(10, 13))
    trial = on_trial(comparison_of(decisions, truth, sample_weight=weights), "rule", "model")
    assert trial.test.difference == pytest.approx((0.1 - 3) / weights.sum())
    assert trial.table.loc["model", "accuracy"] == pytest.approx(1 - 3 / weights.sum())


def test_the_score_on_trial_is_that_of_a_choice_by_other_rows(truth):
    # The candidate is better in one fold only, which has no vote in its own choice.
    folds = make_folds(truth, scheme="kfold", n_splits=4, random_state=0)
    inside = folds.splits[2][1]
    oof = out_of_fold(
        [("rule", Decision(0)), ("model", Decision(1))], table(truth, inside, []), truth, cv=folds, n_jobs=1
    )
    trial = on_trial(compare(oof, []), "rule", "model")
    assert trial.accepted
    assert trial.table.loc["model", "accuracy"] == 1
    assert trial.table.loc["on trial", "accuracy"] == 1 - len(inside) / N


def test_random_decisions_are_at_chance_on_trial():
    random = np.random.default_rng(1)
    accuracies = []
    for _ in range(10):
        decisions, y = random.integers(0, 2, (120, 2)), random.permutation(np.arange(120) % 2)
        trial = on_trial(comparison_of(decisions, y), "rule", "model")
        accuracies.append(trial.table.loc["on trial", "accuracy"])
    assert abs(np.mean(accuracies) - 0.5) < 3 * 0.5 / np.sqrt(10 * 120)


def test_a_final_estimator_is_tested_by_default_and_agrees_with_gain():
    random = np.random.default_rng(0)
    X = random.normal(size=(N, 3))
    y = (X @ [1.0, 1.0, 0.5] + random.normal(size=N) > 0).astype(int)
    estimators = [("weak", LogisticRegression(C=1e-4)), ("good", LogisticRegression())]
    oof = out_of_fold(estimators, X[:, :2], y, cv=make_folds(y, n_splits=4, random_state=0), n_jobs=1)
    comparison = compare(oof, [("stack", LogisticRegression())])
    trial = on_trial(comparison, "plain mean")
    assert trial.candidate == "stack"
    of_gain = gain(comparison).tests["plain mean"]
    assert trial.test.difference == pytest.approx(of_gain.difference)
    assert trial.test.standard_error == pytest.approx(of_gain.standard_error)
    assert isinstance(trial.table, pd.DataFrame)
    assert trial.verdict in repr(trial)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rule": "nothing"}, "rule='nothing' and candidate='model' must be two names of the comparison"),
        ({"rule": "model"}, "must be two names of the comparison. Pass two of rule, model"),
        ({"n_errors": -1.0}, "n_errors must be at least 0; got n_errors=-1.0"),
        ({"groups": [1, 2]}, "groups must be one value per row"),
    ],
)
def test_what_cannot_be_tried_is_an_error(truth, options, text):
    with pytest.raises(ValueError, match=text):
        on_trial(
            comparison_of(table(truth, [], []), truth), **{"rule": "rule", "candidate": "model", **options}
        )


def test_numbers_have_no_decisions():
    X, y = np.eye(12), np.arange(12.0)
    oof = out_of_fold([("ols", LinearRegression())], X, y, cv=3, n_jobs=1)
    with pytest.raises(ValueError, match="y must be labels"):
        on_trial(compare(oof, []), "ols", "plain mean")
