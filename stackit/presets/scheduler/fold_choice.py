"""The folds of a preset: their number by rows, stratified, and whole groups where there are groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackit.engine.training_data import TrainingData
from stackit.folds import Folds, make_folds
from stackit.target import Target

__all__ = ["choose_folds", "has_repeats", "n_splits_for"]

# Fewer folds are as good where there are many rows, and cost less.
N_SPLITS = ((1_000, 10), (3_000, 8), (30_000, 5))
FEWEST = 4


def n_splits_for(n_rows: int) -> int:
    """Return the number of folds for a table of so many rows."""
    return next((n_splits for below, n_splits in N_SPLITS if n_rows < below), FEWEST)


def has_repeats(cv: Any) -> bool:
    """Whether the rows can be dealt into other folds as well: not where the folds are given."""
    return cv is None or isinstance(cv, int | np.integer)


def choose_folds(data: TrainingData, cv: Any, random_state: int, repeat: int = 0) -> Folds:
    """Return the folds that `cv` stands for, a number by rows where it is None; other folds per repeat."""
    if not has_repeats(cv):
        return data.resolve_folds(cv)
    y, n = data.target.y, len(data.target.y)
    wanted = min(n_splits_for(n) if cv is None else int(cv), n)
    seed = random_state + repeat
    if data.groups is not None:
        n_groups = len(np.unique(np.asarray(data.groups)))
        if n_groups == 1:
            raise ValueError(
                "groups must have at least two distinct values; all rows have the same. Leave groups out."
            )
        scheme = "stratified-group" if data.target.is_classification else "group"
        splits = make_folds(
            y, scheme=scheme, n_splits=min(wanted, n_groups), groups=data.groups, random_state=seed
        )
    elif data.target.is_classification:
        splits = _stratified(data.target, wanted, seed)
    else:
        splits = make_folds(y, scheme="binned", n_splits=wanted, random_state=seed)
    return data.resolve_folds(splits)


def _stratified(target: Target, wanted: int, random_state: int) -> Folds:
    """Return folds that keep the shares of the classes, as few as the largest class has rows.

    Classes with fewer rows than folds are one stratum; where it is still too small, rows in the order of
    their classes are dealt in turn.
    """
    codes = np.asarray(target.codes, dtype=np.intp)
    counts = np.bincount(codes)
    n_splits = min(wanted, max(2, int(counts.max())))
    is_rare = (counts < n_splits)[codes]
    if 0 < is_rare.sum() < n_splits:
        return make_folds(codes, scheme="binned", n_splits=n_splits, random_state=random_state)
    strata = np.where(is_rare, len(counts), codes)
    return make_folds(strata, n_splits=n_splits, random_state=random_state)
