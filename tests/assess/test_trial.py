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
    decisions = table(truth, range(20), range(18, 22))
    trial = on_trial(comparison_of(decisions, words), "rule", "model")
    # 18 rows are gained and 2 are lost.
    assert trial.test == paired_rows(np.r_[np.ones(18), -np.ones(2), np.zeros(N - 20)])
    assert trial.departures["accepted"].tolist() == [True, True]
    assert trial.n_departures == trial.n_accepted == 20
    assert_allclose(trial.table["accuracy"][:2], [1 - 20 / N, 1 - 4 / N])
    assert "'model' departs from 'rule' in 20.0 rows" in trial.verdict
    assert trial.verdict.endswith("accepted are those from lost to saved, saved to lost, in 20.0 rows.")


def test_departures_that_do_not_pay_enough_are_not(truth):
    # In both directions three rows are gained and two lost: one, with a standard error of the root of five.
    zeros, ones = np.flatnonzero(truth == 0), np.flatnonzero(truth == 1)
    decisions = table(truth, [*zeros[:3], *ones[:3]], [*zeros[3:5], *ones[3:5]])
    trial = on_trial(comparison_of(decisions, truth), "rule", "model")
    assert not trial.departures["accepted"].any()
    assert trial.n_accepted == 0
    assert_allclose(trial.departures["gain"], 1 / N)
    assert_allclose(trial.departures["standard_error"], np.sqrt(5) / N, rtol=0.01)
    assert trial.verdict.endswith("none pays by more than 1 standard errors, so take 'rule'.")
    assert on_trial(comparison_of(decisions, truth), "rule", "model", n_errors=0.4).n_accepted == 10


def test_each_kind_of_departure_is_on_trial_by_itself(truth):
    # The model finds 1 where the rule says 0 and is right; where it says 0 instead of 1 it is wrong.
    ones = np.flatnonzero(truth == 1)
    decisions = table(truth, ones[:12], ones[12:20])
    trial = on_trial(comparison_of(decisions, truth), "rule", "model")
    shown = trial.departures.set_index(["rule", "candidate"])
    assert shown["accepted"].to_dict() == {(0, 1): True, (1, 0): False}
    assert shown["rows"].to_dict() == {(0, 1): 12, (1, 0): 8}
    assert shown["candidate right"].to_dict() == {(0, 1): 1, (1, 0): 0}
    assert shown["rule right"].to_dict() == {(0, 1): 0, (1, 0): 1}
    assert_allclose(trial.table["accuracy"], [1 - 12 / N, 1 - 8 / N, 1])
    assert trial.decide([0, 0, 1, 1], [0, 1, 0, 1]).tolist() == [0, 1, 1, 1]


def test_rows_of_a_group_are_one_piece_of_evidence(truth):
    # 16 rows are gained in one group, and 6 lost in another, all of them from 0 to 1.
    ones, zeros = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    comparison = comparison_of(table(truth, ones[:16], zeros[:6]), truth)
    groups = np.arange(N) + 2
    groups[ones[:16]], groups[zeros[:6]] = 0, 1
    assert on_trial(comparison, "rule", "model").n_accepted == 22
    together = on_trial(comparison, "rule", "model", groups=groups)
    assert together.n_accepted == 0
    assert together.test.standard_error == pytest.approx(np.sqrt(16**2 + 6**2) / N, rel=0.05)


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
    assert trial.n_accepted == len(inside)
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
