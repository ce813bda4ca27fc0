"""All folds of a net at once, and K trainings, in turns in one process.

Seconds for equal epochs, and log loss at equal seconds.

`make bench ARGS="-k nets"` runs this and writes NETS.md. What is asserted is that all learn as well.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from sklearn.metrics import log_loss

PAGE = Path(__file__).parent / "NETS.md"
THREADS = 2
INTRODUCTION = """\
Seconds to train a net with batch norm for all folds, for the same layers, batches and epochs: medians of the
rounds, contenders in turns in one process on two threads, after a round that warms up. The nets of
scikit-learn and pytabkit (RealMLP in its simple form) have no batch norm; pytabkit also looks at the
held-out rows after each epoch. CPU seconds are those of all threads. "Other load" is what the rest of the
machine computed meanwhile, in cores: above 0.25, the wall times are not to be trusted, and ratios of CPU
seconds say more.
"""
EQUAL = """\
Each contender trains for as many whole epochs as fit into the wall seconds that stackit takes, at least one.
Log loss of the held-out rows of all folds: the mean over the rounds. Folds are the same for all.
"""


def out_of_fold(predictors: list[Any], X: Any, folds: Any) -> Any:
    """Return what each row is given by the net that has not seen it."""
    predictions = [predict(X[out]) for predict, (_, out) in zip(predictors, folds, strict=True)]
    return np.concatenate(predictions)[np.argsort(np.concatenate([out for _, out in folds]))]


def accuracy(predictors: list[Any], X: Any, y: Any, folds: Any) -> float:
    return float(np.mean(out_of_fold(predictors, X, folds).argmax(1) == y))


def measured(work: Any, contenders: dict[str, Any]) -> tuple[dict[str, list[tuple[float, float]]], float]:
    """Return wall and CPU seconds of each round, and the load of other programs."""
    X, y = work.table()
    folds = work.folds(y)
    scores = {name: accuracy(do(work, X, y, folds), X, y, folds) for name, do in contenders.items()}
    same = [score for name, score in scores.items() if name != "pytabkit"]  # its recipe is another
    assert max(same) - min(same) < 0.08, scores
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


def at_equal_seconds(name: str, work: Any, contenders: dict[str, Any]) -> list[str]:
    """Return what each contender makes of stackit's seconds."""
    X, y = work.table()
    folds = work.folds(y)
    budget = min(seconds_of(contenders["stackit"], work, X, y, folds) for _ in range(3))
    lines = [f"## {name}, {budget:.2f} s", ""]
    lines += ["| contender | epochs | wall s | log loss |", "|---|---|---|---|"]
    for who, do in contenders.items():
        n_epochs = work.n_epochs
        if who != "stackit":
            n_epochs = epochs_within(budget, work, lambda n, do=do: seconds_of(do, n, X, y, folds))
        own, losses, walls = replace(work, n_epochs=n_epochs), [], []
        for _ in range(work.rounds):
            started = time.perf_counter()
            predictors = do(own, X, y, folds)
            walls.append(time.perf_counter() - started)
            losses.append(log_loss(y, out_of_fold(predictors, X, folds)))
        lines.append(f"| {who} | {n_epochs} | {statistics.median(walls):.2f} | {np.mean(losses):.4f} |")
    return [*lines, ""]


def seconds_of(do: Any, work: Any, X: Any, y: Any, folds: Any) -> float:
    started = time.perf_counter()
    do(work, X, y, folds)
    return time.perf_counter() - started


def epochs_within(budget: float, work: Any, seconds: Any) -> int:
    """Return how many epochs fit, by what one and what some more take: what is not epochs counts once."""
    one, more = (min(seconds(replace(work, n_epochs=n)) for _ in range(2)) for n in (1, 1 + work.n_epochs))
    each = max((more - one) / work.n_epochs, 1e-9)
    return max(1, 1 + int((budget - one) / each))


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
def test_nets_side_by_side():
    import torch

    from tests.bench import bags
    from tests.bench.nets import CONTENDERS, EQUAL_SECONDS, GOALS, WORKS

    torch.set_num_threads(THREADS)
    lines = ["# Nets of all folds at once: timings", "", INTRODUCTION]
    for name, work in WORKS.items():
        lines += lines_of(name, *measured(work, CONTENDERS), GOALS)
        PAGE.write_text("\n".join(lines), encoding="utf-8")
    lines += ["# Log loss at equal seconds", "", EQUAL]
    for name, work in EQUAL_SECONDS.items():
        lines += at_equal_seconds(name, work, CONTENDERS)
        PAGE.write_text("\n".join(lines), encoding="utf-8")
    lines += bags.lines()
    PAGE.write_text("\n".join(lines), encoding="utf-8")
