"""What must be in the order of time: the folds of both levels, and those of the hours to forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from competitions.bike_sharing.features import GAP
from stackit import Folds, OutOfFold, make_folds, out_of_fold

__all__ = ["cross_fitted_forward", "forward", "month_by_month"]


def forward(y: Any, times: pd.Series[Any], n_splits: int) -> Folds:
    """Return folds that each train on what is over twelve days before, of equal numbers of hours.

    Examples
    --------
    >>> times = pd.Series(pd.date_range("2011-01-01", periods=90))
    >>> folds = forward(times, times, n_splits=2)
    >>> [int(held_out.min() - train.max()) for train, held_out in folds.splits]
    [13, 13]
    """
    return make_folds(y, scheme="forward", n_splits=n_splits, time=times, gap=GAP)


def cross_fitted_forward(
    finals: list[tuple[str, Any]], oof: OutOfFold, y: pd.Series[float], times: pd.Series[Any]
) -> OutOfFold:
    """Cross-fit final estimators in the order of time, on the rows that the base level has covered.

    The final estimator that predicts some rows has learned from covered rows before their gap alone,
    and their meta-features were made by base estimators that had seen what was before them.

    Returns
    -------
    OutOfFold
        Of the covered rows; the first of its blocks is never held out.
    """
    covered = np.flatnonzero(oof.coverage)
    folds = forward(covered, times.iloc[covered], len(oof.folds.splits) - 1)
    return out_of_fold(finals, oof.meta_train.iloc[covered], y.iloc[covered], cv=folds, n_jobs=1)


def month_by_month(times: pd.Series[Any], is_known: np.ndarray[Any, Any]) -> Folds:
    """Return folds that hold out the unknown hours of each month, and train on all known ones before them.

    Parameters
    ----------
    times : (n,) series of dates
        When each row happened.
    is_known : (n,) array of bool
        Whether its count is known: the others are never trained on.
    """
    months = times.dt.to_period("M")
    splits = []
    for month in months[~is_known].unique():
        held_out = np.flatnonzero((months == month) & ~is_known)
        past = np.flatnonzero((times < times.iloc[held_out].min()) & is_known)
        splits.append((past, held_out))
    return Folds(len(times), tuple(splits), {"scheme": "forward"})
