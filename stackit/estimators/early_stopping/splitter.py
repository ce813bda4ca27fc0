"""A training part split as the folds are: into rows to fit on, and rows to watch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from stackit.arrays import Floats, Rows
from stackit.folds import Folds
from stackit.folds.constraints import SplitConstraints, n_rows_before
from stackit.target import Target

__all__ = ["ValidationSplitter"]

N_DRAWS = 20  # random choices of groups, of which the one most like the training part is used
ADVICE = "Use fewer folds, or switch early stopping off"

Parts = tuple[Rows, Rows]


@dataclass(frozen=True, eq=False)
class ValidationSplitter:
    """Splits a training part into rows to fit on and validation rows, in the way of the folds.

    With folds ordered in time, the last stretch validates, after the folds' gap; with known groups, whole
    groups do; else random rows, balanced over the classes or over the range of a numeric target.

    Examples
    --------
    >>> from stackit.folds import make_folds
    >>> from stackit.target import regression_target
    >>> folds = make_folds(range(12), scheme="forward", n_splits=2, gap=1)
    >>> splitter = ValidationSplitter(folds, regression_target(range(12)))
    >>> fit, validation = splitter.split(np.arange(8), 0.25, np.random.default_rng(0), "of fold 1")
    >>> fit.tolist(), validation.tolist()
    ([0, 1, 2, 3, 4], [6, 7])
    """

    folds: Folds
    target: Target

    @cached_property
    def constraints(self) -> SplitConstraints:
        """The groups, times and gap; where the rows are in time order, their times are their positions."""
        known = self.folds.constraints
        groups = None if self.is_ordered and self._splits_groups(known.groups) else known.groups
        if known.times is not None or not self.is_ordered:
            return SplitConstraints(groups, known.times, known.gap)
        gaps = [int(held_out.min() - train.max()) - 1 for train, held_out in self.folds.splits]
        return SplitConstraints(groups, pd.Series(np.arange(self.folds.n_samples)), max(gaps))

    @cached_property
    def is_ordered(self) -> bool:
        """Whether each split trains on the past of what it holds out."""
        if self.folds.constraints.times is not None:
            return True
        in_row_order = all(train.max() < held_out.min() for train, held_out in self.folds.splits)
        if self.folds.metadata.get("scheme") == "forward" and not in_row_order:
            raise ValueError(
                "Early stopping needs the times of folds that are ordered in time, which a folds file does "
                "not hold. Call make_folds with time=..., or sort the table by time."
            )
        return in_row_order

    @cached_property
    def is_plain(self) -> bool:
        """Whether neither groups nor times constrain the split."""
        bound = self._keeps_groups or self.folds.metadata.get("scheme") == "forward"
        return not bound and self.constraints.groups is None and self.constraints.times is None

    @property
    def _keeps_groups(self) -> bool:
        """Whether the scheme of the folds keeps groups whole, also where the groups are not known."""
        return "group" in str(self.folds.metadata.get("scheme")).lower()

    def split(self, train: Rows, share: float, random: np.random.Generator, place: str) -> Parts:
        """Return the rows to fit on and the validation rows, in the order of `train`.

        `share` is the share of validation rows, `place` names the training part in errors. A row that occurs
        twice in `train` stays on one side. Rows within a gap are on neither, nor are validation rows of a
        class that no row to fit on has.
        """
        rows = np.unique(train)
        if self.constraints.times is not None:
            fit, validation = self._last(rows, share, place)
        elif self.is_plain:
            fit, validation = self._balanced(rows, share, random)
        else:
            fit, validation = self._groups(rows, share, random, place)
        validation = self.of_known_classes(fit, validation)
        if not len(fit) or not len(validation):
            raise ValueError(
                f"The training part {place} has {len(rows)} rows, too few to be split into rows to fit on "
                f"and validation rows of the same classes. {ADVICE}."
            )
        return train[np.isin(train, fit)], train[np.isin(train, validation)]

    def of_known_classes(self, fit: Rows, rows: Rows) -> Rows:
        """Return those of `rows` with a class that occurs in `fit`, since no model can predict the others."""
        if self.target.kind not in ("binary", "multiclass"):
            return rows
        codes = self.target.codes
        return rows[np.isin(codes[rows], codes[fit])]

    def _balanced(self, rows: Rows, share: float, random: np.random.Generator) -> Parts:
        """Validate on one of each run of similar rows, but never on all rows of a class."""
        ordered = random.permutation(rows)
        if self.target.codes.ndim == 1:
            ordered = ordered[np.argsort(self.target.codes[ordered], kind="stable")]
        n_validation = min(max(1, round(share * len(rows))), len(rows) - 1)
        starts = np.arange(n_validation) * len(rows) // max(n_validation, 1)
        lengths = np.diff(np.append(starts, len(rows)))
        validation = ordered[starts + random.integers(0, lengths)]
        if self.target.kind in ("binary", "multiclass"):
            validation = validation[
                np.isin(validation, _first_of_each(self.target.codes, ordered), invert=True)
            ]
        return np.setdiff1d(rows, validation), validation

    def _groups(self, rows: Rows, share: float, random: np.random.Generator, place: str) -> Parts:
        """Validate on the groups, of some random draws, with rows and classes nearest to the share."""
        if self.constraints.groups is None:
            raise ValueError(
                "Early stopping needs the groups that the folds keep whole, but these folds, as from a file, "
                "do not hold them; got groups=None. Pass groups=..., one group per row."
            )
        found, of_row = np.unique(self.constraints.groups[rows], return_inverse=True)
        if len(found) < 2:
            raise ValueError(
                f"The training part {place} has one group only, which cannot be split. {ADVICE}."
            )
        classes = self._classes(rows)
        counts = np.zeros((len(found), classes.max() + 1))
        np.add.at(counts, (of_row, classes), 1)
        draws = [_first_groups(random.permutation(len(found)), counts, share) for _ in range(N_DRAWS)]
        validation = np.isin(of_row, min(draws, key=lambda drawn: _distance(drawn, counts, share)))
        return rows[~validation], rows[validation]

    def _last(self, rows: Rows, share: float, place: str) -> Parts:
        """Validate on the last stretch, without splitting a time; rows within the gap are left out."""
        times = self.constraints.times.iloc[rows]  # type: ignore[union-attr]
        ordered = np.argsort(times.to_numpy(), kind="stable")
        sorted_times = times.iloc[ordered].reset_index(drop=True)
        firsts = np.flatnonzero(~sorted_times.duplicated().to_numpy())[1:]
        if not len(firsts):
            raise ValueError(f"The training part {place} has one time only, which cannot be split. {ADVICE}.")
        start = int(firsts[np.abs(firsts - len(rows) * (1 - share)).argmin()])
        n_past = n_rows_before(sorted_times, start, self.constraints.gap)
        if n_past == 0:
            raise ValueError(
                f"gap={self.constraints.gap!r} leaves no rows of the training part {place} to fit on before "
                f"the validation rows. {ADVICE}."
            )
        fit, validation = rows[ordered[:n_past]], rows[ordered[start:]]
        groups = self.constraints.groups
        return fit, validation if groups is None else validation[~np.isin(groups[validation], groups[fit])]

    def _classes(self, rows: Rows) -> Rows:
        if self.target.kind not in ("binary", "multiclass"):
            return np.zeros(len(rows), dtype=np.intp)
        return np.asarray(self.target.codes[rows], dtype=np.intp)

    def _splits_groups(self, groups: Rows | None) -> bool:
        """Whether a split has rows of one group on both sides."""
        return groups is not None and any(
            np.isin(groups[held_out], groups[train]).any() for train, held_out in self.folds.splits
        )


def _first_of_each(codes: Rows, rows: Rows) -> Rows:
    """Return the first row of each class."""
    return rows[np.unique(codes[rows], return_index=True)[1]]


def _first_groups(order: Rows, counts: Floats, share: float) -> Rows:
    """Return the first groups of an order, nearest to a share of all rows, but not all groups."""
    sizes = counts[order].sum(axis=1)
    n = np.abs(sizes.cumsum()[:-1] - share * sizes.sum()).argmin() + 1
    return order[:n]


def _distance(chosen: Rows, counts: Floats, share: float) -> float:
    """Return how far chosen groups are from a share of each class; classes only they have count double."""
    total, validation = counts.sum(axis=0), counts[chosen].sum(axis=0)
    lost = 2 * counts.sum() * (validation == total)[total > 0].sum()
    return float(np.abs(validation - share * total).sum() + lost)
