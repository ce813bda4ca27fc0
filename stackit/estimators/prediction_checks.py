"""Checks of predictions where they arrive: their rows and columns, finite numbers, probabilities, labels."""

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
    "as_floats",
    "as_label_probabilities",
    "as_labels",
    "as_numbers",
    "as_probabilities",
    "check_finite",
    "check_shape",
    "class_positions",
]

Shape = tuple[int, ...]
# How far from 1 a row of probabilities may add up to, and how far outside [0, 1] rounding may put one.
SUM_TOLERANCE = 1e-3
RANGE_TOLERANCE = 1e-5  # sums of many float32, such as the mean of a forest, are off by more than 1e-6
ONES = np.ones(64)
FEW = 8192  # numbers whose sums of products are quicker than reductions, and start no threads
ALL_ROWS = (-1, -1)


class InvalidPredictionsError(Exception):
    """Predictions that cannot be used; `named` says whose they are.

    Parameters
    ----------
    expected, given, advice : str
        What predictions must be, what they are, and what to do.
    what : str, optional
        What is wrong, where it is not the return value of the method.
    """

    def __init__(self, expected: str, given: str, advice: str, what: str = "") -> None:
        super().__init__(expected, given, advice, what)

    def named(self, method: str, name: str, place: tuple[int, int] | None) -> ValueError:
        """Return the error for the user, which names the estimator, its fold and the method.

        Examples
        --------
        >>> refused = InvalidPredictionsError("finite numbers", "NaN in 1 of 5 rows", "Fill them")
        >>> print(refused.named("predict", "tree", (0, 2)))
        Predictions (predict) of estimator 'tree' (repeat 0 fold 2) must be finite numbers; got ...
        """
        expected, given, advice, what = self.args
        where = "" if place is None else " (repeat {} fold {})".format(*place)
        if place == ALL_ROWS:
            where = " (fitted on all rows)"
        what = what or f"Predictions ({method})"
        return invalid_value(f"{what} of estimator {name!r}{where}", expected, given, advice)


def check_shape(table: npt.NDArray[Any], *shapes: Shape) -> None:
    """Refuse a table of any other shape: fewer rows or columns would be repeated without a word.

    Examples
    --------
    >>> check_shape(np.ones((1, 2)), (5, 2))
    Traceback (most recent call last):
        ...
    stackit.estimators.prediction_checks.InvalidPredictionsError: ('of shape (5, 2)', 'shape (1, 2)', ...)
    """
    if table.shape not in shapes:
        raise InvalidPredictionsError(
            f"of shape {' or '.join(map(str, shapes))}",
            f"shape {table.shape}",
            "Return one row per row of X, and the columns that scikit-learn's method of that name has",
        )


def as_numbers(raw: Any, n: int, width: int) -> Floats:
    """Return finite numbers as an (n, width) table; a single column may come as (n,).

    Examples
    --------
    >>> as_numbers([1, 2], 2, width=1).tolist()
    [[1.0], [2.0]]
    """
    table = as_floats(raw)
    if width == 1 and table.ndim == 1:
        check_shape(table, (n,))
        table = table.reshape(n, 1)
    elif table.shape != (n, width):
        check_shape(table, *([(n,)] if width == 1 else []), (n, width))
    check_finite(table)
    return table


def as_probabilities(raw: Any, n: int, width: int, sums: bool = True) -> Floats:
    """Return (n, width) probabilities; rounding errors outside [0, 1] are cut off.

    Parameters
    ----------
    raw : array-like
        What `predict_proba` has returned.
    n, width : int
        The number of rows, and of classes that the estimator knows.
    sums : bool
        Whether rows must add up to 1; those of several labels do not.

    Examples
    --------
    >>> as_probabilities([[20, 80]], 1, width=2)
    Traceback (most recent call last):
        ...
    stackit.estimators.prediction_checks.InvalidPredictionsError: ('probabilities, from 0 to 1 ...',...
    """
    table = as_floats(raw)
    if table.shape != (n, width):
        check_shape(table, (n, width))
    if not n or _are_probabilities(table, sums):
        return table
    check_finite(table)
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
    """Return the (n, n_labels) probabilities of the label 1, for targets of several labels.

    Parameters
    ----------
    raw : (n, n_labels) array, or list of (n, n_classes) arrays
        What `predict_proba` has returned; both forms are scikit-learn's.
    n, width : int
        The number of rows and of labels.
    classes_of : callable
        Returns the classes of each label, in the order of its columns; of one that is always 1 there is one.

    Examples
    --------
    >>> both = [[[0.75, 0.25]], [[1.0]]]
    >>> as_label_probabilities([np.array(one) for one in both], 1, 2, lambda: [[0, 1], [0]]).tolist()
    [[0.25, 0.0]]
    """
    if not isinstance(raw, list) or len(raw) != width or np.ndim(raw[0]) < 2:
        return as_probabilities(raw, n, width, sums=False)
    columns = np.zeros((n, width))
    for at, (table, classes) in enumerate(zip(raw, classes_of(), strict=True)):
        chances = as_probabilities(table, n, len(classes))
        positive = np.flatnonzero(np.asarray(classes) == 1)
        if len(positive):
            columns[:, at] = chances[:, positive[0]]
    return columns


