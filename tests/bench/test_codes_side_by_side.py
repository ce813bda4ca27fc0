"""Codes per second next to plain torch, and memory by the number of photographs: each in a fresh process.

`make bench ARGS="-k codes_next"` runs this and writes CODES.md. What is asserted is that codes are equal.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = Path(__file__).parent / "CODES.md"
CONTENDERS = ("stackit", "plain torch", "torch, channels last", "torch, workers")
DECODING = ("stackit", "torch, workers")  # they decode in threads or processes of their own
TIMED, ROUNDS = 512, int(os.environ.get("BENCH_REPEATS", "3"))
ALL, BATCH = 3670, 32
SEEN = (256, 512, 1024, 2048, ALL)
INTRODUCTION = """\
Codes of MobileNet v1 0.75 (768 a photograph) for flower photographs in their zip archive, reading and
decoding counted in; the first 64 photographs warm up. Contenders in turns, each in a process of its own;
medians of the rounds. Plain torch takes its photographs from a `DataLoader` in the same process, as tutorials
have it: it computes, or it decodes. With "channels last" it keeps images as convolutions on a CPU like them
best; with "workers" it does so too, and as many processes of the `DataLoader` decode as threads compute.
stackit decodes in as many threads as compute: "1 + 1" are one that computes and one that decodes.
No cache is used. CPU seconds are those of all threads and processes; peaks of memory are those of the process
that computes.
"""


def run(contender: str, n: int, n_threads: int) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.codes", contender, str(n), str(n_threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def speeds(n_threads: int) -> list[str]:
    rounds = [{name: run(name, TIMED, n_threads) for name in CONTENDERS} for _ in range(ROUNDS)]
    sums = [one["sum"] for of_round in rounds for one in of_round.values()]
    assert max(sums) == pytest.approx(min(sums), rel=1e-4)
    median = {
        name: {what: statistics.median(one[name][what] for one in rounds) for what in ("wall", "cpu")}
        for name in CONTENDERS
    }
    ours, both = median["stackit"], f"{n_threads} + {n_threads}"
    return [
        f"| {both if name in DECODING else n_threads} | {name} "
        f"| {TIMED / one['wall']:.1f} | {TIMED / one['cpu']:.1f} "
        f"| {one['wall'] / ours['wall']:.2f} | {one['cpu'] / ours['cpu']:.2f} |"
        for name, one in median.items()
    ]


def memory(n_threads: int) -> list[str]:
    """A line for each contender: the peak of memory when so many photographs have been seen."""
    lines = []
    for name in ("stackit", "plain torch"):
        peaks = run(name, ALL, n_threads)["peaks"]
        at = [peaks[min(-(-n // BATCH), len(peaks)) - 1] for n in SEEN]
        seen = " | ".join(f"{peak / 2**20:.0f}" for peak in at)
        lines.append(f"| {name} | {seen} | {at[-1] / at[0]:.2f} |")
    return lines


@pytest.mark.bench
def test_codes_next_to_plain_torch():
    lines = ["# Codes of photographs: timings and memory", "", INTRODUCTION]
    lines += [f"{date.today()}, {os.cpu_count()} cores, {TIMED} photographs, {ROUNDS} rounds.", ""]
    lines += ["| threads | contender | photographs/s | a CPU second | wall / stackit | CPU / stackit |"]
    lines += ["|---|---|---|---|---|---|", *speeds(1), *speeds(2), ""]
    lines += [
        "Peak of memory (MiB, all of the process) when so many photographs were seen, on two threads:",
        "",
    ]
    lines += [f"| contender | {' | '.join(map(str, SEEN))} | last / first |"]
    lines += ["|---" * (len(SEEN) + 2) + "|", *memory(2), ""]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
