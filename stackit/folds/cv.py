"""Folds from anything that scikit-learn takes as ``cv``."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv
from sklearn.utils.metadata_routing import get_routing_for_object

from stackit.arrays import Rows, num_samples
from stackit.arrays.isolation import inspect_reader, own_tables
from stackit.folds.folds import Folds
from stackit.target import Target
from stackit.validation import invalid_value, warn

__all__ = ["as_folds", "wants_groups"]


def as_folds(cv: Any, X: Any, target: Target, groups: Any = None) -> Folds:
    """Turn anything that scikit-learn takes as ``cv`` into `Folds`, without changing it.

    Parameters
    ----------
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        An int is a number of unshuffled folds, stratified for classifiers, as in scikit-learn; with
        `groups` they are group folds. None means 5.
    X : array-like with n rows
        The table to split.
    target : Target
        The target of the run.
    groups : (n,) array-like, optional
        The group of each row, for splitters that use groups and for the warning below.

    Returns
    -------
    Folds

    Raises
    ------
    ValueError
        When the splits do not fit the table.

    Warns
    -----
    UserWarning
        When rows of one group are both trained on and held out.

    Examples
    --------
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> from stackit.target import regression_target
    >>> as_folds(TimeSeriesSplit(2), [[1], [2], [3]], regression_target([1, 2, 3]))
    Folds(TimeSeriesSplit, 3 rows, 2 folds, 1 rows never held out)
    """
    folds = _folds_from(cv, X, target, groups)
    if groups is not None:
        codes = np.unique(np.asarray(groups), return_inverse=True)[1]
        _warn_of_split_groups(folds, codes)
        return replace(folds, constraints=replace(folds.constraints, groups=codes))
    if folds.constraints.groups is not None and "group" not in folds.metadata.get("scheme", ""):
        _warn_of_split_groups(folds, folds.constraints.groups)
    return folds


def _folds_from(cv: Any, X: Any, target: Target, groups: Any) -> Folds:
    if isinstance(cv, Folds):
        return Folds(cv.n_samples, tuple(cv.split(X)), cv.metadata, cv.constraints)
    if isinstance(cv, str):
        raise invalid_value("cv", "a number of folds, a splitter, or a list of splits", f"{cv=}", "Pass cv=5")
    if groups is not None and (cv is None or isinstance(cv, int | np.integer)):
        n_splits = 5 if cv is None else int(cv)
        stratify = target.kind in ("binary", "multiclass")
        cv = StratifiedGroupKFold(n_splits) if stratify else GroupKFold(n_splits)
    stratified_y = target.codes if target.is_classification else None
    # Splitting may advance a random state that the splitter holds, so a copy splits.
    copied = copy.deepcopy(cv) if hasattr(cv, "split") else cv
    splitter = check_cv(copied, stratified_y, classifier=target.is_classification)
    used_groups = groups if wants_groups(splitter) else None
    splits = tuple(splitter.split(*own_tables(inspect_reader(splitter), X, target.codes, used_groups)))
    if not splits:
        raise ValueError("cv yields no splits. Pass list(splits): an iterator is used up after one run.")
    return Folds(num_samples(X), splits, {"scheme": type(splitter).__name__, "n_splits": len(splits)})


def wants_groups(splitter: Any) -> bool:
    """Whether a splitter uses groups, by its metadata request; splitters without requests get them."""
    if not hasattr(splitter, "get_metadata_routing"):
        return True
    return bool(get_routing_for_object(splitter).split.requests.get("groups"))


def _warn_of_split_groups(folds: Folds, codes: Rows) -> None:
    split_groups: set[int] = set()
    for train, held_out in folds.splits:
        split_groups |= set(np.intersect1d(codes[train], codes[held_out]).tolist())
    if split_groups:
        warn(
            f"{len(split_groups)} of {codes.max() + 1} groups are both trained on and held out: scores may "
            "be too good. Use folds of scheme='group', or an int as cv."
        )
