"""The learning curves of nets: losses by epoch, averaged over folds and networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stackit.report.evidence import Evidence
from stackit.report.text import clean

__all__ = ["learning_curves"]

MOST_EPOCHS = 100
KEYS = ("split", "network", "epoch")


def learning_curves(evidence: Evidence) -> list[dict[str, Any]]:
    """Return one entry per net: its losses by epoch, the mean and the range over folds and networks."""
    return [_curves(name, table) for name, table in evidence.nets.items() if len(table)]


def _curves(name: str, table: pd.DataFrame) -> dict[str, Any]:
    numbers = table.select_dtypes("number")
    losses = [column for column in numbers.columns if column not in KEYS and "loss" in str(column)]
    by_epoch = numbers.groupby("epoch")
    epochs = np.sort(numbers["epoch"].unique())
    kept = epochs[np.unique(np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_EPOCHS)).astype(int))]
    return {
        "name": clean(name),
        "epochs": kept,
        "n_fits": len(table.drop_duplicates([key for key in ("split", "network") if key in table])),
        "losses": [
            {
                "name": clean(loss).replace("_", " "),
                "mean": by_epoch[loss].mean().loc[kept].to_numpy(),
                "low": by_epoch[loss].min().loc[kept].to_numpy(),
                "high": by_epoch[loss].max().loc[kept].to_numpy(),
            }
            for loss in losses
        ],
    }
