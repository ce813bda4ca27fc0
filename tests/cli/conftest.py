"""A small table for the commands, and one run that many tests look at."""

import os

import numpy as np
import pandas as pd
import pytest

from stackit.presets import tabular_stack
from tests.cli.calls import call
from tests.cli.quick_run import tiny_portfolio, write_tables


@pytest.fixture
def table(tmp_path):
    """A table of 60 rows with two classes, a number, groups, dates and text."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"{row:03d}" for row in range(60)],
            "label": ["no", "no", "yes"] * 20,
            "price": rng.normal(size=60),
            "count": rng.permutation(60),
            "user": np.arange(60) // 4,
            "day": pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d"),
            "year": np.arange(60) // 6 + 2000,
        }
    )
    path = tmp_path / "train.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def tiny(monkeypatch):
    """Let the presets have three members of a few milliseconds."""
    monkeypatch.setattr(tabular_stack, "portfolio", tiny_portfolio)
    monkeypatch.setattr(tabular_stack, "left_out", lambda preset, shape: {})


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """A folder with train.csv, test.csv and the finished run runs/shop, and what the command printed."""
    folder = write_tables(tmp_path_factory.mktemp("shop"))
    before = os.getcwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular_stack, "portfolio", tiny_portfolio)
        patch.setattr(tabular_stack, "left_out", lambda preset, shape: {"huge": "the table is too large"})
        os.chdir(folder)
        try:
            options = "--target bought --id key --preset quick --folds 3 --n-jobs 1 -o runs/shop".split()
            printed = call("run", "train.csv", "test.csv", *options)
        finally:
            os.chdir(before)
    assert printed.exit_code == 0, printed.stderr
    return folder, printed


@pytest.fixture
def in_shop(shop, monkeypatch):
    """Work in the folder of the run."""
    monkeypatch.chdir(shop[0])
    return shop[0]
