"""What a combiner's columns are: how many each estimator has, and whether they are probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.combine.columns import APART, are_labels, check_blocks, halves
from stackit.estimators.prediction import pairwise_votes
from stackit.estimators.prediction_checks import SUM_TOLERANCE
from stackit.validation import invalid_value

__all__ = ["Member", "are_probabilities", "cut", "kinds_in", "members_of", "scores_of"]

Member = tuple[str, int]  # what its columns are, and how many


def members_of(
    X: Floats, names: Sequence[str] | None, labels: Sequence[str], kinds: Mapping[str, str] | None = None
) -> list[Member]:
    """Return what each estimator's columns are, from their names, widths and values.

    Parameters
    ----------
    X : (n, n_columns) array
        Finite.
    names : list of str or None
        The names of the columns.
    labels : list of str
        The names of the classes.
    kinds : dict of str to str, optional
        What is known of estimators by name: "probability", "decision", "pairwise", "label" or "number".

    Raises
    ------
    ValueError
        When columns are not a whole number of estimators, or stand in another order than they are read.

    Examples
    --------
    >>> members_of(np.array([[0.5, 1.5]]), None, ["no", "yes"])
    [('probability', 1), ('decision', 1)]
    >>> names = ["svm__a-b", "svm__a-c", "svm__b-c", "ridge"]
    >>> members_of(np.array([[0.5, 1.0, -1.0, 1.2]]), names, ["a", "b", "c"])
    [('pairwise', 3), ('number', 1)]
    """
    found = _by_name(names, labels, kinds or {})
    if found is None:
        width = 1 if len(labels) == 2 or are_labels(X, len(labels), names) else len(labels)
        blocks = cut(X, width, "class", "classes")
        check_blocks(names, width, labels)
        whole = width < len(labels) != 2
        found = [("label" if whole else "", width) for _ in range(blocks.shape[1])]
    if all(kind for kind, _ in found):
        return found
    widths = [width for _, width in found]
    likely, starts = are_probabilities(X, widths), np.cumsum([0, *widths])
    return [
        (kind or _kind_of(X[:, start : start + width], len(labels), bool(is_likely)), width)
        for (kind, width), start, is_likely in zip(found, starts, likely, strict=False)
    ]


def _by_name(
    names: Sequence[str] | None, labels: Sequence[str], kinds: Mapping[str, str]
) -> list[Member] | None:
    """Return members whose columns are named as meta-features are; None where some are not.

    A kind that names do not tell is left empty.
    """
    if names is None or (len(labels) == 2 and not {*names} <= {*kinds}):
        return None
    if len(labels) == 2:
        return [(kinds[name], 1) for name in names]
    if not any(APART in name for name in names):
        return None
    pairs = [f"{a}-{b}" for a, b in combinations(labels, 2)]
    found, owners = list[Member](), set[str]()
    for owner, columns in groupby(names, key=lambda name: halves(name, [*labels, *pairs])[0]):
        own = [*columns]
        kind = kinds.get(owner, "")
        if own == [f"{owner}{APART}{label}" for label in labels] and kind != "pairwise":
            found.append((kind, len(labels)))
        elif own == [f"{owner}{APART}{pair}" for pair in pairs]:
            found.append(("pairwise", len(pairs)))
        elif own == [owner] and kind in ("", "label", "number"):
            found.append((kind or "number", 1))
        else:
            return None
        owners.add(owner)
    return found if len(found) == len(owners) else None


def _kind_of(table: Floats, n_classes: int, is_likely: bool) -> str:
    """Tell what columns are where nothing but their numbers does."""
    if table.shape[1] == 1 and n_classes > 2:
        whole = (table == np.rint(table)).all() and table.min() >= 0 and table.max() < n_classes
        return "label" if whole else "number"
    return "probability" if is_likely else "decision"


def are_probabilities(X: Floats, widths: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Tell for each estimator whether its columns look like probabilities: by range, and sums of rows.

    Examples
    --------
    >>> are_probabilities(np.array([[0.3, 0.7, 0.3, 0.3, -1.0]]), [2, 2, 1]).tolist()
    [True, False, False]
    """
    starts = np.cumsum([0, *widths[:-1]])
    inside = (X.min(axis=0) >= -SUM_TOLERANCE) & (X.max(axis=0) <= 1 + SUM_TOLERANCE)
    found = np.logical_and.reduceat(inside, starts)
    if max(widths) > 1:
        sums = np.add.reduceat(X, starts, axis=1)
        # An estimator that knows none of the classes gives zeros.
        ones = ((abs(sums - 1) <= SUM_TOLERANCE) | (sums == 0)).all(axis=0)
        found &= ones | (np.asarray(widths) == 1)
    return np.asarray(found)


def scores_of(kind: str, table: Floats, n_classes: int) -> Floats:
    """Return one decision value per row and class, or with two classes one that is higher for the second.

    Parameters
    ----------
    kind : str
        What the columns are.
    table : (n, width) array
        The columns of one estimator.
    n_classes : int
        The number of classes.

    Examples
    --------
    >>> scores_of("number", np.array([[1.5]]), 3).tolist()
    [[-1.5, -0.5, -0.5]]
    """
    if n_classes == 2 or kind in ("probability", "decision"):
        return table
    places = np.arange(n_classes)
    if kind == "label":
        return np.asarray(np.rint(table).clip(0, n_classes - 1) == places, dtype=np.float64)
    if kind == "number":
        return np.asarray(-abs(table - places))
    # As scikit-learn's one-versus-one: votes, and confidence where votes are equal.
    confidence = np.zeros((len(table), n_classes))
    for column, (a, b) in zip(table.T, combinations(range(n_classes), 2), strict=True):
        confidence[:, a] += column
        confidence[:, b] -= column
    return np.asarray(pairwise_votes(table, n_classes) + confidence / (3 * (abs(confidence) + 1)))


def cut(X: Floats, width: int, one: str, all_of_them: str) -> Floats:
    """Return the columns of X as (n, n_estimators, width) blocks.

    Raises
    ------
    ValueError
        When they are not a whole number of estimators.
    """
    if X.shape[1] % width:
        raise invalid_value(
            "The number of columns",
            f"a multiple of the number of {all_of_them}, {width}",
            f"n_columns={X.shape[1]}",
            f"Each estimator must give a column for each {one}: leave out features passed through, and pass "
            "a data frame with the names of meta-features where there are regressors or labels among them",
        )
    return X.reshape(len(X), -1, width)


def kinds_in(table: Any) -> Mapping[str, str] | None:
    """Return what a data frame of meta-features says of its estimators; plain tables say nothing."""
    known = getattr(table, "attrs", {}).get("stackit")
    return known if isinstance(known, Mapping) else None
