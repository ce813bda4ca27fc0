"""What a combiner's columns are: which estimator's, and probabilities, decision values, labels or numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.estimators.prediction import pairwise_votes
from stackit.estimators.prediction_checks import SUM_TOLERANCE
from stackit.validation import format_list

__all__ = [
    "EstimatorColumns",
    "are_probabilities",
    "as_blocks",
    "check_order",
    "columns_of",
    "estimator_names",
    "kinds_in",
    "scores_of",
]

SEPARATOR = "__"
MOST = 0.5  # the share of rows that sum to 1 above which whole numbers are probabilities


class EstimatorColumns(NamedTuple):
    """What one estimator's columns are, and how many.

    The kind is "probability", "decision", "pairwise", "label" or "number"; empty where it is unknown.
    """

    kind: str
    width: int


def columns_of(
    X: Floats, names: Sequence[str] | None, labels: Sequence[str], kinds: Mapping[str, str] | None = None
) -> list[EstimatorColumns]:
    """Return what each estimator's columns are, from their names, widths and finite values.

    `labels` are the names of the classes; `kinds` are the known kinds by the names of estimators. Raises
    where columns are not a whole number of estimators, or in another order than expected.
    """
    found = _by_name(names, labels, kinds or {})
    if found is None:
        width = 1 if len(labels) == 2 or _are_labels(X, len(labels), names) else len(labels)
        n_estimators = as_blocks(X, width, "class", "classes").shape[1]
        check_order(names, width, labels)
        kind = "label" if width < len(labels) != 2 else ""
        found = [EstimatorColumns(kind, width)] * n_estimators
    if all(columns.kind for columns in found):
        return found
    widths = [columns.width for columns in found]
    likely, starts = are_probabilities(X, widths), np.cumsum([0, *widths])
    return [
        EstimatorColumns(kind or _kind_of(X[:, start : start + width], len(labels), bool(is_likely)), width)
        for (kind, width), start, is_likely in zip(found, starts, likely, strict=False)
    ]


def _by_name(
    names: Sequence[str] | None, labels: Sequence[str], kinds: Mapping[str, str]
) -> list[EstimatorColumns] | None:
    """Return the columns of each estimator if all are named as meta-features are; otherwise None."""
    if names is None or (len(labels) == 2 and not {*names} <= {*kinds}):
        return None
    if len(labels) == 2:
        return [EstimatorColumns(kinds[name], 1) for name in names]
    if not any(SEPARATOR in name for name in names):
        return None
    pairs = [f"{a}-{b}" for a, b in combinations(labels, 2)]
    found, owners, endings = list[EstimatorColumns](), set[str](), {*labels, *pairs}
    for owner, columns in groupby(names, key=lambda name: _split(name, endings)[0]):
        own = [*columns]
        kind = kinds.get(owner, "")
        if own == [f"{owner}{SEPARATOR}{label}" for label in labels] and kind != "pairwise":
            found.append(EstimatorColumns(kind, len(labels)))
        elif own == [f"{owner}{SEPARATOR}{pair}" for pair in pairs]:
            found.append(EstimatorColumns("pairwise", len(pairs)))
        elif own == [owner] and kind in ("", "label", "number"):
            found.append(EstimatorColumns(kind or "number", 1))
        else:
            return None
        owners.add(owner)
    return found if len(found) == len(owners) else None


def _split(name: str, labels: Collection[str]) -> list[str]:
    """Split a name into that of an estimator and the rest, which may be a class with ``__`` in its name."""
    at = name.find(SEPARATOR)
    while at >= 0:  # the longest class first
        if name[at + len(SEPARATOR) :] in labels:
            return [name[:at], name[at + len(SEPARATOR) :]]
        at = name.find(SEPARATOR, at + 1)
    return name.rsplit(SEPARATOR, 1)


def _are_labels(X: Floats, n_classes: int, names: Sequence[str] | None) -> bool:
    """Whether columns are class positions, the predictions of ``stack_method="predict"``.

    Probabilities may be whole numbers too, but they are named after classes, or those of one estimator sum
    to 1; to 0 where it knows none of the classes.
    """
    if n_classes == 2 or (X != np.rint(X)).any() or X.min() < 0 or X.max() >= n_classes:
        return False
    if X.shape[1] % n_classes:
        return True
    if names is not None and any(SEPARATOR in name for name in names):
        return False
    sums = X.reshape(len(X), -1, n_classes).sum(axis=2)
    return bool((sums > 1).any() or (sums == 1).mean() <= MOST)


def _kind_of(table: Floats, n_classes: int, is_likely: bool) -> str:
    """Return the kind of columns that only their values can tell."""
    if table.shape[1] == 1 and n_classes > 2:
        is_label = (table == np.rint(table)).all() and table.min() >= 0 and table.max() < n_classes
        return "label" if is_label else "number"
    return "probability" if is_likely else "decision"


def are_probabilities(X: Floats, widths: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Return for each estimator whether its columns look like probabilities: by range, and sums of rows."""
    starts = np.cumsum([0, *widths[:-1]])
    inside = (X.min(axis=0) >= -SUM_TOLERANCE) & (X.max(axis=0) <= 1 + SUM_TOLERANCE)
    found = np.logical_and.reduceat(inside, starts)
    if max(widths) > 1:
        sums = np.add.reduceat(X, starts, axis=1)
        # An estimator that knows none of the classes predicts zeros.
        ones = ((abs(sums - 1) <= SUM_TOLERANCE) | (sums == 0)).all(axis=0)
        found &= ones | (np.asarray(widths) == 1)
    return np.asarray(found)


