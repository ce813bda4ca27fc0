"""A small table for the commands."""

import numpy as np
import pandas as pd
import pytest


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
