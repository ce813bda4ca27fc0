"""A small table with its test table, and presets of members of a few milliseconds, for tests of runs."""

import sys
import time
from pathlib import Path

import numpy as np

from stackit.presets import tabular_stack
from tests.presets.tiny_members import SlowClassifier, classifiers, member, raw_table, regressors


def write_tables(folder: Path, n: int = 120) -> Path:
    """Write train.csv and test.csv; return the folder."""
    for name, seed, rows in (("train.csv", 0, n), ("test.csv", 1, n // 3)):
        frame, labels, _ = raw_table(rows, seed=seed)
        frame.insert(0, "key", [f"k{number:03d}" for number in np.arange(rows) + 1000 * seed])
        if seed == 0:
            frame["bought"] = labels
        frame.to_csv(folder / name, index=False)
    return folder


def tiny_portfolio(preset, shape):
    """Return three quick members."""
    return regressors() if shape.is_regression else classifiers()


def slow_portfolio(preset, shape):
    """Return one quick member and one of half a second per fold."""
    return [classifiers()[0], member("slow", SlowClassifier(0.5))]


class StubbornClassifier(SlowClassifier):
    """Goes on when it is interrupted, for ever."""

    def fit(self, X, y):
        print("stubborn is fitted", file=sys.stderr, flush=True)
        while True:
            try:
                time.sleep(self.seconds)
            except KeyboardInterrupt:
                continue


def stubborn_portfolio(preset, shape):
    """Return one quick member and one that no interrupt ends."""
    return [classifiers()[0], member("stubborn", StubbornClassifier(60.0))]


def use(portfolio) -> None:
    """Let the presets have these members, in a process that ends soon."""
    tabular_stack.portfolio = portfolio
    tabular_stack.left_out = lambda preset, shape: {}
