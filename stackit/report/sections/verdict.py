"""The verdict, before all else."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Badge, Block, Cell, Column, Notes, Section, Table, Text, Tile, Tiles
from stackit.report.charts import Strip
from stackit.report.metric import Metric
from stackit.report.sections.scale import ends, metric_of
from stackit.report.text import count_text, score_text

__all__ = ["verdict"]

BADGES = {
    "better": Badge("better", "good"),
    "worse": Badge("worse", "bad"),
    "no difference": Badge("no difference", "neutral"),
    "equal": Badge("equal", "neutral"),
    "unknown": Badge("unknown", "neutral"),
}


def verdict(summary: dict[str, Any]) -> Section:
    """Return the two sentences, the scores, and the usual metrics."""
    found, metric = summary["verdict"], metric_of(summary)
    comparisons = [*found["comparisons"].values()]
    low, high = ends([each[end] for each in comparisons for end in ("low", "high")], include=[0.0])
    texts: list[Block] = [
        Text(each["sentence"], BADGES[each["outcome"]], _interval(each, low, high), is_large=True)
        for each in comparisons
    ]
    if not texts:
        texts = [Text(sentence, is_large=True) for sentence in found["sentences"]]
    blocks = [*texts, _tiles(summary, metric), _metrics(summary), Notes(found["caveats"])]
    return Section("verdict", "Verdict", blocks)


def _interval(comparison: dict[str, Any], low: float, high: float) -> Strip | None:
    """Return the interval of the gain next to 0."""
    if comparison["low"] is None or low == high:
        return None
    interval = comparison["low"], comparison["high"]
    return Strip(low, high, mark=comparison["difference"], interval=interval, origin=0.0, tone="stack")


def _tiles(summary: dict[str, Any], metric: Metric) -> Tiles:
    found, data = summary["verdict"], summary["data"]
    direction = "lower is better" if metric.lower_is_better else "higher is better"
    score, sem = found["stack_score"], found["stack_sem"]
    tiles = [
        Tile(
            "Stack",
            score_text(None if score is None else metric.shown(score)),
            f"{metric.label}, {direction}" + ("" if sem is None else f"; standard error {score_text(sem)}"),
        )
    ]
    for role, name in (("best_member", "Best member"), ("plain_average", "Plain average")):
        one = found["comparisons"].get(role)
        if one is not None and one["score"] is not None:
            remark = one["name"] if role == "best_member" else "of all members"
            tiles.append(Tile(name, score_text(metric.shown(one["score"])), remark))
    used = sum(bool(row["weight"]) for row in summary["leaderboard"])
    remark = f"{used} used, combined by {data['combiner']}" if used and data["combiner"] else data["combiner"]
    tiles.append(Tile("Members", f"{data['n_members']}", remark))
    columns = "" if data["n_columns"] is None else count_text(data["n_columns"], "column")
    tiles.append(Tile("Rows", f"{data['n_rows']:,}", columns))
    return Tiles(tiles)


def _metrics(summary: dict[str, Any]) -> Table:
    """Return the usual metrics of the stack, the best member and the plain average."""
    found = summary["metrics"]
    rows = []
    for one in found["metrics"]:
        shown = Metric(one["name"]).shown
        scores = [None if score is None else shown(score) for score in one["scores"]]
        better = "lower" if one["lower_is_better"] else "higher"
        rows.append([Cell(one["label"]), *(Cell(score_text(score), score) for score in scores), Cell(better)])
    columns = [Column("Metric"), *(Column(name, True) for name in found["names"]), Column("Better is")]
    return Table("The usual metrics, of all rows together", columns, rows)
