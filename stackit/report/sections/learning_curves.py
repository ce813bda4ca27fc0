"""The learning curves of nets."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Cell, Chart, Column, Section, Table
from stackit.report.charts import Area, LineChart, Series, axis_of
from stackit.report.text import count_text, score_text

__all__ = ["learning_curves"]

TONES = ("stack", "best", "average")


def learning_curves(summary: dict[str, Any]) -> Section | None:
    """Return one chart per net."""
    charts = [_chart(one) for one in summary["learning_curves"] if one["losses"]]
    return Section("learning-curves", "Learning curves of nets", charts) if charts else None


def _chart(one: dict[str, Any]) -> Chart:
    epochs, losses = one["epochs"], one["losses"][: len(TONES)]
    points = {loss["name"]: _points(epochs, loss) for loss in losses}
    values = [value for loss in losses for key in ("low", "high") for value in loss[key] if value is not None]
    series = [
        Series(name, [(epoch, mean) for epoch, mean, _, _ in of_loss], tone)
        for tone, (name, of_loss) in zip(TONES, points.items(), strict=False)
    ]
    areas = [
        Area([(epoch, low, high) for epoch, _, low, high in of_loss], tone)
        for tone, of_loss in zip(TONES, points.values(), strict=False)
    ]
    rows = [
        [Cell(name), Cell(f"{epoch}", epoch), *(Cell(score_text(value), value) for value in rest)]
        for name, of_loss in points.items()
        for epoch, *rest in of_loss
    ]
    titles = ("Epoch", "Mean", "Lowest", "Highest")
    columns = [Column("Loss"), *(Column(title, is_number=True) for title in titles)]
    return Chart(
        one["name"],
        f"Losses of {one['name']} by epoch: the mean and the range over {count_text(one['n_fits'], 'fit')}.",
        LineChart(axis_of("Epoch", epochs), axis_of("Loss", values, is_vertical=True), series, areas),
        Table(f"Losses of {one['name']} by epoch", columns, rows),
    )


def _points(epochs: list[int], loss: dict[str, Any]) -> list[tuple[int, float, float, float]]:
    found = zip(epochs, loss["mean"], loss["low"], loss["high"], strict=True)
    return [one for one in found if None not in one]
