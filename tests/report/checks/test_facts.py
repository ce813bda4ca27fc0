"""What several checks share: losses by the metric, comparisons, and the columns of both tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from stackit.report.checks.facts import MEAN, PRIOR, STACK, Facts
from stackit.report.checks.shift import distances
from stackit.report.checks.table_facts import MOST_ROWS, TableFacts
from tests.report.checks.evidence_cases import folds_of, sound


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_losses_have_the_mean_of_the_metric(task):
    evidence = sound(task)
    losses = Facts(evidence).losses(STACK)
    assert losses.mean() == pytest.approx(log_loss(evidence.y, evidence.stack))
    squared = Facts(evidence).squared_losses("linear").mean()
    expected = brier_score_loss(evidence.y, evidence.members["linear"], labels=evidence.classes)
    assert squared == pytest.approx(expected)


@pytest.mark.parametrize(("task", "scoring"), [("binary", "roc_auc"), ("multiclass", "roc_auc_ovr")])
def test_areas_are_means_over_rows(task, scoring):
    evidence = sound(task, scoring=scoring)
    areas = []
    for _, rows in evidence.folds.splits:
        predicted = evidence.stack[rows] if task == "multiclass" else evidence.stack[rows, 1]
        areas.append(roc_auc_score(evidence.y[rows], predicted, multi_class="ovr"))
    assert -Facts(evidence).mean_loss(STACK) == pytest.approx(np.mean(areas))


def test_metrics_that_are_no_means_are_compared_by_folds():
    test = Facts(sound(scoring="f1")).compare("linear", PRIOR)
    assert (test.n, test.method) == (5, "corrected resampled t-test by folds")
    assert test.difference > 0


def test_rows_of_a_group_are_not_independent():
    evidence = sound()
    groups = np.repeat(np.arange(30), 10)
    grouped = Facts(replace(evidence, groups=groups)).compare(STACK, PRIOR)
    from_folds = Facts(replace(evidence, folds=folds_of(groups % 5, groups=groups))).compare(STACK, PRIOR)
    assert grouped.n == from_folds.n == 30
    assert Facts(evidence).compare(STACK, PRIOR).n == 300


def test_the_prior_and_the_average_respect_weights_and_kinds():
    weights = np.where(sound().y == 1, 3.0, 1.0)
    facts = Facts(sound(sample_weight=weights, kinds={"net": "decision"}))
    share = 3 * (sound().y == 1).sum() / weights.sum()
    assert facts.predictions[PRIOR][0, 1] == pytest.approx(share)
    members = sound().members
    np.testing.assert_allclose(facts.predictions[MEAN], (members["linear"] + members["forest"]) / 2)


def test_decision_values_are_not_judged_by_log_loss():
    assert Facts(sound(kinds={"net": "decision"})).judged == ("linear", "forest")
    assert len(Facts(sound(kinds={"net": "decision"}, scoring="accuracy")).judged) == 3


def test_rows_without_finite_predictions_are_left_out():
    evidence = sound("regression")
    net = evidence.members["net"].copy()
    net[:2] = np.nan, np.inf
    assert Facts(replace(evidence, members={"net": net})).rows[0] == 2


def test_distances_are_those_of_kolmogorov_and_smirnov():
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 8, (50, 3)).astype(float), rng.integers(1, 9, (40, 3)).astype(float)
    expected = [ks_2samp(one, other).statistic for one, other in zip(train.T, test.T, strict=True)]
    np.testing.assert_allclose(distances(train, test), expected)


def test_large_tables_are_sampled_and_words_have_the_same_codes_in_both():
    n = 2 * MOST_ROWS
    X = pd.DataFrame({"n": np.arange(n) % 7, "w": np.resize(["x", "y", None], n)})
    table = TableFacts(X, X[["w", "n"]], None)
    assert table.sample.shape == (MOST_ROWS, 2)
    np.testing.assert_array_equal(table.sample, table.test_sample)
    assert table.n_distinct.tolist() == [7, 2]
    assert np.isnan(table.sample[:, 1]).mean() == pytest.approx(1 / 3, abs=0.05)


def test_columns_are_comparable_where_both_tables_hold_the_same():
    X = pd.DataFrame({"a": [1, 2, 3], "b": [1.0, 2.0, 3.0]})
    table = TableFacts(X, X.assign(a=["1", "2", "3"], b=[1, 2, 3]), None)
    assert [table.is_comparable(at) for at in range(2)] == [False, True]
