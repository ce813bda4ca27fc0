"""Figures kept from run to run, and RESULTS.md written from them."""

from __future__ import annotations

import json
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.goals import table
from tests.bench.workloads import BENCHES

HERE = Path(__file__).parent
FIGURES, PAGE = HERE / "results.json", HERE / "RESULTS.md"
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "joblib", "xgboost", "mlxtend", "vecstack")
INTRODUCTION = """\
Each figure is the median of the runs given, each in a process of its own, contenders in turns; one BLAS
thread a fit for all. CPU seconds and the peak of memory (proportional set size, looked at from outside) are
those of the whole tree of processes. Fits are calls of `fit` on at least 100 rows, counted at one worker;
of stackit's, "+ n shared" are estimators with all folds fitted at once. scikit-learn and mlxtend fit each
estimator once more on all rows, and keep it; the others (stackit with `return_estimator=False`) keep
predictions only. Equal predictions were asserted in the same runs. Loading the data is not counted,
starting workers is; with no-ops and single estimators the first round in a process warms up and is not
counted. "Other load" is what the rest of the machine computed meanwhile, at most, in cores: above 0.25,
distrust the wall times.
"""
COLUMNS = (
    "| workers | contender | runs | wall s, median (min to max) | CPU s | peak MiB | fits | wall / stackit |"
)


def keep(bench: str, n_jobs: int, figures: dict[str, dict[str, Any]], load: float) -> None:
    """Keep the figures of one workload on so many workers; those of the others stay; write the page."""
    results = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    mine = results.setdefault(bench, {"figures": {}, "load": {}})
    mine["figures"][str(n_jobs)], mine["load"][str(n_jobs)] = figures, round(load, 2)
    versions = [f"{package} {version(package)}" for package in PACKAGES]
    mine["date"], mine["versions"] = str(date.today()), versions
    mine["machine"] = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    FIGURES.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text("\n".join(_page(results)), encoding="utf-8")


def _page(results: dict[str, Any]) -> list[str]:
    lines = ["# Timings", "", INTRODUCTION, "## Goals and figures", "", *table(results), ""]
    for bench in (bench for bench in BENCHES if bench in results):
        mine = results[bench]
        load = ", ".join(f"{value} on {workers}" for workers, value in sorted(mine["load"].items()))
        about = f"{mine['date']}, {mine['machine']}, {', '.join(mine['versions'])}. Other load: {load}."
        lines += [f"## {bench}", "", about, "", COLUMNS, "|" + "---|" * COLUMNS.count(" | ") + "---|"]
        for workers, figures in sorted(mine["figures"].items()):
            lines += [_line(workers, name, one, figures["stackit"]) for name, one in figures.items()]
        lines.append("")
    return lines


def _line(workers: str, name: str, one: dict[str, Any], ours: dict[str, Any]) -> str:
    unit, scale = ("s", 1.0) if one["wall"] >= 0.1 else ("ms", 1e3)
    wall, least, most = (scale * one[key] for key in ("wall", "least", "most"))
    spread = f"{wall:.3g} {unit} ({least:.3g} to {most:.3g})"
    peak = f"{one['peak'] / 2**20:.0f}"
    return (
        f"| {workers} | {name} | {one['runs']} | {spread} | {one['cpu']:.3g} | {peak} | {one['fits']} "
        f"| {one['wall'] / ours['wall']:.2f} |"
    )
