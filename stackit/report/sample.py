"""Samples of rows: what costs time per row is measured on so many of them, and the page says so."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Rows

__all__ = ["sample_rows"]


def sample_rows(rows: Rows, most: int) -> Rows:
    """Return at most so many of the rows, always the same ones, in their order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
