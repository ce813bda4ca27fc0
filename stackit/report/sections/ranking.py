"""Ranking: the ROC curve, and the precision-recall curve where the positive class is rare."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Block, Cell, Chart, Column, Section, Table, Text
from stackit.report.charts import LineChart, Series, axis_of
from stackit.report.sections.scale import tone_of
from stackit.report.text import percent_text, score_text

__all__ = ["ranking"]


def ranking(summary: dict[str, Any]) -> Section | None:
    """Return how well the stack and its best member rank the rows of two classes."""
    found = summary["ranking"]
    if found is None:
        return None
    positive, curves = found["positive"], found["roc"]
    areas = ", ".join(f"{one['name']} {score_text(one['area'])}" for one in curves)
    blocks: list[Block] = [
        Text(
            f"In {percent_text(curves[0]['area'])} of all pairs of a row of {positive!r} and another row, "
            "the stack gives the former the higher probability, ties counted as half. Areas under the ROC "
            f"curve: {areas}."
        ),
        _chart(
            summary,
            curves,
            ("False positive rate", "True positive rate"),
            "ROC curve",
            f"Share of the rows of {positive!r} that are found, by the share of other rows that are taken "
            "for them, at all thresholds; the upper left corner is best, and the diagonal is chance.",
        ),
    ]
    if found["precision_recall"] is None:
        return Section("ranking", "ROC curve", blocks)
    averages = ", ".join(
        f"{one['name']} {score_text(one['average_precision'])}" for one in found["precision_recall"]
    )
    rare = percent_text(found["share"])
    blocks += [
        Text(f"Only {rare} of the rows are {positive!r}. Average precision: {averages}."),
        _chart(
            summary,
            found["precision_recall"],
            ("Recall", "Precision"),
            "Precision-recall curve",
            f"Share of right predictions of {positive!r}, by the share of its rows that are found; the upper "
            f"right corner is best, and the dashed line, {rare}, is chance.",
        ),
    ]
    return Section("ranking", "ROC and precision-recall curves", blocks)


def _chart(
    summary: dict[str, Any], curves: list[dict[str, Any]], titles: tuple[str, str], title: str, alt: str
) -> Chart:
    """Return a chart of curves from 0 to 1, with a line for chance, and their points."""
    keys = [title.lower().replace(" ", "_") for title in titles]
    series = [
        Series(
            one["name"],
            [(point[keys[0]], point[keys[1]]) for point in one["points"]],
            tone_of(summary, one["name"]),
        )
        for one in curves
    ]
    rows = [
        [
            Cell(one["name"], one["name"]),
            *(Cell(score_text(point[key]), point[key]) for key in (*keys, "threshold")),
        ]
        for one in curves
        for point in one["points"]
    ]
    columns = [Column("Name"), *(Column(each, is_number=True) for each in (*titles, "Threshold"))]
    x, y = axis_of(titles[0], [0.0, 1.0]), axis_of(titles[1], [0.0, 1.0], is_vertical=True)
    is_roc = keys[0] == "false_positive_rate"
    level = None if is_roc else summary["ranking"]["share"]
    chart = LineChart(x, y, series, diagonal=is_roc, level=level)
    return Chart(title, alt, chart, Table(f"{title}, in numbers", columns, rows))
