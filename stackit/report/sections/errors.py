"""The errors of the stack: confusion or residuals, and the worst rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from stackit.report.blocks import Block, Cell, Chart, Column, Notes, Section, Table, Text
from stackit.report.charts import Area, LineChart, Series, axis_of
from stackit.report.text import number_text, percent_text, score_text

__all__ = ["errors"]


def errors(summary: dict[str, Any]) -> Section:
    """Return where the stack is wrong."""
    found = summary["errors"]
    blocks = _confusion(found) if found["kind"] == "confusion" else _residuals(found)
    return Section("errors", "Errors of the stack", [*blocks, _worst(found["worst_rows"])])


def _confusion(found: dict[str, Any]) -> list[Block]:
    names = found["classes"]
    rows = []
    for at, (name, counts) in enumerate(zip(names, found["counts"], strict=True)):
        total = max(1, sum(counts))
        cells = [
            Cell(f"{n:,}", n, heat=(n / total) * (1 if to == at else -1), remark=percent_text(n / total))
            for to, n in enumerate(counts)
        ]
        rows.append([Cell(name), *cells])
    columns = [Column("True class"), *(Column(name, True, "predicted") for name in names)]
    table = Table("Confusion: rows by true class, columns by predicted class", columns, rows, is_dense=True)
    by_class = Table(
        "Recall and precision",
        [Column("Class"), *(Column(title, is_number=True) for title in ("Rows", "Recall", "Precision"))],
        [
            [
                Cell(one["name"], one["name"]),
                Cell(f"{one['rows']:,}", one["rows"]),
                Cell(percent_text(one["recall"]), one["recall"]),
                Cell(percent_text(one["precision"]), one["precision"]),
            ]
            for one in found["by_class"]
        ],
        is_sortable=True,
    )
    notes = ["The predicted class is the most probable one; shares are those of the true class."]
    if found["n_classes_left_out"]:
        notes.append(f"The {found['n_classes_left_out']} least frequent classes are not shown.")
    text = Text(f"The most probable class is right in {percent_text(found['accuracy'])} of the rows.")
    return [text, table, by_class, Notes(notes)]


def _residuals(found: dict[str, Any]) -> list[Block]:
    quantiles = found["quantiles"]
    text = Text(
        f"The target less the prediction is {score_text(found['mean'])} on average, with a standard "
        f"deviation of {score_text(found['std'])}; nine in ten rows are between "
        f"{score_text(quantiles['q05'])} and {score_text(quantiles['q95'])}."
    )
    return [text, _bands(found["bands"]), _histogram(found["histogram"])]


def _bands(bands: list[dict[str, Any]]) -> Chart:
    keys = ("q05", "q25", "q50", "q75", "q95")
    x = axis_of("Prediction", [band["predicted"] for band in bands])
    y = axis_of("Residual", [band[key] for band in bands for key in keys], [0.0], is_vertical=True)
    areas = [
        Area([(band["predicted"], band[low], band[high]) for band in bands], "stack")
        for low, high in (("q05", "q95"), ("q25", "q75"))
    ]
    median = Series("median", [(band["predicted"], band["q50"]) for band in bands], "stack")
    titles = ("Prediction", "Rows", "5 %", "25 %", "Median", "75 %", "95 %")
    rows = [
        [
            Cell(number_text(band["predicted"]), band["predicted"]),
            Cell(f"{band['rows']:,}", band["rows"]),
            *(Cell(number_text(band[key]), band[key]) for key in keys),
        ]
        for band in bands
    ]
    columns = [Column(title, is_number=True) for title in titles]
    return Chart(
        "Residuals by prediction",
        "Quantiles of the residuals in bins of the prediction: the line is the median, the bands hold half "
        "and nine in ten of the rows. Residuals around 0 everywhere are good.",
        LineChart(x, y, [median], areas, level=0.0),
        Table("Residuals by prediction, in numbers", columns, rows),
    )


def _histogram(found: dict[str, Any]) -> Chart:
    edges, heights = found["edges"], found["rows"]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    x, y = axis_of("Residual", edges, is_tight=True), axis_of("Rows", heights, [0.0], is_vertical=True)
    rows = [
        [Cell(f"{number_text(low)} to {number_text(high)}", low), Cell(f"{n:,}", n)]
        for (low, high), n in zip(pairwise(edges), heights, strict=True)
    ]
    return Chart(
        "Distribution of the residuals",
        "A histogram of the residuals; half a percent at each end is in the last bars.",
        LineChart(x, y, [Series("rows", [*zip(middles, heights, strict=True)], "stack", "bars")]),
        Table("Residuals, in numbers", [Column("Residual"), Column("Rows", is_number=True)], rows),
    )


def _worst(found: dict[str, Any]) -> Table:
    """Return the rows with the largest losses."""
    has_probability = any("probability_of_truth" in row for row in found["rows"])
    columns = [
        Column("Row"),
        Column("Truth", not has_probability),
        Column("Predicted", not has_probability),
        *([Column("Probability of the truth", is_number=True)] if has_probability else []),
        Column(f"Loss ({found['loss']})", is_number=True),
    ]
    rows = []
    for row in found["rows"]:
        shown = [row["truth"], row["predicted"]]
        texts = shown if has_probability else [number_text(value) for value in shown]
        cells = [Cell(text, key) for text, key in zip(texts, shown, strict=True)]
        if has_probability:
            probability = row["probability_of_truth"]
            cells.append(Cell(percent_text(probability), probability))
        rows.append([Cell(row["row"]), *cells, Cell(score_text(row["loss"]), row["loss"])])
    return Table("The worst rows: check their labels", columns, rows)
