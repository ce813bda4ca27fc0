"""Figures of the summary and words of the sections, computed by hand on planted evidence."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stackit.report import Report, summarize
from tests.report.test_summary import planted, probabilities


@pytest.fixture(scope="module")
def evidence():
    return replace(planted(600), X=None, X_test=None)


@pytest.fixture(scope="module")
def summary(evidence):
    return summarize(evidence)


def row(summary, name):
    return next(one for one in summary["leaderboard"] if one["name"] == name)


def section(evidence, title):
    """Return a section of the Markdown, without backslashes."""
    text = re.sub(r"\\(.)", r"\1", Report(evidence).to_markdown())
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_differences_that_chance_makes_once_in_ten_runs_are_none(evidence):
    logit = np.log(evidence.stack[:, 1] / evidence.stack[:, 0])
    found = []
    for seed in range(20):
        noisy = probabilities(1 / (1 + np.exp(-logit - np.random.default_rng(seed).normal(0, 0.1, 600))))
        one = replace(evidence, stack=noisy, members={"a": evidence.stack})
        found.append(summarize(one)["verdict"]["comparisons"]["best_member"])
    unclear = [one["outcome"] for one in found if 0.05 < one["p_value"] < 0.4]
    assert set(unclear) == {"no difference"}
    assert {one["outcome"] for one in found if one["p_value"] < 0.04} <= {"better", "worse"}


def test_a_lower_loss_is_said_to_be_lower(evidence, summary):
    ours, theirs = (
        summary["verdict"]["stack_score"],
        summary["verdict"]["comparisons"]["best_member"]["score"],
    )
    percent = 100 * (1 - ours / theirs)
    assert percent > 0
    assert f", {percent:.1f} % lower (95 %" in summary["verdict"]["sentences"][0]
    swapped = replace(evidence, stack=evidence.members["a"], members={"a": evidence.stack})
    assert " % higher (95 %" in summarize(swapped)["verdict"]["sentences"][0]


def test_rows_without_predictions_are_a_caveat(evidence):
    gap = evidence.members["a"].copy()
    gap[:7] = np.nan
    found = summarize(replace(evidence, members={**evidence.members, "a": gap}))
    assert "7 of 600 rows have no out-of-fold prediction of all." in found["verdict"]["caveats"]
    assert "593 with predictions of all members" in section(
        replace(evidence, members={**evidence.members, "a": gap}), "About this run"
    )


def test_the_spread_of_folds_and_the_seconds_of_the_stack(evidence, summary):
    losses = -np.log(evidence.members["a"][np.arange(600), (evidence.y == "yes").astype(int)])
    folds = [-losses[held_out].mean() for _, held_out in evidence.folds.splits]
    assert row(summary, "a")["fold_std"] == pytest.approx(np.std(folds, ddof=1), rel=1e-6)
    assert row(summary, "stack")["seconds"] == 6.0


def test_bins_of_calibration_have_standard_errors_and_gaps_of_their_rows(evidence, summary):
    order = np.argsort(evidence.stack[:, 1], kind="stable")[:60]
    truth = (evidence.y == "yes")[order]
    point = summary["calibration"]["curves"][0]["points"][0]
    assert point["observed"] == pytest.approx(truth.mean(), rel=1e-6)
    assert point["standard_error"] == pytest.approx(np.sqrt(truth.var() / 60), rel=1e-6)
    points = summary["calibration"]["curves"][0]["points"]
    gap = np.mean([abs(one["observed"] - one["predicted"]) for one in points])
    assert summary["calibration"]["gaps"][0]["gap"] == pytest.approx(gap, rel=1e-6)


def test_the_worst_rows_are_those_with_the_least_probability_of_their_class(evidence, summary):
    of_truth = evidence.stack[np.arange(600), (evidence.y == "yes").astype(int)]
    worst = summary["errors"]["worst_rows"]["rows"]
    assert [int(one["row"]) for one in worst] == np.argsort(of_truth, kind="stable")[:10].tolist()


def test_precision_is_of_predicted_rows_and_recall_of_true_ones(evidence, summary):
    predicted, true = evidence.stack[:, 1] > 0.5, evidence.y == "yes"
    yes = summary["errors"]["by_class"][1]
    assert yes["precision"] == pytest.approx((predicted & true).sum() / predicted.sum(), rel=1e-6)
    assert yes["recall"] == pytest.approx((predicted & true).sum() / true.sum(), rel=1e-6)


def test_learning_curves_have_the_mean_and_the_range_of_fits(evidence):
    frames = [
        pd.DataFrame({"split": at, "network": 0, "epoch": [1, 2, 3], "validation_loss": [1.0 + at, 0.5, 0.2]})
        for at in range(3)
    ]
    nets = replace(evidence, nets={"net": pd.concat(frames)})
    loss = summarize(nets)["learning_curves"][0]["losses"][0]
    assert [loss[key][0] for key in ("low", "mean", "high")] == [1.0, 2.0, 3.0]
    assert "| validation loss | 1 | 2.0000 | 1.0000 | 3.0000 |" in section(nets, "Learning curves of nets")


def test_sections_say_which_way_is_better_and_the_range_of_folds(evidence, summary):
    stack = row(summary, "stack")
    text = section(evidence, "Leaderboard")
    low, high = (-stack["score"] + side * 1.96 * stack["sem"] for side in (-1, 1))
    assert f"{low:.4f} to {high:.4f}" in text
    assert "Lower is better." in text
    assert "(log loss, lower is better; standard error" in section(evidence, "Verdict")
    scores = [-one for one in next(f for f in summary["folds"]["scores"] if f["name"] == "a")["folds"]]
    numbers = [min(scores), np.mean(scores), max(scores)]
    line = next(line for line in section(evidence, "Fold by fold").splitlines() if line.startswith("| a |"))
    assert line.endswith(" | ".join(f"{number:.4f}" for number in numbers) + " |")
    names = [
        line.split(" | ")[0] for line in section(evidence, "Time spent").splitlines() if " s " not in line
    ]
    assert [name for name in names if name in ("| a", "| b", "| c")][-3:] == ["| c", "| b", "| a"]
