"""Raw tables as pandas frames, rows checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.arrays import num_samples
from stackit.arrays.frames import as_pandas, is_foreign_frame
from stackit.validation import invalid_value

__all__ = ["as_frame", "check_n_rows"]


def as_frame(X: Any) -> pd.DataFrame | None:
    """Return a table as a pandas frame, without copying one; None where it has no columns to show."""
    if X is None or sparse.issparse(X):
        return None
    if is_foreign_frame(X):
        X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        return X
    values = X if hasattr(X, "ndim") else np.asarray(X, dtype=object)
    return pd.DataFrame(values).rename(columns="x{}".format) if values.ndim == 2 else None


def check_n_rows(table: Any, n: int, what: str) -> None:
    """Raise where a table has another number of rows than the target."""
    if table is not None and num_samples(table) != n:
        raise invalid_value(
            what,
            f"the table that the stack was fitted on, of {n} rows",
            f"{num_samples(table)} rows",
            "Pass the training table and its target",
        )
