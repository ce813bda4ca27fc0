"""Columns that hold the same as an earlier column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["duplicates_of"]

SAMPLE = 256  # rows that are compared first


def duplicates_of(columns: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that hold the same as an earlier one, with the name of that.

    Two columns of categories are the same where they split the rows in the same way.
    """
    n = len(next(iter(columns.values()))) if columns else 0
    rows = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.intp))
    alike: dict[bytes, list[str]] = {}
    found: dict[str, str] = {}
    for name, values in columns.items():
        first = values.iloc[rows] if isinstance(values, pd.Series) else values[rows]
        others = alike.setdefault(_digest(_plain(first)), [])
        for other in others:
            if np.array_equal(_plain(values), _plain(columns[other]), equal_nan=True):
                found[name] = other
                break
        else:
            others.append(name)
    return found


def _plain(values: Any) -> npt.NDArray[Any]:
    """Return a column as numbers by which it is compared."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "fM":
        return values
    codes: npt.NDArray[Any] = pd.factorize(values)[0]
    return codes.astype(np.float64)


def _digest(values: npt.NDArray[Any]) -> bytes:
    kind = values.dtype.kind.encode()
    return (
        kind
        + (values.astype(np.float64) + 0.0 if values.dtype.kind == "f" else values.view(np.int64)).tobytes()
    )
