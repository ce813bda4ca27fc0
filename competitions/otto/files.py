"""The files of Otto's competition, and what of them is learned from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

__all__ = ["FILES", "PAGE", "read"]

FILES = ["train.csv.gz", "test.csv.gz", "sample_submission.csv.gz"]
PAGE = "the data page of Kaggle's competition 'Otto Group Product Classification Challenge'"


def read(folder: Path, n_rows: int | None, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to learn from, as many as are wanted of each class, and those to predict."""
    train, test = (pd.read_csv(folder / file, index_col="id") for file in FILES[:2])
    if n_rows is not None and n_rows < len(train):
        train, _ = train_test_split(train, train_size=n_rows, stratify=train["target"], random_state=seed)
    return train, test
