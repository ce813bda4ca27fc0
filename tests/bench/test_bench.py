"""stackit and its peers: the same estimators and folds, in turns, as ratios of one run.

`make bench` runs this and writes RESULTS.md; `make bench ARGS="-k Otto"` does one workload and leaves the
figures of the others; with BENCH_REPEATS=1 in the environment each contender runs once. Nothing is asserted
but that predictions are equal.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench import page
from tests.bench.workloads import BENCHES

pytestmark = pytest.mark.bench
ROOT = Path(__file__).parent.parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
HAS_WORKERS = {"stackit", "hand", "scikit-learn", "mlxtend"}


def run(bench: str, contender: str, n_jobs: int, watched: bool) -> dict[str, Any]:
    """Let a contender do the work in a process of its own, and watch its memory if that is wanted."""
    mode = "count" if watched and n_jobs == 1 else "plain"
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.contender", bench, contender]
    process = subprocess.Popen(
        [*command, str(n_jobs), mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    busy, started, peak = busy_seconds(), time.perf_counter(), 0
    while watched and process.poll() is None and not _says_done(process):
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.05 if time.perf_counter() - started < 5 else 0.25)
    out, errors = process.communicate()
    assert process.returncode == 0, f"{ready}{errors}"
    facts = json.loads(out.splitlines()[-1])
    took = time.perf_counter() - started
    return facts | {"peak": peak, "busy": (busy_seconds() - busy) / took, "took": took}


def _says_done(process: subprocess.Popen[str]) -> bool:
    """Whether the process has written that it is done, after which its memory is no concern."""
    return bool(select.select([process.stdout], [], [], 0)[0])


def memory_of(pid: int) -> int:
    """Return the proportional set size of a process and its children, in bytes: shared pages count once."""
    try:
        me = psutil.Process(pid)
        return sum(_pss(one) for one in [me, *me.children(recursive=True)])
    except psutil.Error:
        return 0


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def busy_seconds() -> float:
    """Return the seconds that all cores of the machine have computed."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def contenders(bench: str, n_jobs: int) -> list[str]:
    return [name for name in BENCHES[bench].contenders if n_jobs == 1 or name in HAS_WORKERS]


def summary(runs: list[dict[str, Any]], seen: dict[str, Any], n_shared: int) -> dict[str, Any]:
    """Return what is kept of a contender's runs; memory and fits are those of the run that was watched."""
    walls = [one["wall"] for one in runs]
    fits = str(seen.get("fits", ""))
    figures = {
        "wall": statistics.median(walls),
        "least": min(walls),
        "most": max(walls),
        "cpu": statistics.median(one["cpu"] for one in runs),
        "peak": seen["peak"],
        "fits": f"{fits} + {n_shared} shared" if n_shared and fits else fits,
        "runs": len(runs),
    }
    if "test_seconds" in runs[0]:
        figures["test_seconds"] = statistics.median(one["test_seconds"] for one in runs)
    return figures


def assert_equal(ours: list[float], theirs: list[float], name: str) -> None:
    """Hold the columns against each other that both have: those of probabilities come first."""
    n = min(len(ours), len(theirs))
    assert theirs[:n] == pytest.approx(ours[:n], rel=1e-7), name
    assert n == len(ours) or name in ("mlxtend", "vecstack")


@pytest.mark.parametrize(
    ("bench", "n_jobs"), [(name, n_jobs) for name, bench in BENCHES.items() for n_jobs in bench.workers]
)
def test_side_by_side(bench, n_jobs):
    what, names = BENCHES[bench], contenders(bench, n_jobs)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(int(os.environ.get("BENCH_REPEATS", what.times(n_jobs)))):
        for name in names:
            runs[name].append(run(bench, name, n_jobs, what.watched))
    seen = {
        name: max(of_name, key=lambda one: one["peak"])
        if what.watched
        else run(bench, name, n_jobs, watched=True)
        for name, of_name in runs.items()
    }
    ours = runs["stackit"][0]
    for name in names:
        assert_equal(ours["train"], runs[name][0]["train"], name)
        if runs[name][0]["test"] is not None:
            assert_equal(ours["test"], runs[name][0]["test"], name)
    load = max(one["busy"] - one["cpu_whole"] / one["took"] for of_name in runs.values() for one in of_name)
    figures = {name: summary(runs[name], seen[name], runs[name][0].get("shared", 0)) for name in names}
    page.keep(bench, n_jobs, figures, max(0.0, load))
