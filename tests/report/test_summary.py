"""The summary: hand-computed figures, agreement with scikit-learn and scipy, planted findings are found."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    get_scorer,
    log_loss,
    roc_auc_score,
)

from stackit import make_folds
from stackit.report import Evidence, Report, summarize
from stackit.report.column_bins import ColumnBins
from stackit.report.scores import Scores


def probabilities(positive):
    return np.column_stack([1 - positive, positive])


def planted(n=1200, seed=0):
    """Return evidence with a shifted column, a region of errors, and a stack that is better than members."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "signal": random.normal(size=n),
            "hard": random.choice(["easy", "hard"], n, p=[0.8, 0.2]),
            "shifted": random.normal(size=n),
            "constant": 1,
        }
    )
    X_test = X.sample(400, random_state=0).assign(shifted=random.normal(3, 1, 400))
    chance = np.where(X["hard"] == "hard", 0.5, 1 / (1 + np.exp(-3 * X["signal"])))
    y = np.where(random.random(n) < chance, "yes", "no")
    logit = 3 * X["signal"].to_numpy()
    noisy = {name: 1 / (1 + np.exp(-logit - random.normal(0, 2, n))) for name in ("a", "b", "c")}
    members = {name: probabilities(positive) for name, positive in noisy.items()}
    return Evidence(
        "binary",
        "neg_log_loss",
        y,
        members,
        probabilities(1 / (1 + np.exp(-logit))),
        np.array(["no", "yes"]),
        make_folds(y, n_splits=4, random_state=0),
        weights={"a": 0.5, "b": 0.5, "c": 0.0},
        X=X,
        X_test=X_test,
        seconds={"a": 1.0, "b": 2.0, "c": 3.0},
        name="planted",
    )


@pytest.fixture(scope="module")
def evidence():
    return planted()


@pytest.fixture(scope="module")
def summary(evidence):
    return summarize(evidence)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_summary_is_json_without_nan_and_always_the_same(kind, request):
    evidence = request.getfixturevalue(kind)
    first, second = (json.dumps(summarize(evidence), allow_nan=False) for _ in range(2))
    assert first == second
    assert json.loads(first) == summarize(evidence)


def test_the_verdict_is_a_paired_test_of_the_losses_of_rows(evidence, summary):
    own = np.arange(len(evidence.y)), (evidence.y == "yes").astype(int)
    losses = {name: -np.log(table[own]) for name, table in evidence.predictions.items()}
    best = min(evidence.members, key=lambda name: losses[name].mean())
    found = summary["verdict"]["comparisons"]["best_member"]
    expected = stats.ttest_rel(losses[best], losses["stack"])
    assert found["name"] == best
    assert found["difference"] == pytest.approx((losses[best] - losses["stack"]).mean(), rel=1e-5)
    assert found["p_value"] == pytest.approx(expected.pvalue, rel=1e-4)
    interval = expected.confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high), rel=1e-4)
    assert found["outcome"] == "better"
    stack, member = (f"{losses[name].mean():.4f}" for name in ("stack", best))
    assert (
        f"The stack is better than its best member, {best}: log loss {stack} against {member}"
        in (summary["verdict"]["sentences"][0])
    )


def test_the_sentences_of_the_verdict_say_what_is_compared(evidence):
    noisy = replace(
        evidence, stack=evidence.stack * 0.9999 + 0.00005, members={"a": evidence.stack, "b": evidence.stack}
    )
    best, average = summarize(noisy)["verdict"]["sentences"]
    assert best.startswith(
        ("The stack is", "The stack differs from its best member, a, by no more than chance")
    )
    assert average.startswith(("It is", "It differs from the plain average by no more than chance"))


def test_the_plain_average_is_that_of_all_members(evidence, summary):
    mean = np.mean([*evidence.members.values()], axis=0)
    row = next(row for row in summary["leaderboard"] if row["role"] == "average")
    assert row["score"] == pytest.approx(-log_loss(evidence.y, mean), rel=1e-5)


def test_scores_of_areas_are_means_over_folds(evidence):
    scores = Scores(replace(evidence, scoring="roc_auc"))
    expected = [
        roc_auc_score(evidence.y[held_out], evidence.members["a"][held_out, 1])
        for _, held_out in evidence.folds.splits
    ]
    assert scores.by_fold("a") == pytest.approx(expected)
    assert scores.estimate("a")[0] == pytest.approx(np.mean(expected), abs=1e-4)


