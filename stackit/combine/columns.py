"""What columns of meta-features say of the estimators: which are whose, and whether they are labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.validation import format_list, invalid_value

__all__ = ["APART", "are_labels", "check_blocks", "halves"]

APART = "__"
MOSTLY = 0.5


def are_labels(X: npt.NDArray[np.float64], n_classes: int, names: Sequence[str] | None) -> bool:
    """Whether columns are class positions, as base estimators with ``stack_method="predict"`` give.

    Probabilities may be whole numbers too, but they are named after classes, or those of one estimator sum
    to 1; to 0 where it knows none of the classes.

    Parameters
    ----------
    X : (n, n_columns) array
        Finite.
    n_classes : int
        The number of classes.
    names : list of str or None
        The names of the columns.

    Examples
    --------
    >>> sure = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> are_labels(sure, 3, None), are_labels(sure[:, ::2] * 2, 3, None)
    (False, True)
    """
    if n_classes == 2 or (X != np.rint(X)).any() or X.min() < 0 or X.max() >= n_classes:
        return False
    if X.shape[1] % n_classes:
        return True
    if names is not None and any(APART in name for name in names):
        return False
    sums = X.reshape(len(X), -1, n_classes).sum(axis=2)
    return bool((sums > 1).any() or (sums == 1).mean() <= MOSTLY)


def check_blocks(names: Sequence[str] | None, width: int, labels: Sequence[str] = ()) -> None:
    """Raise where names say that columns stand otherwise than they are read: a block an estimator.

    Parameters
    ----------
    names : list of str or None
        The names of the columns, a multiple of `width`; those without ``__`` say nothing.
    width : int
        How many columns an estimator has.
    labels : list of str
        The names of the classes, in order, where they are known.

    Raises
    ------
    ValueError
        When a block is of several estimators, an estimator has several, or its classes are in disorder.

    Examples
    --------
    >>> check_blocks(["forest__a", "forest__b", "bayes__a", "bayes__b"], 2)
    >>> check_blocks(["forest__a", "bayes__a", "forest__b", "bayes__b"], 2)
    Traceback (most recent call last):
        ...
    ValueError: Columns must be 2 side by side for each estimator, in one order; got forest__a, ...
    """
    if names is None or not any(APART in name for name in names):
        return
    parts = [halves(name, labels) for name in names]
    if width == 1:
        _check_single(names, parts, labels)
        return
    blocks = [parts[first : first + width] for first in range(0, len(parts), width)]
    owners = [{half[0] for half in block} for block in blocks]
    ends = [[half[-1] for half in block] for block in blocks]
    orders = [[*labels], *ends]
    if (
        any(len(owner) > 1 for owner in owners)
        or len(set[str]().union(*owners)) < len(blocks)
        or any(_is_disorder(end, order) for end in ends for order in orders)
    ):
        raise _disordered(f"{width} side by side for each estimator, in one order", names)


def _check_single(names: Sequence[str], parts: list[list[str]], labels: Sequence[str]) -> None:
    """Raise where an estimator has a column for each of two classes; other names may begin alike."""
    ends: dict[str, set[str]] = {}
    for owner, *end in parts:
        ends.setdefault(owner, set()).update(end)
    if len(labels) > 1 and any(of_one == set(labels) for of_one in ends.values()):
        raise _disordered("one for each estimator, that of the second class", names)


def halves(name: str, labels: Sequence[str]) -> list[str]:
    """Return an estimator's name and the rest, which may be the name of a class with ``__`` in it.

    Examples
    --------
    >>> halves("forest__b", ["a", "b"])
    ['forest', 'b']
    """
    for label in sorted(labels, key=len, reverse=True):
        if name.endswith(APART + label):
            return [name.removesuffix(APART + label), label]
    return name.rsplit(APART, 1)


def _disordered(expected: str, names: Sequence[str]) -> ValueError:
    advice = "Order and name them as OutOfFold.meta_train does; of two classes the second alone"
    return invalid_value("Columns", expected, format_list(names, 6), advice)


def _is_disorder(end: list[Any], order: list[Any]) -> bool:
    return end != order and sorted(end) == sorted(order)
