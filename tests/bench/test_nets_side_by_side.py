"""All folds of a net at once beside K trainings: seconds for equal epochs, in turns in one process.

`make bench ARGS="-k nets"` runs this and writes NETS.md. What is asserted is that all learn as well.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

PAGE = Path(__file__).parent / "NETS.md"
THREADS = 2
INTRODUCTION = """\
Seconds to train a net with batch norm for all folds, for the same layers, batches and epochs: medians of the
rounds, contenders in turns in one process on two threads, after a round that warms up. scikit-learn's net
has no batch norm. CPU seconds are those of all threads. "Other load" is what the rest of the machine computed
meanwhile, in cores: above 0.25, the wall times are not to be trusted, and ratios of CPU seconds say more.
"""


def accuracy(predictors: list[Any], X: Any, y: Any, folds: Any) -> float:
    right = [predict(X[out]) == y[out] for predict, (_, out) in zip(predictors, folds, strict=True)]
    return float(np.mean(np.concatenate(right)))


def measured(work: Any, contenders: dict[str, Any]) -> tuple[dict[str, list[tuple[float, float]]], float]:
    """Return wall and CPU seconds of each round, and the load beside."""
    X, y = work.table()
    folds = work.folds(y)
    scores = {name: accuracy(do(work, X, y, folds), X, y, folds) for name, do in contenders.items()}
    assert max(scores.values()) - min(scores.values()) < 0.08, scores
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    busy, started, own = busy_seconds(), time.perf_counter(), time.process_time()
    for _ in range(work.rounds):
        for name, do in contenders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            do(work, X, y, folds)
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    others = (busy_seconds() - busy) - (time.process_time() - own)
    return seconds, max(0.0, others / (time.perf_counter() - started))


def busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def lines_of(name: str, seconds: dict[str, list[tuple[float, float]]], load: float, goals: Any) -> list[str]:
    walls, cpus = (
        {who: statistics.median(pair[at] for pair in pairs) for who, pairs in seconds.items()}
        for at in (0, 1)
    )
    lines = [f"## {name}", "", f"{date.today()}, {os.cpu_count()} cores. Other load: {load:.2f}.", ""]
    lines += [
        "| contender | wall s | CPU s | wall / stackit | CPU / stackit | goal |",
        "|---|---|---|---|---|---|",
    ]
    for who in seconds:
        ratios = walls[who] / walls["stackit"], cpus[who] / cpus["stackit"]
        times = " | ".join(f"{value:.3f}" for value in (walls[who], cpus[who]))
        lines.append(
            f"| {who} | {times} | {ratios[0]:.2f} | {ratios[1]:.2f} | {goals.get((name, who), '')} |"
        )
    return [*lines, ""]


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
def test_nets_side_by_side():
    import torch

    from tests.bench.nets import CONTENDERS, GOALS, WORKS

    torch.set_num_threads(THREADS)
    lines = ["# Nets of all folds at once: timings", "", INTRODUCTION]
    for name, work in WORKS.items():
        lines += lines_of(name, *measured(work, CONTENDERS), GOALS)
        PAGE.write_text("\n".join(lines), encoding="utf-8")
