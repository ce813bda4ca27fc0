"""Rows of probabilities: normalised, and as logarithms that stay finite."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Floats
from stackit.validation import is_number

__all__ = ["log_probabilities", "mix_with_even", "normalize_rows"]


def normalize_rows(table: Floats) -> Floats:
    """Divide by the sum along the last axis; a row of zeros makes all classes equally likely."""
    total = table.sum(axis=-1, keepdims=True)
    even = np.full_like(table, 1 / table.shape[-1])
    return np.asarray(np.divide(table, total, out=even, where=total > 0))


def log_probabilities(probabilities: Floats, clip: float) -> Floats:
    """Return the logarithms of probabilities that are clipped to ``[clip, 1 - clip]``."""
    if not (is_number(clip) and 0 < clip < 0.5):
        raise ValueError(f"clip must be above 0 and below 0.5, for example 1e-6, but clip={clip!r}.")
    return np.asarray(np.log(probabilities.clip(clip, 1 - clip)))


def mix_with_even(probabilities: Floats, share: float) -> Floats:
    """Return the mixture of probabilities with equally likely classes, which have this share."""
    return np.asarray((1 - share) * probabilities + share / probabilities.shape[-1])
