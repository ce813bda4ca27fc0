"""Checks of folds: groups, times, stability, rare classes, and rows that no fold holds out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from stackit.arrays import Floats
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import STACK, Facts
from stackit.validation import format_list

__all__ = ["RareClass", "RowsNeverHeldOut", "TornGroups", "TrainedOnTheFuture", "UnstableFolds"]

# Test rows lie in the future where nearly all of them are later than the training rows.
IN_FUTURE = 0.9
# Chance makes such a difference between folds once in a thousand runs,
UNSTABLE_P = 0.001
# and a loss that is a tenth larger is more than a stack usually gains.
UNSTABLE_SHARE = 0.1
CUT = 0.99
# With one row per fold a class has no spread to be measured.
ROWS_PER_FOLD = 2


class TornGroups(Check):
    """Rows of one group are trained on and held out in the same fold."""

    code = "STK007"
    title = "Folds tear groups"
    severity = "issue"
    remedy = 'Make the folds by groups: make_folds(y, scheme="group", groups=groups), or pass groups to fit.'

    def examine(self, facts: Facts) -> Finding:
        """Count the groups that are on both sides of a fold."""
        if facts.groups is None:
            raise NotApplicableError("No groups are known.")
        _check_folds(facts)
        n_groups = int(facts.groups.max()) + 1
        torn = np.zeros(n_groups, dtype=bool)
        n_rows = n_held = 0
        for train, held_out in facts.splits:
            both = np.bincount(facts.groups[train], minlength=n_groups) > 0
            both &= np.bincount(facts.groups[held_out], minlength=n_groups) > 0
            torn |= both
            n_rows, n_held = n_rows + int(both[facts.groups[held_out]].sum()), n_held + len(held_out)
        return Finding(
            bool(torn.any()),
            f"{int(torn.sum())} of {n_groups} groups are on both sides of a fold, with {n_rows / n_held:.0%} "
            "of the held-out rows.",
        )


class TrainedOnTheFuture(Check):
    """Folds train on later rows than they hold out, although the rows have an order in time.

    They have one where the folds were made with times, or where a column of dates is later in nine of ten
    test rows than in all training rows.
    """

    code = "STK008"
    title = "Folds tear times"
    severity = "issue"
    remedy = (
        'Hold out the latest rows: make_folds(y, scheme="forward", time=times). Scores of folds that know '
        "the future are not those of new rows."
    )

    def examine(self, facts: Facts) -> Finding:
        """Count the held-out rows for which a later row was trained on."""
        _check_folds(facts)
        times, what = _times(facts)
        n_early = n_held = 0
        for train, held_out in facts.splits:
            known = times[held_out][~np.isnan(times[held_out])]
            n_early += int((known < np.nanmax(times[train])).sum())
            n_held += len(known)
        share = n_early / max(n_held, 1)
        return Finding(
            n_early > 0, f"{share:.0%} of held-out rows are earlier, by {what}, than a row trained on."
        )


class UnstableFolds(Check):
    """The stack is worse in some folds than chance in their rows explains.

    The mean losses of the folds are compared by the analysis of variance, with losses above the 99th
    percentile cut there, so that a few rows do not decide it; and the worst fold has a loss a tenth above the
    mean.
    """

    code = "STK010"
    title = "Unstable folds"
    severity = "issue"
    remedy = (
        "Find out what is different in the worst fold: rows in an order, groups, a change in time. Shuffle "
        "the folds, or make them by groups or by time."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the stack's losses of the rows of each fold."""
        _check_folds(facts)
        losses, what = facts.losses(STACK) if facts.loss_metric else None, facts.loss_name
        if losses is None:
            losses, what = facts.squared_losses(STACK), "squared error"
        parts = [part for part in _by_fold(facts, losses) if len(part) > 1]
        if len(parts) < 2:
            raise NotApplicableError(f"The stack predicts rows of {len(parts)} fold.")
        means = [float(part.mean()) for part in parts]
        worst, mean = int(np.argmax(means)), float(losses.mean())
        p_value = _p_of_equal_means(parts, float(np.quantile(losses, CUT)))
        return Finding(
            p_value < UNSTABLE_P and means[worst] > (1 + UNSTABLE_SHARE) * mean,
            f"The folds' {what} is from {min(means):.4g} to {means[worst]:.4g} (fold {worst}); chance in "
            f"their rows makes such a difference with p = {p_value:.2g}.",
        )