@pytest.mark.parametrize("scoring", ["neg_root_mean_squared_error", "r2", "neg_mean_absolute_error"])
def test_scores_of_numbers_by_folds_are_those_of_scikit_learn(regression, scoring):
    found = Scores(replace(regression, scoring=scoring, scorer=None)).by_fold("line")
    function, sign = get_scorer(scoring)._score_func, get_scorer(scoring)._sign
    expected = [
        sign * function(regression.y[held_out], regression.members["line"][held_out])
        for _, held_out in regression.folds.splits
    ]
    assert found == pytest.approx(expected)


def test_a_metric_that_is_no_mean_of_rows_is_compared_by_folds(evidence):
    found = summarize(replace(evidence, scoring="f1_macro"))["verdict"]["comparisons"]["best_member"]
    assert found["method"] == "corrected resampled t-test by folds"
    assert found["n"] == 4


def test_a_stack_that_is_its_best_member_is_equal_and_a_worse_one_is_worse(evidence):
    same = summarize(replace(evidence, members={"only": evidence.stack}))["verdict"]
    assert [*same["comparisons"]] == ["best_member"]
    assert same["comparisons"]["best_member"]["outcome"] == "equal"
    worse = replace(evidence, stack=evidence.members["a"], members={"good": evidence.stack})
    assert summarize(worse)["verdict"]["comparisons"]["best_member"]["outcome"] == "worse"


def test_groups_of_equal_rows_are_one_piece_of_evidence(evidence):
    twice = Evidence(
        "binary",
        "neg_log_loss",
        np.repeat(evidence.y, 2),
        {name: np.repeat(table, 2, axis=0) for name, table in evidence.members.items()},
        np.repeat(evidence.stack, 2, axis=0),
        evidence.classes,
        groups=np.repeat(np.arange(len(evidence.y)), 2),
    )
    one, both = (summarize(each)["verdict"]["comparisons"]["best_member"] for each in (evidence, twice))
    assert both["standard_error"] == pytest.approx(one["standard_error"], rel=1e-5)


def test_shapley_values_divide_the_gain_over_the_prior(evidence, summary):
    found = summary["contributions"]
    total = sum(one["value"] for one in found["members"])
    assert total == pytest.approx(found["score_of_average"] - found["score_of_prior"], rel=1e-4)
    shares = np.full((len(evidence.y), 2), [(evidence.y == "no").mean(), (evidence.y == "yes").mean()])
    assert found["score_of_prior"] == pytest.approx(-log_loss(evidence.y, shares), rel=1e-5)


def test_confusion_is_that_of_scikit_learn(evidence, summary):
    labels = evidence.classes[evidence.stack.argmax(axis=1)]
    assert summary["errors"]["counts"] == confusion_matrix(evidence.y, labels).tolist()


def test_the_worst_region_and_the_shifted_column_are_found(summary):
    worst = summary["regions"]["regions"][0]
    assert (worst["column"], worst["region"], worst["beyond_chance"]) == ("hard", "hard", True)
    assert sum(one["beyond_chance"] for one in summary["regions"]["regions"]) <= 2  # and perhaps "signal"
    first = summary["shift"]["columns"][0]
    assert (first["column"], first["is_shifted"], summary["shift"]["n_shifted"]) == ("shifted", True, 1)
    assert "constant" not in {one["column"] for one in summary["shift"]["columns"]}


def test_most_of_the_rows_are_no_region(evidence):
    usual = evidence.X.assign(usual=np.where(evidence.X["hard"] == "hard", "x", "y"), hard="z")
    worst = summarize(replace(evidence, X=usual, stack=evidence.stack[:, ::-1]))["regions"]["regions"]
    assert all(one["share"] <= 0.5 for one in worst)
    assert "usual" not in {one["column"] for one in worst}


def test_seconds_of_members_left_out_are_part_of_the_time_spent(evidence):
    late = replace(evidence, failures={"d": "there was no time"}, seconds={**evidence.seconds, "d": 4.0})
    row = summarize(late)["leaderboard"][-1]
    assert (row["name"], row["role"], row["seconds"]) == ("d", "left out", 4.0)
    assert "All fits took 10.0 s; d took 40.0 % of it." in Report(late).to_markdown()


