"""Probabilities as logarithms, with zeros kept off: for products of probabilities, and for temperatures."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Floats
from stackit.validation import invalid_value, is_number

__all__ = ["log_probabilities", "softmax"]


def log_probabilities(probabilities: Floats, clip: float) -> Floats:
    """Return the logarithms of probabilities that are kept off 0 and 1.

    Parameters
    ----------
    probabilities : array
        Of any shape; a 0 would be a veto that no other estimator can overrule.
    clip : float
        How far they are kept off, above 0 and below 0.5.

    Raises
    ------
    ValueError
        When clip is not between 0 and 0.5.

    Examples
    --------
    >>> log_probabilities(np.array([0.0, 1.0]), clip=0.01).round(3).tolist()
    [-4.605, -0.01]
    """
    if not (is_number(clip) and 0 < clip < 0.5):
        raise invalid_value("clip", "above 0 and below 0.5", f"{clip=}", "Pass for example clip=1e-6")
    return np.asarray(np.log(probabilities.clip(clip, 1 - clip)))


def softmax(scores: Floats) -> Floats:
    """Return the (n, n_classes) probabilities whose logarithms are `scores`, up to a constant a row.

    Examples
    --------
    >>> softmax(np.log([[1.0, 3.0]])).round(3).tolist()
    [[0.25, 0.75]]
    """
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
