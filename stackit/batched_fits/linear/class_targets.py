"""Classes as targets of least squares: -1 and 1, and the weights of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from stackit.arrays import Floats, Rows
from stackit.batched_fits.api import BatchedRequest

__all__ = ["class_targets", "class_weights"]


def class_targets(request: BatchedRequest) -> tuple[Floats, Rows | None, npt.NDArray[Any]] | None:
    """Return (n, t) targets as RidgeClassifier makes them, the class numbers, and labels with each class.

    There is one target per class (one for two classes), or one per label where rows have several; these have
    no class numbers. None where a training part lacks a class.
    """
    y = request.y
    if y.ndim == 2:
        one_of_each = np.repeat([[0], [1]], y.shape[1], axis=1).astype(y.dtype)
        is_indicator = y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all())
        return (2.0 * y - 1.0, None, one_of_each) if is_indicator else None
    classes, codes = np.unique(y, return_inverse=True)
    counts = [np.bincount(codes[train], minlength=len(classes)) for train, _ in request.folds.splits]
    if len(classes) < 2 or not np.all(counts):
        return None
    Y = 2.0 * (codes[:, np.newaxis] == np.arange(len(classes))) - 1.0
    return (Y[:, 1:] if len(classes) == 2 else Y), codes, classes


def class_weights(
    estimator: RidgeClassifier, request: BatchedRequest, codes: Rows | None
) -> tuple[Floats | None, Rows | None]:
    """Return the weights of the rows, and the class numbers where each split has to balance its classes.

    Both are None where there are no weights, or where the class weights are not understood here.
    """
    class_weight, weight = estimator.class_weight, request.sample_weight
    if not class_weight:
        return weight, None
    if codes is None:
        return None, None
    if class_weight == "balanced":
        return weight, codes
    try:
        by_class = compute_sample_weight(class_weight, request.y)
    except (TypeError, ValueError):
        return None, None
    if not (by_class >= 0).all():
        return None, None
    return by_class if weight is None else by_class * weight, None
