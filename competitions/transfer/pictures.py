"""The picture of what transfer gains or costs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stackit.check import require

__all__ = ["draw_gaps"]

WAYS = ("codes", "fine-tuning")
LINES = {"kept": "--", "recomputed": "-", "lost": ":"}


def draw_gaps(table: pd.DataFrame, path: Path) -> None:
    """Draw the gaps by how many images of the target have labels: a row of panels a target, one a way.

    Parameters
    ----------
    table : data frame
        The columns target, images, source, way, statistics, gap and standard error.
    path : path
        The file, such as ``gaps.png``.
    """
    table = table[table["way"].isin(WAYS)]
    targets = table["target"].unique()
    size = 5.5 * len(WAYS), 4.2 * len(targets)
    figure = require("matplotlib.figure", "report").Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(targets), len(WAYS), squeeze=False)
    for row, target in zip(panels, targets, strict=True):
        of_target = table[table["target"] == target]
        colours = {source: f"C{at}" for at, source in enumerate(of_target["source"].unique())}
        for axes, way in zip(row, WAYS, strict=True):
            lines = of_target[of_target["way"] == way].groupby(["source", "statistics"], sort=False)
            for (source, statistics), line in lines:
                look = {"linestyle": LINES[str(statistics)], "color": colours[str(source)]}
                label = f"{source}, {statistics}"
                axes.errorbar(line["images"], line["gap"], line["standard error"], **look, label=label)
            axes.axhline(0, color="black", linewidth=0.8)
            axes.set(title=f"{way}, target {target}", xlabel="images with labels", xscale="log", ylabel="gap")
        row[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
