"""Levels that turn predictions round: whether predictions that know a row's label make it worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats, safe_index
from stackit.arrays.frames import index_of
from stackit.assess.calibration import calibrated_for
from stackit.ensemble.fitted import AnyFitted, NestedLevel
from stackit.ensemble.levels import Levels
from stackit.ensemble.passthrough import level_features
from stackit.estimators.prediction import PredictionSpec
from stackit.results.oof import OutOfFold

__all__ = ["turned_round"]


def turned_round(levels: Levels, X: Any) -> dict[str, Floats] | None:
    """Return what held-out rows gain once the level below has seen them, for each estimator of the last.

    The estimator h of a fold predicts a row held out from the level below, whose estimators of the same fold
    have not seen the row either. Let it predict the row from the level below as the estimators of the other
    folds see it, which were trained on the row. What they say is closer to the label, so that an honest h
    becomes better, or at least no worse. One that has learned to turn them round becomes worse: that is what
    it learns where labels of held-out rows reach it by the columns of the others, whose fold estimators were
    right on just these rows.

    Parameters
    ----------
    levels : Levels
        Fitted, the last level not nested.
    X : table with n rows
        The training table.

    Returns
    -------
    dict of str to (n_covered,) array, or None
        How much better each row is predicted where it was seen, in probability of the right class, or in
        squared error; negative where an estimator turns round. None where the last level has none below, is
        nested, or has other folds than the level below.
    """
    top = levels.top_
    if isinstance(top, NestedLevel) or top.below is None or not _same_folds(top.oof, top.below.oof):
        return None
    n_splits = len(top.oof.folds.splits)
    below = [_of_fold(top.below, at, X) for at in range(n_splits)]
    if any(frame is None for frame in below):
        return None
    tables = [level_features(top.passthrough, frame, X, top.named) for frame in below if frame is not None]
    return {name: _gained(top.oof, name, tables) for name in top.oof}


def _same_folds(upper: OutOfFold, lower: OutOfFold) -> bool:
    pairs = list(zip(upper.folds.splits, lower.folds.splits, strict=False))
    return len(upper.folds.splits) == len(lower.folds.splits) > 1 and all(
        np.array_equal(one, other) for (_, one), (_, other) in pairs
    )


def _of_fold(level: AnyFitted, at: int, X: Any) -> pd.DataFrame | None:
    """Return what the estimators of one fold predict of all rows, and those of the fold below them."""
    oof = level.oof
    if isinstance(level, NestedLevel):
        table = level.parts[at].fold_tables(X)[0]
    elif level.below is None:
        table = level.fold_tables(X)[at]
    else:
        frame = _of_fold(level.below, at, X) if _same_folds(oof, level.below.oof) else None
        if frame is None:
            return None
        table = level_features(level.passthrough, frame, X, level.named)
    answers = {
        name: result.spec.predict_readonly(result.fold_estimators[at], table) for name, result in oof.items()
    }
    return oof.to_frame(answers, index_of(X))


def _gained(oof: OutOfFold, name: str, tables: list[Any]) -> Floats:
    """Return for each covered row the loss of its held-out prediction less that once it was seen."""
    response, estimators = oof[name].spec, oof[name].fold_estimators
    total = np.zeros(oof.folds.n_samples)
    for at, (_, rows) in enumerate(oof.folds.splits):
        own = _losses(oof, name, at, oof[name].held_out[at])
        others = [table for other, table in enumerate(tables) if other != at]
        repeat = oof.folds.labels[at][0]
        same = [label[0] == repeat for other, label in enumerate(oof.folds.labels) if other != at]
        seen = [
            _losses(oof, name, at, response.predict_readonly(estimators[at], safe_index(table, rows)))
            for table, wanted in zip(others, same, strict=True)
            if wanted
        ]
        total[rows] += own - np.mean(seen, axis=0)
    covered = np.flatnonzero(oof.coverage)
    return np.asarray(total[covered] / oof.coverage[covered])


def _losses(oof: OutOfFold, name: str, at: int, answer: Floats) -> Floats:
    """Return losses that no row dominates: what the right class lacks, or the squared error."""
    response: PredictionSpec = oof[name].spec
    codes = oof.target.codes[oof.folds.splits[at][1]]
    if response.kind in ("probability", "label"):
        return np.asarray(1 - answer[np.arange(len(codes)), codes])
    if response.kind == "number" and not oof.target.is_classification:
        return np.asarray(((answer - codes.reshape(answer.shape)) ** 2).sum(axis=1))
    return calibrated_for(oof, name, at)(answer, codes.reshape(len(codes), -1))
