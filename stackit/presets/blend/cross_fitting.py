"""Cross-fitting on the folds of the members: each fold is predicted by what the other folds say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.estimators.sample_weight import check_sample_weight, rescale_weights
from stackit.folds import Folds
from stackit.presets.blend.meta_table import MetaTable, predict_with

__all__ = ["MOST_ROWS", "cross_fit", "held_out_rows", "row_weights"]

MOST_ROWS = 10_000  # that a combiner of one fold learns its few weights from


def cross_fit(fit: Callable[[Rows], Any], table: MetaTable, folds: Folds) -> Floats:
    """Return the (n, width) predictions of each fold by what is fitted on the rows it trains on, else NaN.

    The first repeat is used, and of its training rows those that have out-of-fold predictions: with folds in
    time these are earlier rows. Of very many a random sample is enough; all rows held out are predicted.
    """
    blocks, is_covered = table.blocks, np.zeros(len(table.blocks), dtype=bool)
    is_covered[table.covered] = True
    found = np.full((len(blocks), blocks.shape[2]), np.nan)
    for (repeat, _), (train, held_out) in zip(folds.labels, folds.splits, strict=True):
        known, new = train[is_covered[train]], held_out[is_covered[held_out]]
        if repeat == 0 and len(known) and len(new):
            found[new] = predict_with(fit(_sample(known)), table, new)
    return found


def held_out_rows(folds: Folds, covered: Rows) -> tuple[Rows, ...]:
    """Return the covered rows that each fold of the first repeat holds out."""
    pairs = zip(folds.labels, folds.splits, strict=True)
    return tuple(held_out[np.isin(held_out, covered)] for (repeat, _), (_, held_out) in pairs if repeat == 0)


def row_weights(sample_weight: Any, n: int) -> Floats:
    """Return the weights of the rows without their unit; 1 each where there are none."""
    checked = check_sample_weight(sample_weight, n)
    return np.ones(n) if checked is None else rescale_weights(checked)


def _sample(rows: Rows) -> Rows:
    if len(rows) <= MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
