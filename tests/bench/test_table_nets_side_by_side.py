"""TabM of stackit and of its authors on real tables: loss out of fold, and CPU seconds.

`make bench ARGS="-k table_nets"` runs this and writes TABLE_NETS.md; figures of tables that are not run stay.
``BENCH_FOLDS=2`` does the first two of five folds, which takes minutes and not hours.
"""

from __future__ import annotations

import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE, FIGURES = (Path(__file__).parent / name for name in ("TABLE_NETS.md", "table_nets.json"))
THREADS = 1
CHOSEN = ("concrete", "attrition", "yeast")  # of the tables on which stackit reports figures
OTHERS = ("car_prices", "vehicle", "hawks")
INTRODUCTION = """\
TabM of stackit with its defaults, and the package `tabm` of its authors (0.0.3) with its default sizes in
the training loop of its example, which stops by accuracy where there are classes; the last column of losses
stops by log loss. All train on the same rows of each fold and stop by the same fifth of them, after 16
epochs without a better one. Loss is the log loss or the root mean squared error of the held-out rows: the
mean over the folds, in brackets its standard error. Seconds are CPU seconds of all folds on one thread,
contenders in turns in one process. An asterisk marks the tables on which stackit reports figures.
"""


def measured(name: str) -> dict[str, Any]:
    """Return the losses and CPU seconds of all contenders on the folds of a table."""
    from tests.bench.table_nets import CONTENDERS, fold_tasks

    n_folds = int(os.environ.get("BENCH_FOLDS", "5"))
    figures: dict[str, dict[str, list[float]]] = {
        who: {"loss": [], "seconds": [], "epochs": []} for who in CONTENDERS
    }
    for task in fold_tasks(name)[:n_folds]:
        for who, fit in CONTENDERS.items():
            if task.is_regression and who.endswith("log loss"):
                continue  # numbers stop by the same figure in both
            started = time.process_time()
            outcome = fit(task)
            figures[who]["seconds"].append(round(time.process_time() - started, 2))
            figures[who]["loss"].append(round(task.loss(outcome.predicted, task.held_out), 5))
            figures[who]["epochs"].append(outcome.n_epochs)
    return {"day": str(date.today()), "folds": n_folds, "figures": figures}


def keep(name: str, mine: dict[str, Any]) -> None:
    """Keep the figures of one table; those of the others stay; write the page."""
    results = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    results[name] = mine
    FIGURES.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    lines = ["# Nets for tables", "", INTRODUCTION]
    lines += [
        "| table | folds | stackit | authors | authors, log loss | CPU s | CPU s of authors | ratio | day |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for table in (*CHOSEN, *OTHERS):
        if table in results:
            lines.append(line_of(table, results[table]))
    PAGE.write_text("\n".join([*lines, ""]), encoding="utf-8")


def line_of(table: str, result: dict[str, Any]) -> str:
    figures = result["figures"]
    losses = " | ".join(with_error(part["loss"]) for part in figures.values())
    own, theirs = (sum(figures[who]["seconds"]) for who in ("stackit", "authors"))
    mark = "*" if table in CHOSEN else ""
    return (
        f"| {table}{mark} | {result['folds']} | {losses} | {own:.0f} | {theirs:.0f} | {own / theirs:.2f} "
        f"| {result['day']} |"
    )


def with_error(losses: list[float]) -> str:
    if not losses:
        return ""
    error = f" ({np.std(losses, ddof=1) / len(losses) ** 0.5:.2g})" if len(losses) > 1 else ""
    return f"{np.mean(losses):.4g}{error}"


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*CHOSEN, *OTHERS])
def test_table_nets_side_by_side(name):
    import torch

    torch.set_num_threads(THREADS)
    keep(name, measured(name))
