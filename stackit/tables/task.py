"""The kind of task, detected from the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.tables.labels import word_of
from stackit.tables.numbers import as_floats, has_numbers, numbers_of_words
from stackit.tables.scoring import SCORING, TaskKind
from stackit.validation import format_list

__all__ = ["Task", "detect_task"]

MOST_CLASSES = 20  # distinct whole numbers that may be classes
ROWS_PER_CLASS = 5  # on average, from which whole numbers may be classes
ALL_DIFFERENT = 0.5  # the share of distinct labels from which they are no classes


@dataclass(frozen=True)
class Task:
    """What is predicted, and how it was recognised.

    Parameters
    ----------
    kind : {"binary", "multiclass", "regression"}
        The kind of task.
    n_classes : int
        The number of classes; 0 for regression.
    scoring : str
        The name of scikit-learn's scorer by which such tasks are usually judged.
    sentence : str
        What was detected, and why.
    """

    kind: TaskKind
    n_classes: int
    scoring: str
    sentence: str

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.kind != "regression"


@dataclass(frozen=True, eq=False)
class _Values:
    """The distinct values of a target, with their counts; `numbers` is None where some are words.

    `target` is what errors and sentences call it.
    """

    target: str
    n_rows: int
    names: list[str]
    counts: npt.NDArray[np.intp]
    numbers: Floats | None
    are_strings: bool


def detect_task(
    y: Any, n_rows: int | None = None, expected: Literal["classification", "regression"] | None = None
) -> Task:
    """Detect from a target whether classes or numbers are predicted.

    Words and booleans are classes, and so are two distinct values of any type. Numbers, and strings that are
    numbers, are a regression unless they are whole, 20 distinct ones at most, close to each other, and at
    least five rows each on average.

    Parameters
    ----------
    y : (n_samples,) array-like
        The target.
    n_rows : int, optional
        The number of rows of the table, which y must have.
    expected : {"classification", "regression"}, optional
        What the caller is going to do with y.

    Returns
    -------
    Task
        With the sentence that says what was detected.

    Raises
    ------
    ValueError
        When y has missing or infinite values, one distinct value, words that are nearly all different,
        another number of rows than the table, or is not what is expected of it.

    Examples
    --------
    >>> detect_task(["no", "yes", "no", "yes"]).sentence
    "y has two classes, 'no' and 'yes': a classification of two classes, scored by roc_auc."
    >>> detect_task(pd.Series([1.5, 2.5, 4.0], name="price")).sentence
    "'price' has 3 distinct numbers: a regression, scored by neg_root_mean_squared_error."
    """
    values = _values_of(y, n_rows)
    kind, reason = _kind_and_reason(values, expected)
    n_classes = 0 if kind == "regression" else len(values.names)
    what = {
        "binary": "a classification of two classes",
        "multiclass": f"a classification of {n_classes} classes",
        "regression": "a regression",
    }[kind]
    sentence = f"{values.target} has {reason}: {what}, scored by {SCORING[kind]}.{_about_rare(kind, values)}"
    return Task(kind, n_classes, SCORING[kind], sentence)


def _values_of(y: Any, n_rows: int | None) -> _Values:
    column = _as_series(y)
    target = _name_of(column)
    _check_rows(column, n_rows)
    codes, distinct = pd.factorize(column)
    n_missing = int((codes < 0).sum())
    if n_missing:
        raise ValueError(
            f"{target} must have no missing values; {n_missing} of its {len(column)} values are missing. "
            "Leave these rows out."
        )
    values = [*distinct]
    _check_is_real(column)
    is_numeric = has_numbers(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    words = np.array([word_of(value) or "" for value in values], dtype=object)
    numbers = as_floats(pd.Series(distinct)) if is_numeric else numbers_of_words(words, "")
    if np.isinf(numbers).any():
        raise ValueError(
            f"{target} must be finite; it has infinite values. Leave these rows out, or correct them."
        )
    if len(values) == 1:
        raise ValueError(
            f"{target} must have at least two distinct values; it has one, {values[0]!r}. Check the target "
            "column."
        )
    names = [name if is_numeric else repr(value) for name, value in zip(words, values, strict=True)]
    known = None if np.isnan(numbers).any() else numbers
    return _Values(target, len(column), names, np.bincount(codes), known, not is_numeric)


def _as_series(y: Any) -> pd.Series[Any]:
    """Return a target of any container as one column."""
    if y is None:
        raise ValueError("y must be a target; got None. Pass fit(X, y).")
    if hasattr(y, "to_pandas") and not isinstance(y, pd.Series | pd.DataFrame):
        y = y.to_pandas()
    values: npt.NDArray[Any] | pd.Series[Any] = y if isinstance(y, pd.Series) else np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"y must be one column; got shape={values.shape}. Pass one target at a time.")
    return pd.Series(values)


def _name_of(column: pd.Series[Any]) -> str:
    """Return what a reader calls a target: the name of its column, or y."""
    return repr(column.name) if isinstance(column.name, str) and column.name else "y"


def _check_is_real(column: pd.Series[Any]) -> None:
    for what, is_it, advice in (
        ("complex numbers", pd.api.types.is_complex_dtype, "Pass their real part"),
        ("durations", pd.api.types.is_timedelta64_dtype, "Pass y.dt.total_seconds()"),
    ):
        if is_it(column.dtype):
            raise ValueError(f"{_name_of(column)} must be labels or real numbers; it has {what}. {advice}.")


def _check_rows(column: pd.Series[Any], n_rows: int | None) -> None:
    target = _name_of(column)
    if n_rows is not None and len(column) != n_rows:
        raise ValueError(
            f"{target} must have one value per row of X, {n_rows}; it has {len(column)}. Pass both of the "
            "same rows."
        )
    if len(column) < 2:
        raise ValueError(
            f"{target} must have at least two rows; it has {len(column)}. Pass the rows to learn from."
        )


def _kind_and_reason(values: _Values, expected: str | None) -> tuple[TaskKind, str]:
    if expected == "regression":
        return _expected_numbers(values)
    n, numbers = len(values.names), values.numbers
    strings = "strings that are " if values.are_strings and numbers is not None else ""
    if expected is None and numbers is not None and n > 2 and not _may_be_classes(numbers, values.n_rows):
        return "regression", f"{n} distinct {strings}numbers"
    _check_are_classes(values)
    order = np.argsort(values.names if numbers is None else numbers, kind="stable")
    first, last = values.names[order[0]], values.names[order[-1]]
    if n == 2:
        return "binary", f"two classes, {first} and {last}"
    if numbers is None:
        return "multiclass", f"{n} distinct labels"
    return "multiclass", f"{n} distinct {strings}whole numbers from {first} to {last}"


def _expected_numbers(values: _Values) -> tuple[TaskKind, str]:
    if values.numbers is None:
        raise ValueError(
            f"{values.target} must be numbers for a regression; it has values such as {values.names[0]}. Use "
            "the classifier for labels."
        )
    return "regression", f"{len(values.names)} distinct numbers"


def _may_be_classes(numbers: Floats, n_rows: int) -> bool:
    n = len(numbers)
    is_dense = float(np.ptp(numbers)) < 2 * n
    return _is_whole(numbers) and is_dense and n <= MOST_CLASSES and n * ROWS_PER_CLASS <= n_rows


def _is_whole(numbers: Floats) -> bool:
    return bool((numbers == np.rint(numbers)).all())


def _check_are_classes(values: _Values) -> None:
    """Refuse words that are nearly all different, and numbers that are no labels."""
    n, numbers = len(values.names), values.numbers
    repeat = n <= max(2, ALL_DIFFERENT * values.n_rows)
    if n == 2:
        _check_both_repeat(values)
    if n == 2 or (repeat and (numbers is None or _is_whole(numbers))):
        return
    what = "labels" if numbers is None else "numbers"
    advice = "Check the target column" if numbers is None else "Use the regressor for numbers"
    raise ValueError(
        f"{values.target} must be labels of classes that repeat; it has {n} distinct {what} in "
        f"{values.n_rows} rows. {advice}."
    )


def _check_both_repeat(values: _Values) -> None:
    """Refuse one class of two that has one row: held out, it leaves one class to learn."""
    if values.counts.min() == 1:
        raise ValueError(
            f"{values.target} must have at least two rows of each of its two classes; of "
            f"{values.names[int(values.counts.argmin())]} it has one. Pass more rows of it."
        )


def _about_rare(kind: TaskKind, values: _Values) -> str:
    """Return a sentence on classes of one row, which no fold can both learn and predict."""
    single = [name for name, count in zip(values.names, values.counts, strict=True) if count == 1]
    if kind == "regression" or not single:
        return ""
    return (
        f" Classes of one row, {format_list(single)}, are never predicted where they are held out: pass more "
        "rows of them, or none."
    )
