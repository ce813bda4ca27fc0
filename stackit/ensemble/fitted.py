"""Fitted levels, one upon the other: new rows pass through them from the lowest to the highest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats
from stackit.arrays.frames import index_of
from stackit.ensemble.level_columns import Passthrough, level_features, select_columns
from stackit.ensemble.zero_weights import unused_estimators
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import without_rows
from stackit.results.repeated_warnings import RepeatedWarnings, recorded

__all__ = ["AnyFitted", "FittedLevel", "NestedLevel", "for_prediction", "noted_in"]


@contextmanager
def noted_in(label: tuple[int, int]) -> Iterator[None]:
    """Add to errors in which fold of a nested level they arose: folds inside have their own numbers."""
    try:
        yield
    except Exception as error:
        error.add_note("Raised in repeat {} fold {} of a nested level.".format(*label))
        raise


@dataclass(frozen=True, eq=False)
class FittedLevel:
    """A level whose folds all learned from the same table.

    Parameters
    ----------
    passthrough : bool or list of columns
        What it sees of X.
    named : bool
        Whether its table keeps the names of meta-features.
    oof : OutOfFold
        What its folds gave.
    below : FittedLevel, NestedLevel or None
        The fitted level whose meta-features it sees; None for the first.
    """

    passthrough: Passthrough
    named: bool
    oof: OutOfFold
    below: AnyFitted | None

    def transform(self, X: Any, skip: Collection[str] = ()) -> pd.DataFrame:
        """Return the (m, k) meta-features of new rows, as `OutOfFold.transform_refitted` does."""
        return self.oof.to_frame(self.predict(X, skip), index_of(X))

    def predict(self, X: Any, skip: Collection[str] = ()) -> dict[str, Floats]:
        """Return the answers for new rows; of the level below only what somebody reads is computed."""
        return self.oof.predict(self._table(X, skip), skip, refitted=True)

    def unread(self, skip: Collection[str] = (), oof: OutOfFold | None = None) -> set[str]:
        """Return the estimators below of which no estimator that is asked here reads a column.

        Parameters
        ----------
        leave_out : collection of str
            Estimators of this level that are not asked.
        oof : OutOfFold, optional
            What this level is about to become.
        """
        assert self.below is not None
        below = self.below.oof
        unread = set(below)
        for name, result in (self.oof if oof is None else oof).items():
            if name not in skip:
                unread = unread.intersection(*(unused_estimators(one, below) for one in result.predictors))
        return unread

    def tables(self, X: Any) -> list[Any]:
        """Return for each split the table that its estimators see of new rows."""
        if self.below is None:
            return [self._table(X, ())] * len(self.oof.folds.splits)
        # Estimators of folds may read columns that the refitted ones leave out: nothing is.
        table = level_features(self.passthrough, self.below.transform(X), X, self.named)
        return [table] * len(self.oof.folds.splits)

    def _table(self, X: Any, skip: Collection[str]) -> Any:
        if self.below is None:
            return select_columns(self.passthrough, X)
        meta = self.below.transform(X, self.unread(skip))
        return level_features(self.passthrough, meta, X, self.named)


@dataclass(frozen=True, eq=False)
class NestedLevel:
    """A level each of whose folds has levels of its own below it.

    Parameters
    ----------
    oof : OutOfFold
        What all folds gave.
    parts : list of FittedLevel
        One a fold, with the levels that were trained inside the fold's training part below it.
    whole : FittedLevel, optional
        Those estimators that were refitted on all rows, and predict new ones instead of their folds.
    """

    oof: OutOfFold
    parts: list[FittedLevel]
    whole: FittedLevel | None = None

    def transform(self, X: Any, skip: Collection[str] = ()) -> pd.DataFrame:
        """Return the (m, k) meta-features of new rows; each fold has its own levels below."""
        return self.oof.to_frame(self.predict(X, skip), index_of(X))

    def predict(self, X: Any, skip: Collection[str] = ()) -> dict[str, Floats]:
        """Return for new rows the answer of the refitted estimators, or the average over the folds."""
        again = {} if self.whole is None else self.whole.predict(X, skip)
        left_out = {*skip, *again}
        for part in self.parts:  # one that failed in some fold is left out in all
            left_out |= part.oof.keys() - self.oof.keys()
        answers, repeats = [], RepeatedWarnings("folds")
        for label, part in zip(self.oof.folds.labels, self.parts, strict=True):
            with noted_in(label), recorded() as said:
                answers.append(part.predict(X, left_out))
            repeats.add(said)
        repeats.say()
        return {
            name: again[name]
            if name in again
            else np.asarray(np.mean([answer[name] for answer in answers], 0))
            for name in self.oof
        }

    def tables(self, X: Any) -> list[Any]:
        """Return for each split the table that its estimators see of new rows; each has its own below."""
        return [table for part in self.parts for table in part.tables(X)]


AnyFitted = FittedLevel | NestedLevel


def for_prediction(part: Any, memo: dict[int, Any]) -> Any:
    """Return a fitted level, or what its folds gave, and all below it, without tables of the training rows.

    Parameters
    ----------
    part : FittedLevel, NestedLevel, OutOfFold or None
        What is to be left with all that predicts.
    memo : dict
        Parts that are done, by id: what two levels have in common they still have.
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
