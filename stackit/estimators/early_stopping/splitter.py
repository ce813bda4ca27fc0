"""A training part split as the folds are: into rows to fit on, and rows to watch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Rows
from stackit.folds import Folds
from stackit.folds.constraints import SplitConstraints, n_rows_before
from stackit.target import Target
from stackit.validation import invalid_value

__all__ = ["ValidationSplitter"]

DRAWS = 20  # of groups, of which the one is taken that is most like the training part
ADVICE = "Use fewer folds, or switch early stopping off"

Parts = tuple[Rows, Rows]


@dataclass(frozen=True, eq=False)
class ValidationSplitter:
    """How the folds of a run split rows, to split each training part once more in the same way.

    Folds ordered in time: the last stretch is watched, after the folds' own gap. Known groups: whole
    groups are watched. Neither: random rows, balanced over the classes or over the range of a number.

    Parameters
    ----------
    folds : Folds
        The folds of the run.
    target : Target
        The whole target.

    Examples
    --------
    >>> from stackit.folds import make_folds
    >>> from stackit.target import regression_target
    >>> folds = make_folds(range(12), scheme="forward", n_splits=2, gap=1)
    >>> scheme = ValidationSplitter(folds, regression_target(range(12)))
    >>> fit, watched = scheme.split(np.arange(8), 0.25, np.random.default_rng(0), "of fold 1")
    >>> fit.tolist(), watched.tolist()
    ([0, 1, 2, 3, 4], [6, 7])
    """

    folds: Folds
    target: Target

    @cached_property
    def constraints(self) -> SplitConstraints:
        """Groups, times and gap; rows that are in the order of time themselves have their positions."""
        known = self.folds.constraints
        groups = None if self.is_ordered and self._tears(known.groups) else known.groups
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
            raise invalid_value(
                "Folds ordered in time",
                "made in this run, or of rows in the order of time, where an estimator stops early",
                "a folds file, which does not hold the times",
                "Call make_folds with time=..., or sort the table by time",
            )
        return in_row_order

    @cached_property
    def is_plain(self) -> bool:
        """Whether random rows are as good as any: neither groups nor times bind them."""
        bound = self._keeps_groups or self.folds.metadata.get("scheme") == "forward"
        return not bound and self.constraints.groups is None and self.constraints.times is None

    @property
    def _keeps_groups(self) -> bool:
        """Whether the folds keep groups whole by name, which may be all that is known of them."""
        return "group" in str(self.folds.metadata.get("scheme")).lower()

    def split(self, train: Rows, share: float, random: np.random.Generator, place: str) -> Parts:
        """Return the rows to fit on and the rows to watch.

        Parameters
        ----------
        train : (n_train,) array of int
            The rows of a training part; one that comes up twice stays on one side.
        share : float
            How much of them is to be watched, between 0 and 1.
        random : numpy.random.Generator
            For the draw.
        place : str
            Which training part it is, for errors.

        Returns
        -------
        (n_fit,), (n_watched,) arrays of int
            In the order of `train`. Rows within a gap are in neither, nor are rows to watch whose class
            is not among those to fit on.

        Raises
        ------
        ValueError
            When nothing would be left on one of the sides: a single row, group or moment.
        """
        rows = np.unique(train)
        if self.constraints.times is not None:
            fit, watched = self._last(rows, share, place)
        elif self.is_plain:
            fit, watched = self._balanced(rows, share, random)
        else:
            fit, watched = self._groups(rows, share, random, place)
        watched = self.known(fit, watched)
        if not len(fit) or not len(watched):
            raise invalid_value(
                f"The training part {place}",
                "large enough to be fitted on one part and watched on another, with no other classes",
                f"n_train={len(rows)}",
                ADVICE,
            )
        return train[np.isin(train, fit)], train[np.isin(train, watched)]

    def known(self, fit: Rows, rows: Rows) -> Rows:
        """Return those of some rows whose class is among the rows to fit on: no other can be judged."""
        if self.target.kind not in ("binary", "multiclass"):
            return rows
        codes = self.target.codes
        return rows[np.isin(codes[rows], codes[fit])]

    def _balanced(self, rows: Rows, share: float, random: np.random.Generator) -> Parts:
        """Watch one of each run of similar rows, but never all rows of a class."""
        ordered = random.permutation(rows)
        if self.target.codes.ndim == 1:
            ordered = ordered[np.argsort(self.target.codes[ordered], kind="stable")]
        n_watched = min(max(1, round(share * len(rows))), len(rows) - 1)
        starts = np.arange(n_watched) * len(rows) // max(n_watched, 1)
        lengths = np.diff(np.append(starts, len(rows)))
        watched = ordered[starts + random.integers(0, lengths)]
        if self.target.kind in ("binary", "multiclass"):
            watched = watched[np.isin(watched, _first_of_each(self.target.codes, ordered), invert=True)]
        return np.setdiff1d(rows, watched), watched

    def _groups(self, rows: Rows, share: float, random: np.random.Generator, place: str) -> Parts:
        """Watch the groups, of some draws, whose rows and classes come nearest to the share."""
        if self.constraints.groups is None:
            raise invalid_value(
                "groups",
                "given where an estimator stops early and folds keep groups whole",
                "groups=None with folds that do not know them, as from a file",
                "Pass groups=...: one group a row",
            )
        found, of_row = np.unique(self.constraints.groups[rows], return_inverse=True)
        if len(found) < 2:
            raise invalid_value(f"The training part {place}", "of at least two groups", "one group", ADVICE)
        classes = self._classes(rows)
        counts = np.zeros((len(found), classes.max() + 1))
        np.add.at(counts, (of_row, classes), 1)
        draws = [_first_groups(random.permutation(len(found)), counts, share) for _ in range(DRAWS)]
        watched = np.isin(of_row, min(draws, key=lambda drawn: _unlike(drawn, counts, share)))
        return rows[~watched], rows[watched]

    def _last(self, rows: Rows, share: float, place: str) -> Parts:
        """Watch the last stretch; no moment is torn, and what lies within the gap is left out."""
        moments = self.constraints.times.iloc[rows]  # type: ignore[union-attr]
        ordered = np.argsort(moments.to_numpy(), kind="stable")
        sorted_moments = moments.iloc[ordered].reset_index(drop=True)
        firsts = np.flatnonzero(~sorted_moments.duplicated().to_numpy())[1:]
        if not len(firsts):
            raise invalid_value(f"The training part {place}", "of at least two moments", "one moment", ADVICE)
        start = int(firsts[np.abs(firsts - len(rows) * (1 - share)).argmin()])
        past = n_rows_before(sorted_moments, start, self.constraints.gap)
        if past == 0:
            raise invalid_value(
                "gap",
                f"shorter than the training part {place}, where an estimator stops early",
                f"gap={self.constraints.gap!r}",
                ADVICE,
            )
        fit, watched = rows[ordered[:past]], rows[ordered[start:]]
        groups = self.constraints.groups
        return fit, watched if groups is None else watched[~np.isin(groups[watched], groups[fit])]

    def _classes(self, rows: Rows) -> npt.NDArray[np.intp]:
        if self.target.kind not in ("binary", "multiclass"):
            return np.zeros(len(rows), dtype=np.intp)
        return np.asarray(self.target.codes[rows], dtype=np.intp)

    def _tears(self, groups: npt.NDArray[np.intp] | None) -> bool:
        """Whether the folds themselves have groups on both sides."""
        return groups is not None and any(
            np.isin(groups[held_out], groups[train]).any() for train, held_out in self.folds.splits
        )


def _first_of_each(codes: npt.NDArray[np.intp], rows: Rows) -> Rows:
    """Return the first row of each class."""
    return rows[np.unique(codes[rows], return_index=True)[1]]


def _first_groups(order: Rows, counts: npt.NDArray[np.float64], share: float) -> Rows:
    """Return as many groups of an order as come nearest to a share of all rows, but not all groups."""
    sizes = counts[order].sum(axis=1)
    n = np.abs(sizes.cumsum()[:-1] - share * sizes.sum()).argmin() + 1
    return order[:n]


def _unlike(chosen: Rows, counts: npt.NDArray[np.float64], share: float) -> float:
    """Return how far chosen groups are from a share of each class; one that is all theirs counts double."""
    total, watched = counts.sum(axis=0), counts[chosen].sum(axis=0)
    lost = 2 * counts.sum() * (watched == total)[total > 0].sum()
    return float(np.abs(watched - share * total).sum() + lost)