def scores_of(kind: str, table: Floats, n_classes: int) -> Floats:
    """Return the (n, n_classes) decision values of one estimator's columns.

    With two classes it is one column, higher for the second class.
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


def as_blocks(X: Floats, width: int, one: str, several: str) -> Floats:
    """Return the columns of X as (n, n_estimators, width) blocks; raise where there is a remainder."""
    if X.shape[1] % width:
        raise ValueError(
            f"{X.shape[1]} columns are not a multiple of the number of {several}, {width}. Each estimator "
            f"must have one column per {one}: leave out features passed through, and pass a data frame with "
            "the names of meta-features where there are regressors or labels among them."
        )
    return X.reshape(len(X), -1, width)


def estimator_names(columns: Sequence[str] | None, widths: Sequence[int]) -> list[str]:
    """Return the names of estimators, which names of columns begin with; x0, x1, ... without any."""
    if columns is None:
        return [f"x{at}" for at in range(len(widths))]
    return [columns[first].split(SEPARATOR)[0] for first in np.cumsum([0, *widths[:-1]])]


def kinds_in(table: Any) -> Mapping[str, str] | None:
    """Return the kinds by the names of estimators that a data frame of meta-features stores, if it does."""
    known = getattr(table, "attrs", {}).get("stackit")
    return known if isinstance(known, Mapping) else None


def check_order(names: Sequence[str] | None, width: int, labels: Sequence[str] = ()) -> None:
    """Raise where names of columns contradict the order in which they are read.

    Each estimator must have `width` columns side by side, with its classes in the order of `labels`. Names
    without ``__`` say nothing.
    """
    if names is None or not any(SEPARATOR in name for name in names):
        return
    endings = {*labels}
    parts = [_split(name, endings) for name in names]
    if width == 1:
        _check_single(names, parts, labels)
        return
    blocks = [parts[first : first + width] for first in range(0, len(parts), width)]
    owners = [{part[0] for part in block} for block in blocks]
    ends = [[part[-1] for part in block] for block in blocks]
    orders = [[*labels], *ends]
    if (
        any(len(owner) > 1 for owner in owners)
        or len(set[str]().union(*owners)) < len(blocks)
        or any(end != order and sorted(end) == sorted(order) for end in ends for order in orders)
    ):
        raise _order_error(f"{width} columns side by side for each estimator, in one order", names)


def _check_single(names: Sequence[str], parts: list[list[str]], labels: Sequence[str]) -> None:
    """Raise where an estimator has one column for each of two classes; other names may begin alike."""
    ends: dict[str, set[str]] = {}
    for owner, *end in parts:
        ends.setdefault(owner, set()).update(end)
    if len(labels) > 1 and any(of_one == set(labels) for of_one in ends.values()):
        raise _order_error("one column for each estimator, that of the second class", names)


def _order_error(expected: str, names: Sequence[str]) -> ValueError:
    return ValueError(
        f"There must be {expected}, but the columns are {format_list(names, 6)}. Order and name them as in "
        "OutOfFold.meta_train: of two classes, only the second has a column."
    )
