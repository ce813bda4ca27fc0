"""Names of the columns that a typed frame has in addition to those of the raw table."""

from __future__ import annotations

import pandas as pd

__all__ = ["GAP_SUFFIX", "is_gap_column"]

GAP_SUFFIX = "_missing"


def is_gap_column(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column of a typed frame says where the number next to it is missing."""
    is_named = name.endswith(GAP_SUFFIX) and name.removesuffix(GAP_SUFFIX) in frame.columns
    return is_named and frame[name].dtype == bool
