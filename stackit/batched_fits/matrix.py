"""Tables as dense matrices of finite floats, which batched fits work on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["finite_matrix"]


def finite_matrix(X: Any) -> Any:
    """Return a table as an (n, d) array of finite floats, or None where it cannot be one.

    >>> finite_matrix(pd.DataFrame({"a": [1, 2]})).tolist(), finite_matrix(np.array([[np.nan]]))
    ([[1.0], [2.0]], None)
    """
    if isinstance(X, pd.DataFrame):
        plain = all(isinstance(kind, np.dtype) and kind.kind in "fiu" for kind in X.dtypes)
        names = all(isinstance(column, str) for column in X.columns)
        X = X.to_numpy(dtype=np.float64) if plain and names else None
        X = np.asarray(X) if isinstance(X, np.memmap) else X
    if type(X) is not np.ndarray or X.ndim != 2:
        return None
    if X.dtype.kind in "iu":
        X = X.astype(np.float64)
    return X if X.dtype in (np.float32, np.float64) and np.isfinite(X).all() else None
