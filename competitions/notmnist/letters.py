"""The letters of notMNIST, each image once, in parts that share none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

__all__ = ["parts", "read", "unique_images"]

Images = npt.NDArray[Any]
Labels = npt.NDArray[Any]


def read(path: Path) -> tuple[Images, Labels]:
    """Return the images (n, 28, 28), bytes, and the labels 0 to 9 for A to J."""
    with np.load(path) as arrays:
        return arrays["X"], arrays["y"]


def unique_images(X: Images, y: Labels) -> tuple[Images, Labels, dict[str, int]]:
    """Return each image once, in its old order; those that come with different labels not at all.

    An image that is there twice would sooner or later be learned from and be predicted: a leak.

    Parameters
    ----------
    X : (n, ...) array
        The images.
    y : (n,) array
        Their labels.

    Returns
    -------
    X, y : arrays
        What is left.
    counts : dict
        How many `copies` were left out, and how many of `several labels`.

    Examples
    --------
    >>> X, y, counts = unique_images(np.array([[1], [2], [1], [3], [3]]), np.array([0, 1, 0, 2, 1]))
    >>> X.tolist(), y.tolist(), counts
    ([[1], [2]], [0, 1], {'copies': 1, 'several labels': 2})
    """
    _, first, group = np.unique(X.reshape(len(X), -1), axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    lowest, highest = np.full(len(first), y.max()), np.full(len(first), y.min())
    np.minimum.at(lowest, group, y)
    np.maximum.at(highest, group, y)
    clear = lowest == highest
    kept = np.sort(first[clear])
    n_several = int(np.sum(~clear[group]))
    return X[kept], y[kept], {"copies": len(X) - n_several - len(kept), "several labels": n_several}


def parts(X: Images, y: Labels, sizes: tuple[int, int], seed: int) -> dict[str, tuple[Images, Labels]]:
    """Split into `test`, `valid` and `train`, each with the classes of all; pixels from 0 to 1 in rows.

    Parameters
    ----------
    X, y : arrays
        Images that are there once.
    sizes : (int, int)
        Of test and valid.
    seed : int
        Of the split.
    """
    rows = X.reshape(len(X), -1).astype(np.float32) / 255
    rest, test = train_test_split(np.arange(len(y)), test_size=sizes[0], stratify=y, random_state=seed)
    train, valid = train_test_split(rest, test_size=sizes[1], stratify=y[rest], random_state=seed)
    found = {"train": train, "valid": valid, "test": test}
    return {name: (rows[at], y[at]) for name, at in found.items()}
