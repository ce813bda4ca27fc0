"""Pipelines with a preparation in common, and nets behind one, next to pipelines fitted one by one.

`make bench ARGS="-k preparations"` runs this and writes PREPARATIONS.md; figures of workloads that are not
run stay. What is asserted is that the predictions are the same.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sklearn.pipeline import Pipeline

from tests.bench.preparations import WORKS, WholePipeline, largest_difference

PAGE, FIGURES = (Path(__file__).parent / name for name in ("PREPARATIONS.md", "preparations.json"))
INTRODUCTION = """\
Seconds of `out_of_fold` with one job: medians of the rounds, in turns in one process. "Together": the
members share their preparation, a net is trained on all folds at once, and closed forms behind a scaler are
fitted by the statistics of the parts. "One by one": the same pipelines as a subclass of scikit-learn's, which
stackit fits whole, fold by fold. Where the machine computes other things meanwhile, ratios of CPU seconds say
more than those of wall times.
"""


def timed(work: Any) -> tuple[dict[str, list[float]], float]:
    """Return the seconds, wall and CPU, of both ways, and how much their predictions differ."""
    X, y = work.table()
    seconds: dict[str, list[tuple[float, float]]] = {"together": [], "one by one": []}
    runs = {}
    for _ in range(int(os.environ.get("BENCH_REPEATS", work.rounds))):
        for way, kind in (("together", Pipeline), ("one by one", WholePipeline)):
            wall, cpu = time.perf_counter(), time.process_time()
            runs[way] = work.run(kind, X, y)
            seconds[way].append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = {
        way: [statistics.median(each) for each in zip(*pairs, strict=True)] for way, pairs in seconds.items()
    }
    return medians, largest_difference(runs["together"], runs["one by one"])


def keep(name: str, mine: dict[str, Any]) -> None:
    """Keep the figures of one workload; those of the others stay; write the page."""
    results = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    results[name] = mine
    FIGURES.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    heads = ["workload", "together, wall s", "CPU s", "one by one, wall s", "CPU s"]
    lines = [f"| {' | '.join([*heads, 'wall ratio', 'CPU ratio', 'day'])} |", "|" + "---|" * 8]
    for one in (one for one in WORKS if one in results):
        together, apart = results[one]["seconds"]["together"], results[one]["seconds"]["one by one"]
        ratios = [b / a for a, b in zip(together, apart, strict=True)]
        cells = [f"{value:.2f}" for value in (*together, *apart)] + [f"{ratio:.1f}" for ratio in ratios]
        lines.append(f"| {one} | {' | '.join(cells)} | {results[one]['day']} |")
    text = "\n".join(["# Preparations: timings", "", INTRODUCTION, *lines, ""])
    PAGE.write_text(text, encoding="utf-8")


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WORKS)
def test_preparations_side_by_side(name):
    seconds, difference = timed(WORKS[name])
    assert difference <= 1e-9
    keep(name, {"day": f"{date.today()}", "seconds": seconds})
