"""Linear scores of all folds from one product with a table, and the probabilities that they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from stackit.arrays import Floats
from stackit.batched_fits.scaling import Scaling

__all__ = ["batched_scores", "probabilities"]


def batched_scores(
    X: npt.NDArray[Any], coefs: Sequence[Floats], intercepts: Sequence[Floats], scaling: Scaling | None = None
) -> list[Floats]:
    """Return the (m, t) table ``X @ coef + intercept`` of each fold, from its (d, t) and (t,) arrays.

    With a scaling, the coefficients are those of the columns as they are scaled in each fold.
    """
    if scaling is not None:
        # About the middle of the shifts there is nothing large that would have to cancel.
        middle = scaling.shift.mean(axis=0)
        coefs = [coef / scale[:, np.newaxis] for coef, scale in zip(coefs, scaling.scale, strict=True)]
        intercepts = [
            intercept + (middle - shift) @ coef
            for intercept, shift, coef in zip(intercepts, scaling.shift, coefs, strict=True)
        ]
        X = X - middle
    scores = X.astype(np.float64, copy=False) @ np.hstack(coefs)
    scores += np.concatenate(intercepts)
    return np.split(scores, np.cumsum([coef.shape[1] for coef in coefs])[:-1], axis=1)


def probabilities(scores: Floats) -> Floats:
    """Return the (m, C) probabilities of (m, C) scores, or of the (m, 1) scores of two classes."""
    if scores.shape[1] > 1:
        return np.asarray(softmax(scores, axis=1))
    positive = expit(scores[:, 0])
    return np.column_stack([1 - positive, positive])
