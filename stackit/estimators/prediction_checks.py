"""Checks of predictions: their rows and columns, finite numbers, probabilities, labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.validation import format_list, invalid_value

__all__ = [
    "ALL_ROWS",
    "SUM_TOLERANCE",
    "InvalidPredictionsError",
    "as_label_probabilities",
    "as_labels",
    "as_numbers",
    "as_probabilities",
    "class_positions",
]

# How far from 1 a row of probabilities may add up to, and how far outside [0, 1] rounding may put one.
SUM_TOLERANCE = 1e-3
RANGE_TOLERANCE = 1e-5  # sums of many float32, such as the mean of a forest, are off by more than 1e-6
ONES = np.ones(64)
SMALL = 8192  # tables up to this size are summed fastest by a dot product, which starts no threads here
ALL_ROWS = (-1, -1)


class InvalidPredictionsError(Exception):
    """Predictions that cannot be used: what they must be, what they are, what to do, and what is wrong."""

    def __init__(self, expected: str, given: str, advice: str, what: str = "") -> None:
        super().__init__(expected, given, advice, what)

    def named(self, method: str, name: str, place: tuple[int, int] | None) -> ValueError:
        """Return the error for the user, which names the method, the estimator and its fold."""
        expected, given, advice, what = self.args
        where = "" if place is None else " (repeat {} fold {})".format(*place)
        if place == ALL_ROWS:
            where = " (fitted on all rows)"
        what = what or f"Predictions ({method})"
        return invalid_value(f"{what} of estimator {name!r}{where}", expected, given, advice)


def as_numbers(raw: Any, n: int, width: int) -> Floats:
    """Return finite numbers as an (n, width) table; a single column may come as (n,)."""
    table = _as_floats(raw)
    if width == 1:
        _check_shape(table, (n,), (n, 1))
        table = table.reshape(n, 1)
    else:
        _check_shape(table, (n, width))
    _check_finite(table)
    return table


def as_probabilities(raw: Any, n: int, width: int, sums: bool = True) -> Floats:
    """Return (n, width) probabilities; rounding errors outside [0, 1] are clipped, and rows must sum to 1."""
    table = _as_floats(raw)
    _check_shape(table, (n, width))
    if not n or _are_probabilities(table, sums):
        return table
    _check_finite(table)
    if _are_probabilities(table, sums, RANGE_TOLERANCE):
        return table.clip(0.0, 1.0)
    expected, given = "probabilities, from 0 to 1", f"values from {table.min():.4g} to {table.max():.4g}"
    if sums:
        totals = table.sum(axis=1)
        expected += " and with a sum of 1 in each row (within 0.001)"
        given += f", with sums from {totals.min():.4g} to {totals.max():.4g}"
    raise InvalidPredictionsError(
        expected, given, "Divide each row by its sum, or predict by decision_function or predict instead"
    )


def as_label_probabilities(raw: Any, n: int, width: int, classes_of: Callable[[], Any]) -> Floats:
    """Return the (n, n_labels) probabilities of the label 1 from either of the multilabel forms.

    The forms are an (n, n_labels) array and a list of (n, n_classes) arrays. `classes_of` returns the classes
    of each label; a label that is constant in training has one class.
    """
    if not isinstance(raw, list) or len(raw) != width or np.ndim(raw[0]) < 2:
        return as_probabilities(raw, n, width, sums=False)
    columns = np.zeros((n, width))
    for at, (table, classes) in enumerate(zip(raw, classes_of(), strict=True)):
        probabilities = as_probabilities(table, n, len(classes))
        positive = np.flatnonzero(np.asarray(classes) == 1)
        if len(positive):
            columns[:, at] = probabilities[:, positive[0]]
    return columns


def as_labels(raw: Any, n: int) -> npt.NDArray[Any]:
    """Return the (n,) labels that a classifier predicts; a single column may come as (n, 1)."""
    labels = np.asarray(raw)
    if isinstance(raw, np.ma.MaskedArray) and np.ma.is_masked(raw):
        given = f"{int(raw.mask.sum())} of {n} masked"
        raise InvalidPredictionsError("labels", given, "Return a label for each row")
    _check_shape(labels, (n,), (n, 1))
    return labels.reshape(n)


def class_positions(labels: npt.NDArray[Any], classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the positions of labels among the sorted classes of y; types may differ, as 1.0 for 1."""
    try:
        found = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        unknown = classes[found] != labels
    except TypeError:  # labels of another type than the classes, or missing ones, cannot be compared
        found = np.zeros(len(labels), dtype=np.intp)
        unknown = ~np.isin(labels.astype(str), classes.astype(str))
        unknown |= not unknown.any()
    if unknown.any():
        raise InvalidPredictionsError(
            f"labels among the classes of y ({format_list(classes)})",
            format_list(dict.fromkeys(map(repr, labels[unknown].tolist()))),
            "Return labels as they are in y",
        )
    return found


def _check_shape(table: npt.NDArray[Any], *shapes: tuple[int, ...]) -> None:
    """Reject tables of another shape: numpy would broadcast fewer rows or columns silently."""
    if table.shape not in shapes:
        raise InvalidPredictionsError(
            f"of shape {' or '.join(map(str, shapes))}",
            f"shape {table.shape}",
            "Return one row per row of X, and the columns that scikit-learn's method of that name has",
        )


def _check_finite(table: Floats) -> None:
    if np.logical_and.reduce(np.isfinite(table), axis=None):
        return
    wrong = ~np.isfinite(table).all(axis=1)
    kind = "NaN" if np.isnan(table).any() else "infinity"
    raise InvalidPredictionsError(
        "finite",
        f"{kind} in {int(wrong.sum())} of {len(table)} rows",
        "Look for missing or very large values in X, or for a fit that diverged",
    )


def _as_floats(raw: Any) -> Floats:
    """Return real numbers of any container as an array of floats; masked ones become NaN."""
    try:
        if type(raw) is not np.ndarray:
            raw = _as_array(raw)
        if raw.dtype.kind == "c":
            raise TypeError("complex numbers have no order")
        return np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        given = f"{type(raw).__name__} ({error})"
        raise InvalidPredictionsError("numbers", given, "Return an array") from error


def _as_array(raw: Any) -> npt.NDArray[Any]:
    if hasattr(raw, "toarray"):
        return np.asarray(raw.toarray())
    if isinstance(raw, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(raw), np.nan, raw.data.astype(np.float64))
    return np.asarray(raw)


def _are_probabilities(table: Floats, sums: bool, slack: float = 0.0) -> bool:
    """Whether all is right; NaN compares as false, and infinity makes no sum of 1."""
    if not np.minimum.reduce(table, axis=None) >= -slack:
        return False
    if not sums:
        return bool(np.maximum.reduce(table, axis=None) <= 1 + slack)
    errors = _row_sums(table)
    errors -= 1.0
    if len(errors) <= SMALL and errors.dot(errors) <= SUM_TOLERANCE**2:
        return True  # a sufficient condition, and the fastest: each fit of a run passes here twice
    return bool(np.maximum.reduce(np.abs(errors)) <= SUM_TOLERANCE)


def _row_sums(table: Floats) -> Floats:
    """Return the (n,) sums of rows; few columns are added one by one, which is many times faster."""
    width = table.shape[1]
    if table.size <= SMALL:
        return np.asarray(table.dot(ONES[:width] if width <= len(ONES) else np.ones(width)))
    if width > 4:
        return np.asarray(np.add.reduce(table, axis=1))
    total: Floats = table[:, 0].copy()
    for column in table.T[1:]:
        total += column
    return total