def as_labels(raw: Any, n: int) -> npt.NDArray[Any]:
    """Return the (n,) labels that a classifier predicts; a single column may come as (n, 1).

    Examples
    --------
    >>> as_labels([["no"], ["yes"]], 2).tolist()
    ['no', 'yes']
    """
    labels = np.asarray(raw)
    if isinstance(raw, np.ma.MaskedArray) and np.ma.is_masked(raw):
        raise InvalidPredictionsError(
            "labels", f"{int(raw.mask.sum())} of {n} masked", "Return a label for each row"
        )
    if labels.shape != (n,):
        check_shape(labels, (n,), (n, 1))
    return labels.reshape(n)


def class_positions(labels: npt.NDArray[Any], classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return where labels stand among the sorted classes of y.

    Parameters
    ----------
    labels : (n,) array
        Of any type that equals that of the classes, such as 1.0 for 1.
    classes : (n_classes,) array
        Sorted.

    Raises
    ------
    InvalidPredictionsError
        When one is none of the classes, or missing.

    Examples
    --------
    >>> class_positions(np.array([2.0, 1.0]), np.array([1, 2])).tolist()
    [1, 0]
    """
    try:
        found = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        strange = classes[found] != labels
    except TypeError:  # labels of another type than the classes, or missing ones, cannot be compared
        found, strange = (
            np.zeros(len(labels), dtype=np.intp),
            ~np.isin(labels.astype(str), classes.astype(str)),
        )
        strange |= not strange.any()
    if strange.any():
        raise InvalidPredictionsError(
            f"labels among the classes of y ({format_list(classes)})",
            format_list(dict.fromkeys(map(repr, labels[strange].tolist()))),
            "Return labels as they are in y",
        )
    return found


def check_finite(table: Floats) -> None:
    """Refuse NaN and infinity."""
    if np.logical_and.reduce(np.isfinite(table), axis=None):
        return
    wrong = ~np.isfinite(table).all(axis=1) if table.ndim > 1 else ~np.isfinite(table)
    kind = "NaN" if np.isnan(table).any() else "infinity"
    raise InvalidPredictionsError(
        "finite",
        f"{kind} in {int(wrong.sum())} of {len(table)} rows",
        "Look for missing or very large values in X, or for a fit that diverged",
    )


def as_floats(raw: Any) -> Floats:
    """Return whatever holds real numbers as an array of floats; masked ones are missing."""
    try:
        if type(raw) is not np.ndarray:
            raw = _as_array(raw)
        if raw.dtype.kind == "c":
            raise TypeError("complex numbers have no order")
        return np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidPredictionsError(
            "numbers", f"{type(raw).__name__} ({error})", "Return an array"
        ) from error


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
    if len(errors) <= FEW and errors.dot(errors) <= SUM_TOLERANCE**2:
        return True  # a sufficient condition, and the quickest: each fit of a run passes here twice
    return bool(np.maximum.reduce(np.abs(errors)) <= SUM_TOLERANCE)


def _row_sums(table: Floats) -> Floats:
    """Return the (n,) sums of rows; of few columns by adding them, which is many times faster."""
    width = table.shape[1]
    if table.size <= FEW:
        return np.asarray(table.dot(ONES[:width] if width <= len(ONES) else np.ones(width)))
    if width > 4:
        return np.asarray(np.add.reduce(table, axis=1))
    total: Floats = table[:, 0].copy()
    for column in table.T[1:]:
        total += column
    return total
