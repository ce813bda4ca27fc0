"""Fitted levels: new rows pass through them from the first to the last."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats
from stackit.arrays.frames import index_of
from stackit.ensemble.passthrough import Passthrough, level_features, select_columns
from stackit.ensemble.zero_weights import unused_estimators
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import without_rows
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings

__all__ = ["AnyFitted", "FittedLevel", "NestedLevel", "for_prediction", "with_fold_note"]


@contextmanager
def with_fold_note(label: tuple[int, int]) -> Iterator[None]:
    """Add the fold of a nested level to errors, since folds inside it have numbers of their own."""
    try:
        yield
    except Exception as error:
        error.add_note("Raised in repeat {} fold {} of a nested level.".format(*label))
        raise


@dataclass(frozen=True, eq=False)
class FittedLevel:
    """A level all folds of which learned from the same table.

    Parameters
    ----------
    passthrough : bool or list of columns
        The columns of X that it sees.
    named : bool
        Whether its table keeps the names of meta-features.
    oof : OutOfFold
        Its out-of-fold predictions.
    below : FittedLevel, NestedLevel or None
        The level that makes its meta-features; None for the first.
    """

    passthrough: Passthrough
    named: bool
    oof: OutOfFold
    below: AnyFitted | None

    def transform(self, X: Any, skip: Collection[str] = ()) -> pd.DataFrame:
        """Return the (m, k) meta-features of new rows; columns of skipped estimators are 0."""
        return self.oof.to_frame(self.predict(X, skip), index_of(X))

    def predict(self, X: Any, skip: Collection[str] = ()) -> dict[str, Floats]:
        """Return each estimator's predictions of new rows; the level below predicts only what is used."""
        return self.oof.predict(self._features(X, skip), skip, refitted=True)

    def unused_below(self, skip: Collection[str] = (), oof: OutOfFold | None = None) -> set[str]:
        """Return the estimators below that none of this level uses, without skipped ones.

        `oof` replaces the level's own where its estimators are about to be refitted.
        """
        assert self.below is not None
        below = self.below.oof
        unused = set(below)
        for name, result in (self.oof if oof is None else oof).items():
            if name not in skip:
                unused = unused.intersection(*(unused_estimators(one, below) for one in result.predictors))
        return unused

    def fold_tables(self, X: Any) -> list[Any]:
        """Return for each split the table that its estimators see of new rows."""
        if self.below is None:
            table = self._features(X, ())
        else:  # fold estimators may use columns that refitted ones do not: nothing is skipped
            table = level_features(self.passthrough, self.below.transform(X), X, self.named)
        return [table] * len(self.oof.folds.splits)

    def _features(self, X: Any, skip: Collection[str]) -> Any:
        if self.below is None:
            return select_columns(self.passthrough, X)
        meta = self.below.transform(X, self.unused_below(skip))
        return level_features(self.passthrough, meta, X, self.named)


@dataclass(frozen=True, eq=False)
class NestedLevel:
    """A level each fold of which has levels of its own below it.

    Parameters
    ----------
    oof : OutOfFold
        The out-of-fold predictions of all folds.
    parts : list of FittedLevel
        One per fold, above the levels that were trained inside the fold's training part.
    whole : FittedLevel, optional
        The estimators that were refitted on all rows and predict new ones instead of their folds.
    """

    oof: OutOfFold
    parts: list[FittedLevel]
    whole: FittedLevel | None = None

    def transform(self, X: Any, skip: Collection[str] = ()) -> pd.DataFrame:
        """Return the (m, k) meta-features of new rows; columns of skipped estimators are 0."""
        return self.oof.to_frame(self.predict(X, skip), index_of(X))

    def predict(self, X: Any, skip: Collection[str] = ()) -> dict[str, Floats]:
        """Return predictions of new rows by the refitted estimators, or by the average over the folds."""
        refitted = {} if self.whole is None else self.whole.predict(X, skip)
        skipped = {*skip, *refitted}
        for part in self.parts:  # one that failed in some fold is left out in all
            skipped |= part.oof.keys() - self.oof.keys()
        predictions, repeats = [], RepeatedWarnings("folds")
        for label, part in zip(self.oof.folds.labels, self.parts, strict=True):
            with with_fold_note(label), record_warnings() as warned:
                predictions.append(part.predict(X, skipped))
            repeats.add(warned)
        repeats.warn()
        return {
            name: refitted[name]
            if name in refitted
            else np.asarray(np.mean([of_fold[name] for of_fold in predictions], 0))
            for name in self.oof
        }

    def fold_tables(self, X: Any) -> list[Any]:
        """Return for each split the table that its estimators see of new rows; each has its own below."""
        return [table for part in self.parts for table in part.fold_tables(X)]


AnyFitted = FittedLevel | NestedLevel


def for_prediction(part: Any, memo: dict[int, Any]) -> Any:
    """Return a fitted level (or OutOfFold) and all below it without tables of the training rows.

    `memo` holds the parts that are done, by id, so that parts shared by two levels stay shared.
    """
    if part is None or id(part) in memo:
        return memo.get(id(part))
    if isinstance(part, OutOfFold):
        lean: Any = without_rows(part)
    elif isinstance(part, FittedLevel):
        lean = replace(part, oof=for_prediction(part.oof, memo), below=for_prediction(part.below, memo))
    else:
        lean = replace(
            part,
            oof=for_prediction(part.oof, memo),
            parts=[for_prediction(one, memo) for one in part.parts],
            whole=for_prediction(part.whole, memo),
        )
    memo[id(part)] = lean
    return lean
