"""How strongly columns are related to a target: the largest rank correlation with any of its parts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from stackit.arrays import Floats, Labels

__all__ = ["rank_correlation", "target_parts"]

MOST_ROWS = 4_000  # enough to order columns by
MOST_CLASSES = 20


def target_parts(y: Labels, is_classes: bool) -> Floats:
    """Return standardised columns of a target: its ranks, or one column per class."""
    if not is_classes:
        return standardised(rankdata(y.astype(np.float64))[:, np.newaxis])
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    parts = frequent[:1] if len(classes) == 2 else frequent
    return standardised((codes[:, np.newaxis] == parts).astype(np.float64))


def rank_correlation(columns: npt.NDArray[np.floating], parts: Floats) -> Floats:
    """Return the largest absolute rank correlation of each of (n, k) columns with any part of the target.

    Missing values count as the median. Beyond 4000 rows, rows at equal distances are used.

    Examples
    --------
    >>> columns = np.array([[1.0, 0.0], [20.0, 1.0], [300.0, 0.0]])
    >>> rank_correlation(columns, target_parts(np.array([1.0, 2.0, 5.0]), is_classes=False)).tolist()
    [1.0, 0.0]
    """
    step = max(1, len(columns) // MOST_ROWS)
    columns, parts = columns[::step], standardised(parts[::step])
    ranks = rankdata(columns, axis=0, nan_policy="omit")
    middle = (1 + np.isfinite(columns).sum(axis=0)) / 2
    ranks = standardised(np.where(np.isnan(ranks), middle, ranks))
    return np.asarray(np.abs(ranks.T @ parts).max(axis=1) / len(columns)).round(12)


def standardised(columns: Floats) -> Floats:
    """Return columns of mean 0 and variance 1; constant ones are 0."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    scaled: Floats = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-12)
    return scaled
