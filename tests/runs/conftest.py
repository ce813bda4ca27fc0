"""Tiny tables in files, and one run of the preset "quick" that most tests of runs look at."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from stackit.presets import tabular_stack
from stackit.runs import RunConfig, run
from tests.presets.tiny_members import classifiers, regressors

N_TRAIN, N_TEST = 120, 30


@contextmanager
def tiny_members():
    """Let the presets have three members of a few milliseconds."""

    def portfolio(preset, shape):
        return regressors() if shape.is_regression else classifiers()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular_stack, "portfolio", portfolio)
        patch.setattr(tabular_stack, "left_out", lambda preset, shape: {})
        yield


def titanic_like(n, seed, first_id):
    """Return a table with ids, numbers, categories and gaps, and labels that depend on it."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "PassengerId": np.arange(first_id, first_id + n),
            "Age": random.integers(1, 80, n).astype(float),
            "Sex": random.choice(["male", "female"], n),
            "Fare": random.gamma(2.0, 20.0, n).round(2),
        }
    )
    signal = (table["Sex"] == "female") * 2.0 + (table["Age"] < 15) + random.normal(0, 0.7, n)
    table.loc[::13, "Age"] = np.nan
    return table, (signal > 1.0).astype(int)


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """A folder with train.csv, test.csv and sample.csv."""
    folder = tmp_path_factory.mktemp("titanic")
    train, survived = titanic_like(N_TRAIN, 0, 1)
    train.insert(1, "Survived", survived)
    train.to_csv(folder / "train.csv", index=False)
    test, _ = titanic_like(N_TEST, 1, 1 + N_TRAIN)
    test.to_csv(folder / "test.csv", index=False)
    sample = pd.DataFrame({"PassengerId": test["PassengerId"], "Survived": np.arange(N_TEST) % 2})
    sample.to_csv(folder / "sample.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def settings(tables):
    """The settings of the shared run, as keyword arguments of RunConfig."""
    return {
        "train": tables / "train.csv",
        "test": tables / "test.csv",
        "sample": tables / "sample.csv",
        "target": "Survived",
        "id": "PassengerId",
        "preset": "quick",
        "folds": 3,
        "n_jobs": 1,
    }


@pytest.fixture(scope="session")
def finished(settings, tmp_path_factory):
    """The folder of a finished run."""
    with tiny_members():
        return run(RunConfig(**settings, output=tmp_path_factory.mktemp("runs") / "titanic"))
