"""RealMLP next to the program of its authors: scores out of fold and CPU seconds, in turns in one process.

`make bench ARGS="-k realmlp"` runs this and writes REALMLP.md.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from competitions.data import find

PAGE = Path(__file__).parent / "REALMLP.md"
SEEDS = range(2)
TABLES = (
    *("concrete", "attrition", "mortgage_denial", "yeast"),
    *("orange_juice", "vehicle", "car_prices", "sacramento"),
)
INTRODUCTION = """\
Log loss (classes) or root mean square error in standard deviations (numbers) out of fold, and CPU seconds to
train five folds on one thread, for the same rows and 32 epochs; means over two seeds, with the standard
error of the difference. The last epoch predicts, so that no held-out row chooses one. pytabkit trains the
folds vectorised (`n_cv=5`), without label smoothing.
"""


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
def test_realmlp_side_by_side():
    import torch

    from tests.bench.realmlp import load, pytabkit, stackit

    torch.set_num_threads(1)
    folder = find("tables", ["index.csv"], "the packages that its column source names")
    lines = ["# RealMLP next to the program of its authors", "", INTRODUCTION, f"{date.today()}.", ""]
    lines += ["| table | rows | stackit | pytabkit | difference | with batch norm | CPU s | CPU / pytabkit |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name in TABLES:
        table = load(folder, name)
        runs = [
            (stackit(table, seed), pytabkit(table, seed), stackit(table, seed, batch_norm=True))
            for seed in SEEDS
        ]
        (ours, theirs, normed), seconds = np.array(runs)[:, :, 0].T, np.array(runs)[:, :, 1].mean(0)
        error = (ours - theirs).std(ddof=1) / len(SEEDS) ** 0.5
        lines.append(
            f"| {name} | {len(table.y)} | {ours.mean():.4f} | {theirs.mean():.4f} "
            f"| {(ours - theirs).mean():+.4f} ± {error:.4f} | {normed.mean():.4f} "
            f"| {seconds[0]:.1f} | {seconds[0] / seconds[1]:.2f} |"
        )
        PAGE.write_text("\n".join([*lines, ""]), encoding="utf-8")
