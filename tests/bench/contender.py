"""One contender does one workload in a fresh process, and says what it took: run by test_bench.py."""

from __future__ import annotations

import functools
import json
import statistics
import sys
import time
from collections import Counter
from typing import Any

import numpy as np
import psutil

from tests.bench.peers import CONTENDERS, FIT_MODES, without_test
from tests.bench.workloads import BENCHES, Workload

LEAST = 100  # rows: what is fitted on fewer is no fold but a trial of an installed library


def main(bench: str, contender: str, n_jobs: int, counts: bool) -> None:
    """Do the work, and print what it took as one line of JSON."""
    work, rounds = BENCHES[bench].make(), BENCHES[bench].rounds
    fits = count_fits(work) if counts else None
    do, walls = CONTENDERS[contender], []
    print("ready", flush=True)  # from here on the watch is kept
    cpu = at_start = cpu_of_family()
    for at in range(rounds):
        if at == 1:
            cpu = cpu_of_family()
        started = time.perf_counter()
        train, test = do(work, n_jobs)
        walls.append(time.perf_counter() - started)
    used = (cpu_of_family() - cpu) / max(1, rounds - 1)
    print("done", flush=True)
    facts: dict[str, Any] = {"wall": statistics.median(walls[1:] or walls), "cpu": used}
    facts |= {"train": summed(train), "test": None if test is None else summed(test)}
    facts |= {"fits": fits["fits"] // rounds} if fits is not None else {}
    if contender == "stackit":
        facts["shared"] = list(FIT_MODES.values()).count("batched")
    if rounds > 1 and "knn" in dict(work.estimators):
        facts["test_seconds"] = facts["wall"] - _seconds_without_test(work, do, n_jobs)
    facts["cpu_whole"] = cpu_of_family() - at_start
    print(json.dumps(facts))


def summed(table: Any) -> list[float]:
    """Return a sum of squares for each column, since sums of decisions cancel."""
    return [float(value) for value in np.square(table).sum(axis=0)]


def cpu_of_family() -> float:
    """The seconds that this process, its children that have ended and those that live have computed."""
    me = psutil.Process()
    own = me.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in me.children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return float(total)


def count_fits(work: Workload) -> Counter[str]:
    """Count from now on how often the estimators of a workload are fitted, parts of others left out."""
    counter: Counter[str] = Counter()
    under_way: list[Any] = []

    def counting(fit: Any) -> Any:
        @functools.wraps(fit)
        def counted(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
            if not under_way and len(X) >= LEAST:
                counter["fits"] += 1
            under_way.append(self)
            try:
                return fit(self, X, *args, **kwargs)
            finally:
                under_way.pop()

        return counted

    for kind in {type(estimator) for _, estimator in work.estimators}:
        kind.fit = counting(kind.fit)
    return counter


def _seconds_without_test(work: Workload, do: Any, n_jobs: int) -> float:
    work = without_test(work)
    started = time.perf_counter()
    do(work, n_jobs)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "count")