def test_members_that_are_calibrated_have_no_gap():
    random = np.random.default_rng(0)
    positive = random.random(20_000)
    y = (random.random(20_000) < positive).astype(int)
    tables = {"honest": probabilities(positive), "bold": probabilities((positive > 0.5) * 0.98 + 0.01)}
    summary = summarize(Evidence("binary", "roc_auc", y, tables, tables["honest"], np.array([0, 1])))
    gaps = {one["name"]: one["gap"] for one in summary["calibration"]["gaps"]}
    assert gaps["honest"] < 0.02
    assert gaps["bold"] > 0.2


def test_residuals_and_their_quantiles_are_those_of_the_stack(regression):
    found = summarize(regression)["errors"]
    residuals = regression.y - regression.stack
    assert found["quantiles"]["q50"] == pytest.approx(np.median(residuals), rel=1e-5)
    assert sum(found["histogram"]["rows"]) == len(residuals)


def test_checks_are_in_the_summary_and_can_be_ignored(evidence, summary):
    found = {one["code"]: one for one in summary["checks"]}
    shifted = next(one for one in found.values() if one["title"] == "Shift between train and test")
    assert shifted["status"] == "issue"
    assert "shifted" in shifted["sentence"]
    ignored = summarize(evidence, ignore=[shifted["code"]])["checks"]
    assert [one["code"] for one in ignored if one["status"] == "ignored"] == [shifted["code"]]
    with pytest.raises(ValueError, match="STK"):
        summarize(evidence, ignore=["STK999"])


def test_sections_that_do_not_apply_are_none_and_few_rows_are_no_error():
    y = np.array([0, 1, 1, 0])
    table = probabilities(np.array([0.2, 0.7, 0.4, 0.4]))
    summary = summarize(Evidence("binary", "neg_log_loss", y, {}, table, np.array([0, 1])))
    assert [key for key in summary if summary[key] is None] == [
        "folds",
        "diversity",
        "contributions",
        "calibration",
        "regions",
        "shift",
    ]
    assert "there is no member to compare it with" in summary["verdict"]["sentences"][0]


def test_members_of_decision_values_have_no_log_loss(evidence):
    summary = summarize(replace(evidence, kinds={"a": "decision"}))
    assert next(row for row in summary["leaderboard"] if row["name"] == "a")["score"] is None


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_usual_metrics_are_those_of_scikit_learn(kind, request):
    evidence = request.getfixturevalue(kind)
    found = {one["name"]: one["scores"][0] for one in summarize(evidence)["metrics"]["metrics"]}
    labels = evidence.classes[evidence.stack.argmax(axis=1)]
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(evidence.y, labels), rel=1e-5)
    assert found["f1_macro"] == pytest.approx(f1_score(evidence.y, labels, average="macro"), rel=1e-5)
    assert found["neg_log_loss"] == pytest.approx(-log_loss(evidence.y, evidence.stack), rel=1e-5)


def test_columns_are_cut_into_ranges_levels_and_gaps():
    numbers = pd.Series([*range(80), np.nan], dtype=float)
    bins = ColumnBins.of(numbers)
    assert bins.labels[:2] == ["0 to 9", "10 to 19"]
    assert bins.labels[-2:] == ["missing", "another value"]
    assert bins.codes(pd.Series([0.0, 10.0, 79.0, 500.0, np.nan])).tolist() == [0, 1, 7, 7, 8]
    few = ColumnBins.of(pd.Series([1, 2, 2, 3] * 5))
    assert few.labels[:3] == ["1", "2", "3"]
    levels = ColumnBins.of(pd.Series(["b", "a", "a", None, {"x": 1}, {"x": 1}] * 5, dtype=object))
    assert levels.codes(pd.Series(["a", "new", None], dtype=object)).tolist() == [0, 4, 3]
    dates = ColumnBins.of(pd.Series(pd.date_range("2020-01-01", periods=80)))
    assert dates.labels[0] == "2020-01-01 to 2020-01-10"
    for constant in ([5, 5, 5], ["x", "x"], [None, None], [f"id {at}" for at in range(50)]):
        assert ColumnBins.of(pd.Series(constant)) is None
