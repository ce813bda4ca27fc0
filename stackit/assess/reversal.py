"""Levels that learned to invert the level below: seeing a row's label makes their prediction of it worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats, safe_index
from stackit.arrays.frames import index_of
from stackit.assess.calibration import calibrate_on_other_folds
from stackit.ensemble.fitted import AnyFitted, NestedLevel
from stackit.ensemble.levels import Levels
from stackit.ensemble.passthrough import level_features
from stackit.results.oof import OutOfFold

__all__ = ["gains_from_seen_rows"]


def gains_from_seen_rows(levels: Levels, X: Any) -> dict[str, Floats] | None:
    """Return how much better each covered row is predicted once the level below has been trained on it.

    The estimator h of a fold predicts a held-out row from the level below, of which the estimators of the
    same fold have not seen the row either. Here h predicts the row again from the level below as the
    estimators of the other folds see it, which were trained on the row. Their predictions are closer to the
    label, so that an honest h becomes better, or at least no worse. One that has learned to invert them
    becomes worse: it learns that where labels of held-out rows reach it through the columns of other rows, of
    which the fold estimators were right on exactly these rows.

    The gain, per estimator of the last level, is in probability of the right class, or in squared error;
    it is negative where an estimator inverts. None is returned where the last level has none below, is
    nested, or has other folds than the level below.
    """
    top = levels.top_
    if isinstance(top, NestedLevel) or top.below is None or not _have_same_folds(top.oof, top.below.oof):
        return None
    below = [_meta_of_fold(top.below, at, X) for at in range(len(top.oof.folds.splits))]
    if any(meta is None for meta in below):
        return None
    tables = [level_features(top.passthrough, meta, X, top.named) for meta in below if meta is not None]
    return {name: _gains(top.oof, name, tables) for name in top.oof}


def _have_same_folds(upper: OutOfFold, lower: OutOfFold) -> bool:
    pairs = list(zip(upper.folds.splits, lower.folds.splits, strict=False))
    return len(upper.folds.splits) == len(lower.folds.splits) > 1 and all(
        np.array_equal(one, other) for (_, one), (_, other) in pairs
    )


def _meta_of_fold(level: AnyFitted, at: int, X: Any) -> pd.DataFrame | None:
    """Return the predictions of all rows by the estimators of one fold, on those of the fold below them."""
    oof = level.oof
    if isinstance(level, NestedLevel):
        table = level.parts[at].fold_tables(X)[0]
    elif level.below is None:
        table = level.fold_tables(X)[at]
    else:
        meta = _meta_of_fold(level.below, at, X) if _have_same_folds(oof, level.below.oof) else None
        if meta is None:
            return None
        table = level_features(level.passthrough, meta, X, level.named)
    predictions = {
        name: result.spec.predict_readonly(result.fold_estimators[at], table) for name, result in oof.items()
    }
    return oof.to_frame(predictions, index_of(X))


def _gains(oof: OutOfFold, name: str, tables: list[Any]) -> Floats:
    """Return per covered row the loss of its held-out prediction less the loss once it was seen."""
    result, labels = oof[name], oof.folds.labels
    total = np.zeros(oof.folds.n_samples)
    for at, (_, rows) in enumerate(oof.folds.splits):
        own = _losses(oof, name, at, result.held_out[at])
        of_repeat = [other for other, label in enumerate(labels) if other != at and label[0] == labels[at][0]]
        seen = []
        for other in of_repeat:
            part = safe_index(tables[other], rows)
            predictions = result.spec.predict_readonly(result.fold_estimators[at], part)
            seen.append(_losses(oof, name, at, predictions))
        total[rows] += own - np.mean(seen, axis=0)
    covered = np.flatnonzero(oof.coverage)
    return np.asarray(total[covered] / oof.coverage[covered])


def _losses(oof: OutOfFold, name: str, at: int, predictions: Floats) -> Floats:
    """Return losses that no single row dominates: 1 - probability of the class, or the squared error."""
    kind, codes = oof[name].spec.kind, oof.target.codes[oof.folds.splits[at][1]]
    if kind in ("probability", "label"):
        return np.asarray(1 - predictions[np.arange(len(codes)), codes])
    if kind == "number" and not oof.target.is_classification:
        return np.asarray(((predictions - codes.reshape(predictions.shape)) ** 2).sum(axis=1))
    return calibrate_on_other_folds(oof, name, at).losses(predictions, codes.reshape(len(codes), -1))
