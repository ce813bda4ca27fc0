"""Weights that a combiner was given, checked before anything is fitted that it is to weigh."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from stackit.combine.weighted import check_weights
from stackit.ensemble.final import FinalEstimatorMixin, is_combiner
from stackit.validation import format_list, invalid_value, warn

__all__ = ["reweighed", "validate_weights"]


def validate_weights(reader: Any, names: Iterable[str] | None = None, passed: Any = None) -> None:
    """Raise where an estimator is to weigh others that are not there, or has too few weights for them.

    Parameters
    ----------
    reader : estimator
        Not fitted: a combiner, an ensemble with a combiner of its own, or any other, which is passed over.
    names : iterable of str, optional
        The estimators whose predictions it will see; None where they cannot be told, and then only what is
        inside an ensemble is checked.
    passed : (n, n_columns) table, optional
        What it will see of X beside them.

    Raises
    ------
    ValueError
        When a name is unknown; without `passed` also when there is not one weight an estimator.

    Examples
    --------
    >>> from stackit.combine import MeanRegressor
    >>> validate_weights(MeanRegressor([1, 2]), ["forest", "ridge", "knn"])
    Traceback (most recent call last):
        ...
    ValueError: weights must be 3 numbers of at least 0, not all 0; got weights=[1, 2]. ...
    """
    if isinstance(reader, FinalEstimatorMixin):
        reader._check_weights()
    elif names is not None and is_combiner(reader):
        known = [*names] if passed is None else _known_beside([*names], passed)
        check_weights(reader, known, complete=passed is None)


def reweighed(reader: Any, names: Sequence[str], left: Container[str]) -> Any:
    """Return an estimator with the given weights of those others that have not failed.

    Parameters
    ----------
    reader : estimator
        Not fitted, and not changed: a combiner with given weights, a calibration of one, or any other.
    names : list of str
        The estimators that it was to see, in order.
    left : container of str
        Those that it will see.

    Returns
    -------
    estimator
        Itself, where it was given no weights or nobody has failed.

    Raises
    ------
    ValueError
        When none of those that are left was given a weight above 0.

    Warns
    -----
    UserWarning
        When one that has failed was given a weight: the others share it.

    Examples
    --------
    >>> from stackit.combine import MeanRegressor
    >>> reweighed(MeanRegressor([2, 0, 1]), ["forest", "ridge", "knn"], {"forest", "knn"})
    MeanRegressor(weights=[2, 1])
    """
    lost = [name for name in names if name not in left]
    path, weights = _weights_of(reader)
    if not lost or weights is None:
        return reader
    if isinstance(weights, Mapping):
        rest: Any = {name: weight for name, weight in weights.items() if name not in lost}
        taken, kept = [name for name in lost if weights.get(name)], [*rest.values()]
    else:
        pairs = [*zip_longest(names, weights)]
        rest = kept = [weight for name, weight in pairs if name not in lost]
        taken = [name for name, weight in pairs if name in lost and weight]
    if not any(kept):
        raise invalid_value(
            "weights",
            "above 0 for an estimator that has not failed",
            f"weights={weights!r}, and {format_list(taken)} failed",
            "Mend these, or give others a weight",
        )
    if taken:
        warn(
            f"The given weights of {format_list(taken)}, which failed, go to the other estimators in "
            "proportion."
        )
    return clone(reader).set_params(**{path: rest})


def _weights_of(reader: Any) -> tuple[str, Any]:
    """Return which parameter holds the given weights of a combiner, and these; None without any."""
    path, inner = "weights", reader
    while getattr(inner, "combiner", None) is not None:
        path, inner = f"combiner__{path}", inner.combiner
    return path, getattr(inner, "weights", None) if is_combiner(inner) else None


def _known_beside(names: list[str], passed: Any) -> list[str]:
    """Names beside those of columns of X; beside a table without names all columns are x0, x1, ..."""
    if isinstance(passed, pd.DataFrame):
        return [*names, *(str(column).split("__")[0] for column in passed.columns)]
    n_columns = (*getattr(passed, "shape", np.shape(passed)), 0, 0)[1]
    return [f"x{at}" for at in range(len(names) + n_columns)]
