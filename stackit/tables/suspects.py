"""Columns that alone predict the target nearly perfectly: it may be there under another name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit.arrays import Floats, Labels

__all__ = ["suspect_columns"]

MIN_SHARE = 0.99  # of the error of the prior that a column must remove
MIN_ROWS, MOST_ROWS = 30, 3000
FEW_ROWS, MIN_SHARE_OF_FEW = 300, 0.7  # what few rows rule out needs no more of them
FOLDS = KFold(3, shuffle=True, random_state=0)


def suspect_columns(frame: pd.DataFrame, y: Any, is_classification: bool) -> dict[str, float]:
    """Return the columns of a typed frame that alone predict the target nearly perfectly.

    A tree that sees one column predicts rows that were held out. A column is suspected where that removes
    99 % of the errors that the most frequent class makes, or of the variance of the target's ranks: it is
    likely to be made from the target, or known only with it.

    Parameters
    ----------
    frame : (n_samples, n_columns) pandas.DataFrame
        A typed frame; of many rows, 3000 are used.
    y : (n_samples,) array-like
        The target, of classes or numbers.
    is_classification : bool
        Whether y holds classes.

    Returns
    -------
    dict of str to float
        The share of the errors that is removed, per suspected column; empty below 30 rows.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": np.arange(60.0) % 7, "deceased": np.arange(60.0) % 2})
    >>> suspect_columns(frame, ["dead" if at % 2 else "alive" for at in range(60)], is_classification=True)
    {'deceased': 1.0}
    """
    rows = _sample(len(frame))
    truth = np.asarray(y)[rows]
    target = np.unique(truth, return_inverse=True)[1] if is_classification else _ranks(truth)
    if len(rows) < MIN_ROWS or not _error_of_prior(target, is_classification):
        return {}
    found = {}
    for name in frame:
        numbers = _numbers(frame[name].iloc[rows])
        few = _share_removed(numbers[:FEW_ROWS], target[:FEW_ROWS], is_classification)
        if few >= MIN_SHARE_OF_FEW:
            found[str(name)] = _share_removed(numbers, target, is_classification)
    return {name: share for name, share in found.items() if share >= MIN_SHARE}


def _sample(n: int) -> npt.NDArray[np.intp]:
    return np.random.default_rng(0).permutation(n)[:MOST_ROWS]


def _ranks(numbers: npt.NDArray[Any]) -> Floats:
    """Return numbers as ranks, of which a few extreme ones are no large part of the variance."""
    return np.asarray(pd.Series(numbers.astype(np.float64)).rank(), dtype=np.float64)


def _numbers(column: pd.Series[Any]) -> Floats:
    """Return a column as one number per row: dates as days, levels and texts as codes."""
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return np.asarray((column - pd.Timestamp(2000, 1, 1)) / pd.Timedelta(days=1), dtype=np.float64)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64)
    return pd.factorize(column)[0].astype(np.float64)


def _share_removed(numbers: Floats, target: Labels, is_classification: bool) -> float:
    tree = (
        DecisionTreeClassifier(random_state=0) if is_classification else DecisionTreeRegressor(random_state=0)
    )
    table, predicted = numbers[:, None].astype(np.float32), np.empty_like(target)
    for train, held_out in FOLDS.split(table):
        predicted[held_out] = tree.fit(table[train], target[train]).predict(table[held_out])
    of_prior = _error_of_prior(target, is_classification)
    return 1 - _error(predicted, target, is_classification) / of_prior if of_prior else 1.0


def _error_of_prior(target: Labels, is_classification: bool) -> float:
    prior = np.bincount(target).argmax() if is_classification else target.mean()
    return _error(np.full_like(target, prior), target, is_classification)


def _error(predicted: Labels, target: Labels, is_classification: bool) -> float:
    difference = (predicted != target) if is_classification else (predicted - target) ** 2
    return float(np.mean(difference))
