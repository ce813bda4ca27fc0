"""Scores of chances agree with scikit-learn's, and their errors with formulas and with resampling."""

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from competitions.chances import area, chance_scores, show_chances


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    positive = random.random(300) < 0.3
    # Rounded, so that there are ties.
    return positive, (0.3 * positive + 0.7 * random.random(300)).round(2).clip(0.01, 0.99)


def test_scores_are_those_of_scikit_learn(rows):
    positive, chances = rows
    scores = chance_scores(positive, pd.DataFrame({"one": chances}))["one"]
    assert scores["log loss"]["mean"] == pytest.approx(log_loss(positive, chances), abs=1e-5)
    assert scores["AUC"]["mean"] == pytest.approx(roc_auc_score(positive, chances), abs=1e-5)
    assert scores["accuracy"]["mean"] == pytest.approx(accuracy_score(positive, chances > 0.5), abs=1e-5)


def test_errors_are_those_of_resampled_rows(rows):
    positive, chances = rows
    random = np.random.default_rng(1)
    drawn = [random.integers(0, 300, 300) for _ in range(300)]
    areas = [roc_auc_score(positive[draw], chances[draw]) for draw in drawn]
    assert area(positive, chances)["standard_error"] == pytest.approx(np.std(areas), rel=0.15)
    right = (chances > 0.5) == positive
    share = right.mean()
    error = chance_scores(positive, pd.DataFrame({"one": chances}))["one"]["accuracy"]["standard_error"]
    assert error == pytest.approx(np.sqrt(share * (1 - share) / 299), abs=1e-5)


def test_certain_and_wrong_costs_a_finite_loss():
    scores = chance_scores([True, True, False, False], pd.DataFrame({"wrong": [0.0, 0.0, 1.0, 1.0]}))["wrong"]
    assert scores["log loss"]["mean"] == pytest.approx(-np.log(1e-15), abs=1e-4)
    assert scores["AUC"]["mean"] == 0


def test_the_table_has_a_row_per_estimator(rows, capsys):
    positive, chances = rows
    show_chances(Console(width=100), "out of fold", chance_scores(positive, pd.DataFrame({"one": chances})))
    shown = capsys.readouterr().out
    assert "one" in shown
    assert f"{roc_auc_score(positive, chances):.4f} ±" in shown