class RareClass(Check):
    """A class has fewer than two rows per fold: its scores are those of single rows, or of none."""

    code = "STK011"
    title = "A class with too few rows"
    severity = "issue"
    remedy = "Join the class with another, drop its rows, use fewer folds, or collect more of its rows."

    def examine(self, facts: Facts) -> Finding:
        """Compare the rows of the rarest class with the number of folds."""
        if not facts.classify:
            raise NotApplicableError("The target has no classes.")
        _check_folds(facts)
        counts = np.bincount(facts.target.codes, minlength=len(facts.target.classes))
        n_folds = len(facts.splits)
        rare = np.flatnonzero(counts < ROWS_PER_FOLD * n_folds)
        if not len(rare):
            at = int(counts.argmin())
            name, n = facts.target.classes.tolist()[at], int(counts[at])
            return Finding(False, f"The rarest class, {name!r}, has {n} rows for {n_folds} folds.")
        names = facts.target.classes.tolist()
        found = format_list(f"{names[at]!r} with {counts[at]} rows" for at in rare)
        return Finding(
            True, f"{len(rare)} of {len(counts)} classes have too few rows for {n_folds} folds: {found}."
        )


class RowsNeverHeldOut(Check):
    """Rows have no out-of-fold prediction: no fold holds them out, or a member does not predict them."""

    code = "STK012"
    title = "Rows without out-of-fold predictions"
    severity = "tip"
    remedy = (
        "Hold out each row once, where the rows have no order in time. Where a member's predictions have "
        "gaps, find out why; the final estimator does not learn from these rows."
    )

    def examine(self, facts: Facts) -> Finding:
        """Count the rows that the stack and all members predict."""
        n = len(facts.target.y)
        missing = n - len(facts.rows)
        if not missing:
            return Finding(False, f"All {n} rows are predicted by all members.")
        gaps = {name: _n_gaps(prediction) for name, prediction in facts.evidence.members.items()}
        worst = max(gaps, key=lambda name: gaps[name]) if gaps else "the stack"
        also = f"; {worst!r} lacks {gaps[worst]}" if gaps else ""
        return Finding(True, f"{missing} of {n} rows have no prediction of all members{also}.")


def _check_folds(facts: Facts) -> None:
    if not facts.splits:
        raise NotApplicableError("No folds are known.")


def _p_of_equal_means(parts: list[Floats], most: float) -> float:
    """Return the p-value of the analysis of variance, with the losses cut at the most."""
    cut = [np.minimum(part, most) for part in parts]
    if not any(np.ptp(part) > 0 for part in cut):
        return float(len({float(part[0]) for part in cut}) == 1)
    return float(stats.f_oneway(*cut).pvalue)


def _n_gaps(prediction: Floats) -> int:
    return int((~np.isfinite(prediction.reshape(len(prediction), -1))).any(axis=1).sum())


def _by_fold(facts: Facts, losses: Floats) -> list[Floats]:
    """Return the losses of the rows that each fold holds out."""
    by_row = np.full(len(facts.target.y), np.nan)
    by_row[facts.rows] = losses
    parts = [by_row[held_out] for _, held_out in facts.splits]
    return [part[~np.isnan(part)] for part in parts]


def _times(facts: Facts) -> tuple[Floats, str]:
    """Return the time of each row as a number, and where it is from."""
    folds, table = facts.evidence.folds, facts.table
    if folds is not None and folds.constraints.times is not None:
        return _as_numbers(folds.constraints.times.to_numpy()), "the times of the folds"
    if table is None or not table.n_test_rows:
        raise NotApplicableError("No times are known: the folds have none, and there is no test table.")
    for one in table.of_kind("datetime"):
        dates, new = table.dates(one.at), table.dates(one.at, test=True)
        if dates is None or new is None:
            continue
        times, later = _as_numbers(dates), _as_numbers(new)
        if np.isfinite(times).any() and float((later > np.nanmax(times)).mean()) >= IN_FUTURE:
            return times, repr(one.name)
    raise NotApplicableError("No column of dates is later in the test rows than in the training rows.")


def _as_numbers(times: npt.NDArray[Any]) -> Floats:
    if times.dtype.kind == "M":
        return np.where(np.isnat(times), np.nan, times.astype("datetime64[us]").astype(np.float64))
    return times.astype(np.float64)
