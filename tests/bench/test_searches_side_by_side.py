"""Searches for weights by the area under the curve: seconds and scores, in turns in one process.

`make bench ARGS="-k searches"` runs this and writes SEARCHES.md; figures of workloads that are not run stay.
What is asserted is that stackit's score is no worse.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from sklearn.metrics import roc_auc_score

from tests.bench.searches import CONTENDERS, WORKS

PAGE, FIGURES = (Path(__file__).parent / name for name in ("SEARCHES.md", "searches.json"))
GOAL = 20
INTRODUCTION = """\
Seconds to find weights for out-of-fold probabilities of two classes by the area under the curve: medians of
the rounds, contenders in turns in one process; matrix products may use both cores. The package hillclimbers
tries each estimator with each of 101 steps by one call of scikit-learn's `roc_auc_score`, adds the best and
goes on while it helps. Scores are in-sample, on the
table that was searched: what a search reaches, not what it is worth. "Other load" is what the rest of the
machine computed meanwhile, in cores: above 0.25, distrust the wall times; ratios of CPU seconds say more.
"""


def measured(work: Any, contenders: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Return seconds (wall and CPU) and score of each contender, and the load of other programs."""
    X, y = work.table()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    scores = {}
    busy, started, own = busy_seconds(), time.perf_counter(), time.process_time()
    for _ in range(rounds_of(work)):
        for name, search in contenders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            blend = search(X, y)
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
            scores[name] = float(roc_auc_score(y, blend))
    others = (busy_seconds() - busy) - (time.process_time() - own)
    found = {
        name: (*(statistics.median(pair[at] for pair in pairs) for at in (0, 1)), scores[name])
        for name, pairs in seconds.items()
    }
    return found, max(0.0, others / (time.perf_counter() - started))


def rounds_of(work: Any) -> int:
    return int(os.environ.get("BENCH_REPEATS", work.rounds))


def busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def lines_of(name: str, mine: dict[str, Any]) -> list[str]:
    lines = [f"## {name}", "", f"{mine['about']} Other load: {mine['load']:.2f}.", ""]
    lines += ["| contender | wall s | CPU s | AUC | wall / stackit | CPU / stackit | goal |"]
    lines += ["|" + "---|" * 7]
    found = mine["found"]
    for who, (wall, cpu, score) in found.items():
        ratios = f"{wall / found['stackit'][0]:.2f} | {cpu / found['stackit'][1]:.2f}"
        goal = f"at least {GOAL}" if who == "hillclimbers" else ""
        lines.append(f"| {who} | {wall:.2f} | {cpu:.2f} | {score:.6f} | {ratios} | {goal} |")
    return [*lines, ""]


def keep(name: str, mine: dict[str, Any]) -> None:
    """Keep the figures of one workload; those of the others stay; write the page."""
    results = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    results[name] = mine
    FIGURES.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    lines = [line for one in WORKS if one in results for line in lines_of(one, results[one])]
    PAGE.write_text(
        "\n".join(["# Searches by a metric: timings", "", INTRODUCTION, *lines]), encoding="utf-8"
    )


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WORKS)
def test_searches_side_by_side(name):
    work = WORKS[name]
    found, load = measured(work, {who: CONTENDERS[who] for who in work.contenders})
    assert all(score <= found["stackit"][2] + 1e-4 for *_, score in found.values()), found
    about = f"{date.today()}, {os.cpu_count()} cores, rounds: {rounds_of(work)}."
    keep(name, {"about": about, "load": load, "found": found})
