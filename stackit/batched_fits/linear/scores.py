"""Probabilities of all folds from one product with the test table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from stackit.arrays import Floats
from stackit.batched_fits.scaling import Scaling

__all__ = ["batched_scores", "probabilities", "softmax"]


def softmax(scores: Floats) -> Floats:
    """Return probabilities whose logarithms are the scores, up to a number a row.

    Examples
    --------
    >>> softmax(np.log([[1.0, 3.0]])).round(12).tolist()
    [[0.25, 0.75]]
    """
    raised: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    raised /= raised.sum(axis=1, keepdims=True)
    return raised


def probabilities(decision: Floats) -> Floats:
    """Return the (m, C) probabilities of (m, C) decisions, or of the (m, 1) of two classes.

    Examples
    --------
    >>> probabilities(np.array([[0.0]])).tolist()
    [[0.5, 0.5]]
    """
    if decision.shape[1] > 1:
        return softmax(decision)
    positive = expit(decision[:, 0])
    return np.column_stack([1 - positive, positive])


def batched_scores(
    X: Floats, weights: Sequence[Floats], offsets: Sequence[Floats], scaling: Scaling | None = None
) -> list[Floats]:
    """Return ``X @ w.T + b`` for each fold's weights and offsets, from one pass over X.

    Parameters
    ----------
    X : (m, d) array
    weights : list of (C, d) arrays
    offsets : list of (C,) arrays
    scaling : Scaling, optional
        What is done to X first, in each fold.

    Examples
    --------
    >>> tables = batched_scores(np.eye(2), [np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])], [[0.0], [1.0]])
    >>> [table.ravel().tolist() for table in tables]
    [[1.0, 2.0], [4.0, 5.0]]
    """
    if scaling is not None:
        # About the middle of the shifts there is nothing large that would have to cancel.
        middle = scaling.shift.mean(axis=0)
        weights = [w / scale for w, scale in zip(weights, scaling.scale, strict=True)]
        offsets = [
            b + w @ (middle - shift) for w, b, shift in zip(weights, offsets, scaling.shift, strict=True)
        ]
        X = X - middle
    together = X @ np.concatenate(weights).T
    together += np.concatenate(offsets)
    return np.split(together, np.cumsum([len(w) for w in weights])[:-1], axis=1)
