"""What notebooks show of folds: a row per split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stackit.notebook import Section

if TYPE_CHECKING:
    from stackit.folds.folds import Folds

__all__ = ["fold_sections"]


def fold_sections(folds: Folds) -> list[Section]:
    """Return a table with the number of rows, and of groups, that each split trains on and holds out."""
    groups = folds.constraints.groups
    columns = ["repeat", "fold", "training rows", "held-out rows"]
    rows: list[list[Any]] = []
    for label, (train, held_out) in zip(folds.labels, folds.splits, strict=True):
        own = [] if groups is None else [len(np.unique(groups[held_out]))]
        rows.append([*label, len(train), len(held_out), *own])
    return [Section(repr(folds), columns if groups is None else [*columns, "held-out groups"], rows)]
