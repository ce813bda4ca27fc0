"""More figures by hand: order, weights of bins, regions, shifts, metrics, and what charts and cells show."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss

from stackit.report import Report, summarize
from stackit.report.charts import LineChart, Series, axis_of
from stackit.report.page.drawing import draw_chart
from stackit.report.sections.errors import errors
from stackit.report.sections.scale import tone_of
from tests.report.checks.evidence_cases import sound
from tests.report.test_summary import planted, probabilities


@pytest.fixture(scope="module")
def evidence():
    return planted(605)


@pytest.fixture(scope="module")
def summary(evidence):
    return summarize(evidence)


def section(evidence, title):
    text = re.sub(r"\\(.)", r"\1", Report(evidence).to_markdown())
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_best_is_first_on_the_leaderboard(summary):
    scores = [row["score"] for row in summary["leaderboard"]]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 3


def test_small_p_values_are_bounded_and_others_are_shown(evidence):
    logit = np.log(evidence.stack[:, 1] / evidence.stack[:, 0])
    seen = []
    for seed in range(8):
        noisy = np.random.default_rng(seed).normal(0, 0.1 + 0.1 * (seed == 0), len(logit))
        member = probabilities(1 / (1 + np.exp(-logit - noisy)))
        one = replace(evidence, X=None, X_test=None, members={"a": member, "b": member})
        found = summarize(one)["verdict"]["comparisons"]["best_member"]
        shown = "p < 0.0001" if found["p_value"] < 0.0001 else f"p = {found['p_value']:.2g}"
        assert shown in found["sentence"]
        seen.append(found["p_value"])
    assert min(seen) < 0.0001
    assert any(0.0001 < p < 0.01 for p in seen)


def test_the_nearest_member_is_another_one_with_the_largest_correlation(evidence):
    random, truth = np.random.default_rng(0), (evidence.y == "yes").astype(float)
    shared = random.uniform(0.2, 0.8, len(truth))
    members = {name: probabilities(shared + random.uniform(-0.1, 0.1, len(truth))) for name in ("a", "c")}
    members["b"] = probabilities(random.uniform(0.2, 0.8, len(truth)))
    one = replace(evidence, members=members, weights={})
    found = summarize(one)["diversity"]
    errors = {name: (np.column_stack([1 - truth, truth]) - members[name]).ravel() for name in members}
    for each in found["nearest"]:
        others = {
            name: np.corrcoef(errors[each["name"]], errors[name])[0, 1]
            for name in members
            if name != each["name"]
        }
        assert each["nearest"] == max(others, key=others.get)
        assert each["correlation"] == pytest.approx(max(others.values()), rel=1e-7)
    mean = found["mean_correlation"]
    kind = "much alike" if mean > 0.95 else "alike" if mean > 0.8 else "different"
    assert 0.5 < mean < 0.95
    assert f"correlation of {mean:.2f} on average: {kind}." in section(one, "Diversity")


def test_regions_are_beyond_chance_when_all_that_were_compared_are_counted(evidence):
    random = np.random.default_rng(2)
    X = pd.DataFrame({f"x{at}": random.normal(size=605) for at in range(12)})
    found = summarize(replace(evidence, X=X, X_test=None))["regions"]
    limit = stats.norm.isf(0.05 / found["n_regions_tested"])
    assert [one["beyond_chance"] for one in found["regions"]] == [
        one["z"] > limit for one in found["regions"]
    ]
    assert any(stats.norm.isf(0.05) < one["z"] < limit for one in found["regions"])


def test_the_distance_of_a_column_is_the_share_of_rows_that_would_have_to_move(evidence):
    train = pd.DataFrame({"by": np.repeat(["u", "v"], [302, 303])})
    test = pd.DataFrame({"by": np.repeat(["u", "v"], [300, 100])})
    one = replace(evidence, X=train, X_test=test)
    (column,) = summarize(one)["shift"]["columns"]
    assert column["distance"] == pytest.approx(0.75 - 302 / 605, rel=1e-8)
    assert "1 column of 1 is distributed differently in the test rows." in section(
        one, "Shift between train and test"
    )


def test_gaps_of_calibration_are_weighted_by_the_rows_of_bins(summary):
    points = summary["calibration"]["curves"][0]["points"]
    assert {point["rows"] for point in points} == {60, 61}
    gaps = [abs(point["observed"] - point["predicted"]) for point in points]
    expected = np.average(gaps, weights=[point["rows"] for point in points])
    assert summary["calibration"]["gaps"][0]["gap"] == pytest.approx(expected, rel=1e-8)


def test_the_histogram_of_residuals_ends_at_half_a_percent_of_each_side():
    evidence = sound("regression", n=400)
    found = summarize(evidence)["errors"]
    ends = np.quantile(evidence.y - evidence.stack, [0.005, 0.995])
    assert [found["histogram"]["edges"][0], found["histogram"]["edges"][-1]] == pytest.approx([*ends])
    assert sum(found["histogram"]["rows"]) == 400


def test_the_brier_score_of_two_classes_is_that_of_one_probability(evidence, summary):
    metrics = {one["name"]: one["scores"][0] for one in summary["metrics"]["metrics"]}
    expected = -brier_score_loss(evidence.y == "yes", evidence.stack[:, 1])
    assert metrics["neg_brier_score"] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("n_heavy", [0, 400])
def test_the_median_error_is_that_of_rows_with_weight(n_heavy):
    evidence = sound("regression", n=601)
    weights = np.where(np.arange(601) < n_heavy, 1000.0, 1.0)
    one = replace(evidence, sample_weight=weights)
    found = {each["name"]: each["scores"][0] for each in summarize(one)["metrics"]["metrics"]}
    error = np.abs(evidence.y - evidence.stack)
    repeated = np.repeat(error, weights.astype(int))
    assert found["neg_median_absolute_error"] == pytest.approx(-np.median(repeated), rel=1e-7)


def test_the_best_member_has_a_tone_of_its_own(summary):
    best = summary["verdict"]["comparisons"]["best_member"]["name"]
    tones = {name: tone_of(summary, name) for name in ("a", "b", "c", "stack")}
    assert {name for name, tone in tones.items() if tone == "best"} == {best}
    assert tones["stack"] == "stack"


def test_right_cells_of_a_confusion_are_hot_and_wrong_ones_cold(summary):
    table = errors(summary).blocks[1]
    heats = np.array([[cell.heat for cell in row[1:]] for row in table.rows])
    assert (np.sign(heats) == 2 * np.eye(2) - 1).all()
    np.testing.assert_allclose(np.abs(heats).sum(axis=1), 1)


def test_larger_numbers_are_higher_and_lines_of_the_grid_are_level():
    x, y = axis_of("x", [0.0, 1.0]), axis_of("y", [0.0, 1.0], is_vertical=True)
    drawn = str(
        draw_chart(LineChart(x, y, [Series("s", [(0.0, 0.25), (1.0, 0.75)], kind="dots")]), "a chart")
    )
    heights = [float(found) for found in re.findall(r'cy="([\d.]+)%', drawn)]
    assert heights == [75, 25]
    lines = re.findall(r'<line[^>]*y1="([\d.]+)" y2="([\d.]+)" class="grid"', drawn)
    assert len(lines) == len(y.ticks)
    assert all(start == end for start, end in lines)
    assert [float(start) for start, _ in lines] == [1000 - y.at(tick) for tick in y.ticks]
