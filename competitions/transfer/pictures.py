"""The picture of what transfer gains or costs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stackit.validation import import_optional

__all__ = ["draw_gaps"]

WAYS = ("codes", "fine-tuning")
LINES = {"kept": "--", "recomputed": "-", "lost": ":"}


def draw_gaps(table: pd.DataFrame, path: Path) -> None:
    """Draw the gaps by how many images of the target have labels: a row a target, a panel a way and rate.

    Parameters
    ----------
    table : data frame
        The columns target, images, rate, source, way, statistics, gap and standard error.
    path : path
        The file, such as ``gaps.png``.
    """
    table = table[table["way"].isin(WAYS)]
    targets = table["target"].unique()
    kinds = [(way, rate) for way in WAYS for rate in table["rate"].unique()]
    size = 4.4 * len(kinds), 4.2 * len(targets)
    figure = import_optional("matplotlib.figure", "plots").Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(targets), len(kinds), squeeze=False, sharey="row")
    for row, target in zip(panels, targets, strict=True):
        of_target = table[table["target"] == target]
        channel_order = {source: f"C{at}" for at, source in enumerate(of_target["source"].unique())}
        for axes, (way, rate) in zip(row, kinds, strict=True):
            lines = of_target[(of_target["way"] == way) & (of_target["rate"] == rate)]
            for (source, statistics), line in lines.groupby(["source", "statistics"], sort=False):
                look = {"linestyle": LINES[str(statistics)], "color": channel_order[str(source)]}
                label = f"{source}, {statistics}"
                axes.errorbar(line["images"], line["gap"], line["standard error"], **look, label=label)
            axes.axhline(0, color="black", linewidth=0.8)
            axes.set(
                title=f"{way}, target {target}, rate {rate:g}", xlabel="images with labels", xscale="log"
            )
        row[0].set_ylabel("gap")
        row[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
