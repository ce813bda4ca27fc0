"""Sums, differences, products and ratios of pairs of numbers."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.tables.feature_generation.rank_correlation import rank_correlation

__all__ = ["Operation", "best_operations", "computed"]

Operation = tuple[str, str, str]  # the left column, the sign, the right column
SIGNS = ("+", "-", "*", "/")


def best_operations(
    numbers: dict[str, Floats], strength: dict[str, float], parts: Any, most: int
) -> list[Operation]:
    """Return the operations with results that say more of the target than the better of their two columns.

    `strength` is the rank correlation of each column with the target; the largest gains come first.
    """
    candidates: list[Operation] = []
    for left, right in combinations(numbers, 2):
        candidates += [(left, sign, right) for sign in SIGNS] + [(right, "/", left)]
    if not candidates or most < 1:
        return []
    results = np.column_stack([computed(numbers, operation) for operation in candidates])
    alone = np.array([max(strength[left], strength[right]) for left, _, right in candidates])
    gain = rank_correlation(results, parts) - alone
    order = np.argsort(-gain, kind="stable")[:most]
    return [candidates[at] for at in sorted(order.tolist())]


def computed(numbers: Any, operation: Operation) -> Floats:
    """Return the result of an operation for each row; missing where it divides by 0.

    Examples
    --------
    >>> computed({"a": np.array([6.0, 1.0]), "b": np.array([3.0, 0.0])}, ("a", "/", "b")).tolist()
    [2.0, nan]
    """
    left, sign, right = operation
    a, b = np.asarray(numbers[left], dtype=np.float64), np.asarray(numbers[right], dtype=np.float64)
    with np.errstate(all="ignore"):
        result = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[sign](a, b)
    return np.where(np.isfinite(result), result, np.nan)
