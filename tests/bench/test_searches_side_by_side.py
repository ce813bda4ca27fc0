"""Searches for weights by the area under the curve: seconds and scores, in turns in one process.

`make bench ARGS="-k searches"` runs this and writes SEARCHES.md. What is asserted is that stackit's score is
no worse.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from sklearn.metrics import roc_auc_score

PAGE = Path(__file__).parent / "SEARCHES.md"
GOAL = 20
INTRODUCTION = """\
Seconds to find weights for out-of-fold probabilities of two classes by the area under the curve: medians of
the rounds, contenders in turns in one process, on one thread. "by hand" tries each estimator with each of 201
steps by one call of scikit-learn's `roc_auc_score`, adds the best and goes on while it helps; so does the
package hillclimbers, which is timed where it is installed. Scores are in-sample, on the table that was
searched: what a search reaches, not what it is worth. "Other load" is what the rest of the machine computed
meanwhile, in cores: above 0.25, distrust the wall times.
"""


def measured(work: Any, contenders: dict[str, Any]) -> tuple[dict[str, tuple[list[float], float]], float]:
    """Return the seconds of each round and the score of each contender, and the load beside."""
    X, y = work.table()
    found: dict[str, tuple[list[float], float]] = {name: ([], 0.0) for name in contenders}
    busy, started, own = busy_seconds(), time.perf_counter(), time.process_time()
    for _ in range(work.rounds):
        for name, search in contenders.items():
            begun = time.perf_counter()
            blend = search(X, y)
            found[name][0].append(time.perf_counter() - begun)
            found[name] = found[name][0], float(roc_auc_score(y, blend))
    others = (busy_seconds() - busy) - (time.process_time() - own)
    return found, max(0.0, others / (time.perf_counter() - started))


def busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def lines_of(name: str, work: Any, found: dict[str, tuple[list[float], float]], load: float) -> list[str]:
    ours = statistics.median(found["stackit"][0])
    lines = [
        f"## {name}",
        "",
        f"{date.today()}, {os.cpu_count()} cores, {work.rounds} rounds. Other load: {load:.2f}.",
    ]
    lines += ["", "| contender | wall s | AUC | wall / stackit | |", "|---|---|---|---|---|"]
    for who, (seconds, score) in found.items():
        wall = statistics.median(seconds)
        verdict = f"goal: {GOAL}" if who in ("by hand", "hillclimbers") else ""
        lines.append(f"| {who} | {wall:.2f} | {score:.6f} | {wall / ours:.2f} | {verdict} |")
    return [*lines, ""]


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
def test_searches_side_by_side():
    from tests.bench.searches import CONTENDERS, WORKS

    lines = ["# Searches by a metric: timings", "", INTRODUCTION]
    for name, work in WORKS.items():
        there = [who for who in work.contenders if who != "hillclimbers" or importlib.util.find_spec(who)]
        found, load = measured(work, {who: CONTENDERS[who] for who in there})
        assert all(score <= found["stackit"][1] + 1e-4 for _, score in found.values()), found
        lines += lines_of(name, work, found, load)
        PAGE.write_text("\n".join(lines), encoding="utf-8")
