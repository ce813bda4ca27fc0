"""A column that is the target under another name is named, and no other."""

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from stackit import out_of_fold, overfitting_alarm
from stackit.assess.suspicion import suspected_columns
from stackit.target import classification_target, regression_target

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, 200)


def frame():
    helps = Y + RNG.normal(size=200)
    return pd.DataFrame(
        {"helps": helps, "life[boat]": Y * 3.0 + 1, "word": np.where(Y == 1, "dead", "alive")}
    )


def test_names_are_those_of_the_raw_table():
    assert suspected_columns(frame(), classification_target(Y)) == ("life[boat]", "word")
    assert suspected_columns(frame(), classification_target(Y), known=["word"]) == ("life[boat]",)
    assert suspected_columns(frame().to_numpy(), classification_target(Y)) == ("1", "2")


def test_numbers_are_suspected_too():
    price = RNG.gamma(2.0, size=200)
    X = np.column_stack([np.log(price), RNG.normal(size=200)])
    assert suspected_columns(X, regression_target(price)) == ("0",)


@pytest.mark.parametrize("X", [None, [[1], [2]], np.ones((200, 2)), np.ones((200, 2, 2))])
def test_what_is_no_table_of_columns_is_not_judged(X):
    assert suspected_columns(X, classification_target(Y)) == ()


def test_the_alarm_names_suspects_without_an_alarm():
    X = frame().drop(columns="word")
    oof = out_of_fold([("bayes", GaussianNB())], X[["helps"]][:150], Y[:150], cv=3, n_jobs=1)
    result = overfitting_alarm(oof, X[["helps"]][150:], X=X[["helps"]][:150])
    assert result.suspects == ()
    leaky = out_of_fold([("bayes", GaussianNB())], X[:150], Y[:150], cv=3, n_jobs=1)
    result = overfitting_alarm(leaky, X[150:])
    assert result.suspects == ("life[boat]",)
    assert "Columns of X alone predict y nearly perfectly: life[boat]; they may be y" in result.verdict
