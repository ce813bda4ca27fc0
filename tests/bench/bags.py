"""RealMLP on 5 folds with 4 seeds each: CPU seconds, and the memory of all nets relative to that of one."""

from __future__ import annotations

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import StratifiedKFold

from stackit.neural import RealMLPClassifier

N_SPLITS, N_SEEDS = 5, 4
# Rows and epochs of the two measurements, with 20 columns each.
TIMED, WEIGHED = (3300, 64), (10_000, 1)
GOAL_SECONDS, GOAL_MEMORY = 20.0, 1.5
INTRODUCTION = """\
RealMLP with its own sizes on 5 folds with 4 seeds each, 20 nets in one program. Memory is the peak of a
process of its own, with the libraries, relative to that of a process that trains one net.
"""


def table(n_rows: int) -> tuple[Any, Any]:
    X, y = make_classification(n_rows, 20, n_informative=10, random_state=0)
    return X.astype(np.float32), y


def train(n_rows: int, n_epochs: int, n_splits: int, n_seeds: int) -> None:
    X, y = table(n_rows)
    folds = list(StratifiedKFold(N_SPLITS, shuffle=True, random_state=0).split(X, y))[:n_splits]
    net = RealMLPClassifier(max_iter=n_epochs, n_estimators=n_seeds, random_state=0, device="cpu")
    net.fit_folds(X, y, folds)


def cpu_seconds() -> float:
    started = time.process_time()
    train(*TIMED, N_SPLITS, N_SEEDS)
    return time.process_time() - started


def peak(n_splits: int, n_seeds: int) -> float:
    """Return the peak of memory of a new process that trains so many nets, in megabytes."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak, n_splits, n_seeds).result()


def _peak(n_splits: int, n_seeds: int) -> float:
    torch.set_num_threads(1)
    train(*WEIGHED, n_splits, n_seeds)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def lines() -> list[str]:
    seconds, one, all_nets = cpu_seconds(), peak(1, 1), peak(N_SPLITS, N_SEEDS)
    return [
        "# RealMLP, 20 nets at once",
        "",
        INTRODUCTION,
        "| measurement | found | goal |",
        "|---|---|---|",
        f"| CPU seconds, {TIMED[0]} rows, {TIMED[1]} epochs | {seconds:.1f} | {GOAL_SECONDS:g} |",
        f"| MB for one net, {WEIGHED[0]} rows | {one:.0f} |  |",
        f"| MB for 20 nets, {WEIGHED[0]} rows | {all_nets:.0f} |  |",
        f"| memory, 20 nets / one net | {all_nets / one:.2f} | {GOAL_MEMORY:g} |",
        "",
    ]
