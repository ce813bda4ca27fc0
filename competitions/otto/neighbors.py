"""What the labels of a row's neighbours say of it, without the row's own label."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, check_memory, validate_data

__all__ = ["NeighborEvidence"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.intp]

BLOCK = 256  # rows with distances to all others in memory at once: 40 MB for 40 000 others


class NeighborEvidence(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace a row by the classes among its k nearest neighbours, and by its distance to each class.

    The first columns are the logarithms of ``(count + 1 / n_classes) / (k + 1)``, where count is how many of
    the k nearest rows are of a class; the others are the mean distances to the m nearest rows of each class.

    As with scikit-learn's `TargetEncoder`, ``fit_transform(X, y)`` does not equal ``fit(X, y).transform(X)``:
    in `fit_transform` no row is a neighbour of itself, so that its label does not reach its own columns.
    Pipelines call it on their training rows. `transform` counts all rows that `fit` has seen: it is meant for
    others.

    Parameters
    ----------
    sizes : sequence of int
        The values of k, rising; those that are not below the number of training rows are left out.
    nearest : sequence of int
        The values of m, rising. Each class must have more rows than the largest.
    memory : None, str or joblib.Memory
        Where columns are kept for other estimators that need the same.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The labels.
    sizes_ : tuple of int
        The values of k that are used.

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [3.0], [7.0]], ["a", "a", "b", "b"]
    >>> evidence = NeighborEvidence(sizes=[1], nearest=[1])
    >>> evidence.fit_transform(X, y)[:, -2:].tolist()  # to the nearest other row of a, and of b
    [[1.0, 3.0], [1.0, 2.0], [2.0, 4.0], [6.0, 4.0]]
    >>> evidence.transform([[2.5]])[:, -2:].tolist()
    [[1.5, 0.5]]
    """

    def __init__(
        self,
        sizes: Sequence[int] = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
        nearest: Sequence[int] = (1, 2, 4),
        memory: Any = None,
    ) -> None:
        self.sizes = sizes
        self.nearest = nearest
        self.memory = memory

    def fit(self, X: Any, y: Any) -> Self:
        """Remember the rows and their classes."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        if counts.min() <= max(self.nearest):
            raise ValueError(
                f"Each class must have more than {max(self.nearest)} rows, the largest number in nearest; "
                f"class {self.classes_[counts.argmin()]} has {counts.min()}. "
                "Pass a smaller nearest, fewer folds or more rows."
            )
        self.rows_, self.codes_ = X, codes
        self.sizes_ = tuple(size for size in self.sizes if size < len(X))
        return self

    def transform(self, X: Any) -> Floats:
        """Return the columns of other rows than those of fit."""
        check_is_fitted(self)
        return self._columns(validate_data(self, X, dtype=np.float32, reset=False), own=False)

    def fit_transform(self, X: Any, y: Any) -> Floats:
        """Fit, and return the columns of the same rows, of which none is a neighbour of itself."""
        self.fit(X, y)
        return self._columns(self.rows_, own=True)

    def _columns(self, X: Floats, own: bool) -> Floats:
        kept = check_memory(self.memory).cache(evidence)
        sizes, nearest = np.array(self.sizes_, dtype=np.intp), np.array(self.nearest, dtype=np.intp)
        return np.asarray(kept(self.rows_, self.codes_, X, own, sizes, nearest))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def evidence(rows: Floats, codes: Ints, X: Floats, own: bool, sizes: Ints, nearest: Ints) -> Floats:
    """Return the columns of the rows X; with `own`, X are the training rows themselves."""
    order = np.argsort(codes, kind="stable")
    rows, codes = rows[order], codes[order]
    place = np.argsort(order)
    lengths = np.einsum("ij,ij->i", rows, rows)
    found = []
    for start in range(0, len(X), BLOCK):
        block = X[start : start + BLOCK]
        squares = lengths - 2 * (block @ rows.T)
        squares += np.einsum("ij,ij->i", block, block)[:, np.newaxis]
        if own:
            squares[np.arange(len(block)), place[start : start + BLOCK]] = np.inf
        found.append(np.hstack([log_shares(squares, codes, sizes), class_distances(squares, codes, nearest)]))
    return np.concatenate(found, dtype=np.float32, casting="same_kind")


def log_shares(squares: Floats, codes: Ints, sizes: Ints) -> Floats:
    """Return the logarithms of the shares of each class among the k nearest, for each k."""
    if not len(sizes):
        return np.empty((len(squares), 0), dtype=np.float32)
    n_rows, n_sizes, n_classes = len(squares), len(sizes), int(codes.max()) + 1
    # With all these ranks in place, the rows between two of them are those that the larger k adds.
    near = np.argpartition(squares, sizes - 1, axis=1)[:, : sizes[-1]]
    ring = np.repeat(np.arange(n_sizes), np.diff(sizes, prepend=0))
    cells = (np.arange(n_rows)[:, np.newaxis] * n_sizes + ring) * n_classes + codes[near]
    counts = np.bincount(cells.ravel(), minlength=n_rows * n_sizes * n_classes)
    counts = counts.reshape(n_rows, n_sizes, n_classes).cumsum(axis=1)
    shares = (counts + 1 / n_classes) / (sizes[:, np.newaxis] + 1)
    return np.log(shares).reshape(n_rows, -1).astype(np.float32)


def class_distances(squares: Floats, codes: Ints, nearest: Ints) -> Floats:
    """Return the mean distances to the m nearest of each class, for each m; codes are sorted."""
    bounds = np.searchsorted(codes, np.arange(codes.max() + 2))
    found = []
    for first, last in pairwise(bounds):
        closest = np.partition(squares[:, first:last], nearest - 1, axis=1)[:, : nearest[-1]]
        distances = np.sqrt(np.sort(closest, axis=1).clip(min=0))
        found.append(distances.cumsum(axis=1)[:, nearest - 1] / nearest)
    return np.hstack(found).astype(np.float32)
