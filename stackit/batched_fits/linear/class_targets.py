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
    """Return targets as RidgeClassifier makes them, the class numbers, and labels that hold each class.

    Parameters
    ----------
    request : Request
        With (n,) labels, or an (n, n_labels) table of 0 and 1.

    Returns
    -------
    ((n, t), (n,) or None, (n_classes,) or (2, n_labels)) arrays, or None
        A target a class, one for two classes, one a label of several. None where a training part lacks a
        class.

    Examples
    --------
    >>> from stackit import make_folds
    >>> y = np.array(["a", "b", "a", "b"])
    >>> class_targets(BatchedRequest(np.eye(4), y, make_folds(y, n_splits=2), "predict"))[0].tolist()
    [[-1.0], [1.0], [-1.0], [1.0]]
    """
    y = request.y
    if y.ndim == 2:
        some = np.repeat([[0], [1]], y.shape[1], axis=1).astype(y.dtype)
        is_indicator = y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all())
        return (2.0 * y - 1.0, None, some) if is_indicator else None
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.bincount(codes)
    parts = [np.bincount(codes[held_out], minlength=len(classes)) for _, held_out in request.folds.splits]
    if len(classes) < 2 or any((counts == part).any() for part in parts):
        return None
    Y = 2.0 * (codes[:, np.newaxis] == np.arange(len(classes))) - 1.0
    return (Y[:, 1:] if len(classes) == 2 else Y), codes, classes


def class_weights(
    estimator: RidgeClassifier, request: BatchedRequest, codes: Rows | None
) -> tuple[Floats | None, Rows | None]:
    """Return the weights of the rows, and the class numbers where each split has to balance its classes.

    Parameters
    ----------
    estimator : RidgeClassifier
        With its ``class_weight``.
    request : Request
        With the labels, and the weights of the rows if there are any.
    codes : (n,) array of int, optional
        The class numbers; None for several labels a row.

    Returns
    -------
    (n,) array or None, (n,) array or None
        Both None where there are no weights, or class weights that cannot be told.

    Examples
    --------
    >>> from stackit import make_folds
    >>> y = np.array(["a", "b", "a", "b"])
    >>> request = BatchedRequest(np.eye(4), y, make_folds(y, n_splits=2), "predict")
    >>> class_weights(RidgeClassifier(class_weight={"a": 3}), request, np.array([0, 1, 0, 1]))[0].tolist()
    [3.0, 1.0, 3.0, 1.0]
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
