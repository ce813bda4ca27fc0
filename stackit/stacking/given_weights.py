"""Weights that a combiner was given, checked before anything is fitted that it is to weigh."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stackit.combine.weighted import check_weights
from stackit.stacking.final import Final, is_combiner

__all__ = ["check_given_weights"]


def check_given_weights(reader: Any, names: Iterable[str] | None = None, passed: Any = None) -> None:
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
    >>> check_given_weights(MeanRegressor([1, 2]), ["forest", "ridge", "knn"])
    Traceback (most recent call last):
        ...
    ValueError: weights must be 3 numbers of at least 0, not all 0; got weights=[1, 2]. ...
    """
    if isinstance(reader, Final):
        reader._check_weights()
    elif names is not None and is_combiner(reader):
        known = [*names] if passed is None else _known_beside([*names], passed)
        check_weights(reader, known, complete=passed is None)


def _known_beside(names: list[str], passed: Any) -> list[str]:
    """Names beside those of columns of X; beside a table without names all columns are x0, x1, ..."""
    if isinstance(passed, pd.DataFrame):
        return [*names, *(str(column).split("__")[0] for column in passed.columns)]
    n_columns = (*getattr(passed, "shape", np.shape(passed)), 0, 0)[1]
    return [f"x{at}" for at in range(len(names) + n_columns)]
