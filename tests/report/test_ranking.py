"""Ranking: the curves are those of scikit-learn, thinned, and the twins hold their points."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from stackit.report import Evidence, Report, summarize


def probabilities(positive):
    return np.column_stack([1 - positive, positive])


def rare(n=3000, share=0.08, seed=0):
    """Return evidence of two classes, of which the second is rare, with weights of rows and ties."""
    random = np.random.default_rng(seed)
    y = np.where(random.random(n) < share, "ill", "healthy")
    members = {
        name: probabilities(np.round(1 / (1 + np.exp(3 - 2 * (y == "ill") - random.normal(0, size, n))), 3))
        for name, size in (("good", 1.0), ("weak", 2.5))
    }
    stack = (2 * members["good"] + members["weak"]) / 3
    weights = random.uniform(0.5, 2.0, n)
    return Evidence(
        "binary", "roc_auc", y, members, stack, np.array(["healthy", "ill"]), sample_weight=weights
    )


@pytest.fixture(scope="module")
def evidence():
    return rare()


@pytest.fixture(scope="module")
def found(evidence):
    return summarize(evidence)["ranking"]


def column(curve, key):
    return np.array([point[key] for point in curve["points"]], dtype=float)


def test_roc_curves_are_few_points_of_those_of_scikit_learn(evidence, found):
    assert [one["name"] for one in found["roc"]] == ["stack", "good"]
    truth, weights = evidence.y == "ill", evidence.sample_weight
    for one in found["roc"]:
        proba = evidence.predictions[one["name"]][:, 1]
        area = roc_auc_score(truth, proba, sample_weight=weights)
        assert one["area"] == pytest.approx(area, rel=1e-6)
        x, y = column(one, "false_positive_rate"), column(one, "true_positive_rate")
        assert 20 < len(x) <= 41
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
        assert auc(x, y) == pytest.approx(area, abs=0.005)
        false, true, _ = roc_curve(truth, proba, sample_weight=weights)
        own = {(round(a, 6), round(b, 6)) for a, b in zip(false, true, strict=True)}
        assert {(round(a, 6), round(b, 6)) for a, b in zip(x, y, strict=True)} <= own
        at = len(x) // 2
        taken = proba >= column(one, "threshold")[at] - 1e-8
        assert x[at] == pytest.approx(np.average(taken[~truth], weights=weights[~truth]), rel=1e-6)
        assert y[at] == pytest.approx(np.average(taken[truth], weights=weights[truth]), rel=1e-6)


def test_precision_and_recall_are_those_of_scikit_learn_where_the_second_class_is_rare(evidence, found):
    truth, weights = evidence.y == "ill", evidence.sample_weight
    assert found["positive"] == "ill"
    assert found["share"] == pytest.approx(np.average(truth, weights=weights), rel=1e-6)
    for one in found["precision_recall"]:
        proba = evidence.predictions[one["name"]][:, 1]
        average = average_precision_score(truth, proba, sample_weight=weights)
        assert one["average_precision"] == pytest.approx(average, rel=1e-6)
        precision, recall, _ = precision_recall_curve(truth, proba, sample_weight=weights)
        own = {(round(a, 6), round(b, 6)) for a, b in zip(recall, precision, strict=True)}
        points = [*zip(column(one, "recall"), column(one, "precision"), strict=True)]
        assert 20 < len(points) <= 41
        assert {(round(a, 6), round(b, 6)) for a, b in points} <= own
        assert points[-1][0] == 1
        assert np.all(np.diff(column(one, "recall")) > 0)
        at = len(points) // 2
        taken = proba >= column(one, "threshold")[at] - 1e-8
        assert points[at][0] == pytest.approx(np.average(taken[truth], weights=weights[truth]), rel=1e-6)
        assert points[at][1] == pytest.approx(np.average(truth[taken], weights=weights[taken]), rel=1e-6)


def test_other_tasks_have_no_curves_and_frequent_positives_no_precision(reports, binary):
    assert reports["multiclass"].summary["ranking"] is reports["regression"].summary["ranking"] is None
    found = reports["binary"].summary["ranking"]
    assert found["precision_recall"] is None
    assert '<h2 id="ranking-title">ROC curve</h2>' in reports["binary"].to_html()
    one_class = replace(binary, y=np.full(len(binary.y), "yes"))
    assert summarize(one_class)["ranking"] is None


def test_a_perfect_and_a_reversed_ranking_have_areas_1_and_0(evidence):
    perfect = probabilities((evidence.y == "ill") * 0.9)
    found = summarize(replace(evidence, stack=perfect, members={"bad": perfect[:, ::-1]}))["ranking"]
    assert [one["area"] for one in found["roc"]] == [1.0, 0.0]
    assert [(p["false_positive_rate"], p["true_positive_rate"]) for p in found["roc"][0]["points"]] == [
        (0.0, 0.0),
        (0.0, 1.0),
        (1.0, 1.0),
    ]


def test_page_and_markdown_hold_the_curves(evidence, found):
    report = Report(evidence)
    page, markdown = report.to_html(), re.sub(r"\\(.)", r"\1", report.to_markdown())
    assert "ROC and precision-recall curves" in page
    section = markdown.partition("## ROC and precision-recall curves")[2].partition("\n## ")[0]
    rows = section.count("\n| stack |") + section.count("\n| good |")
    assert rows == sum(len(one["points"]) for one in [*found["roc"], *found["precision_recall"]])
    assert f"{100 * found['roc'][0]['area']:.1f} % of all pairs" in section
