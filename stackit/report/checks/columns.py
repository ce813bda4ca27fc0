"""Checks of columns: ids, constants, and a single column that is as good as the stack."""

from __future__ import annotations

import numpy as np
from scipy import stats

from stackit.arrays import Floats, Labels
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts
from stackit.report.checks.table_facts import ColumnFacts
from stackit.report.checks.target_columns import table_of
from stackit.validation import format_list

__all__ = ["ConstantColumns", "GoldenColumn", "IdColumns"]

# Halfway between chance and certainty: below that the best of many columns is as good as a stack by chance.
MIN_AREA, MIN_CORRELATION = 0.75, 0.5


class IdColumns(Check):
    """Members see a column that only numbers or names the rows, by the rules of `TableReader`."""

    code = "STK024"
    title = "Ids as features"
    severity = "issue"
    remedy = (
        "Drop the column: new rows have other ids. Where the order of rows means something, make a feature "
        "of it on purpose, such as a date."
    )

    def examine(self, facts: Facts) -> Finding:
        """Look for columns of the kind "id"."""
        table = table_of(facts)
        return _seen_or_left_out(table.of_kind("id"), table.left_out("id"), "ids", len(table.names))


class ConstantColumns(Check):
    """Members see columns that have one value, or none, in all training rows."""

    code = "STK025"
    title = "Constant columns"
    severity = "tip"
    remedy = "Drop the columns: nothing can be learned from them."

    def examine(self, facts: Facts) -> Finding:
        """Look for columns of the kinds "constant" and "empty"."""
        table, kinds = table_of(facts), ("constant", "empty")
        return _seen_or_left_out(table.of_kind(*kinds), table.left_out(*kinds), "constant", len(table.names))


class GoldenColumn(Check):
    """One column orders the rows as well as the stack does.

    Both are compared on the same sample of rows: by the area under the ROC curve, which is 0.75 at least, or
    by the rank correlation of numbers, which is 0.5 at least: below that there is little to learn for both.
    """

    code = "STK026"
    title = "A single column is as good as the stack"
    severity = "tip"
    remedy = (
        "Check that the column is known for new rows in time. If it is, the other columns add nothing yet: "
        "a rule on this column may do, or better features are needed."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the rank correlation of each column with that of the stack."""
        table = table_of(facts)
        if facts.target.kind == "multiclass":
            raise NotApplicableError("There are more than two classes, which a column does not order.")
        kept = np.isin(table.rows, facts.rows)
        seen = [one for one in table.columns if not one.is_left_out and one.kind in ("number", "boolean")]
        if not seen or not kept.any():
            raise NotApplicableError("The table has no column of numbers.")
        truth = facts.target.codes[table.rows][kept]
        stack = facts.evidence.stack.reshape(len(facts.target.y), -1)[table.rows][kept]
        sample = table.sample[kept][:, [one.at for one in seen]]
        strength = _areas if facts.classify else _rank_correlations
        of_stack = float(strength(stack[:, -1:], truth)[0])
        found = strength(np.where(np.isnan(sample), -np.inf, sample), truth)
        best, least = int(found.argmax()), MIN_AREA if facts.classify else MIN_CORRELATION
        what = "an area under the curve" if facts.classify else "a rank correlation"
        return Finding(
            bool(found[best] >= max(of_stack, least)),
            f"The best column, {seen[best].name!r}, has {what} of {found[best]:.3f}, and the stack of "
            f"{of_stack:.3f}.",
        )


def _seen_or_left_out(seen: list[ColumnFacts], left_out: list[ColumnFacts], what: str, n: int) -> Finding:
    if seen:
        names = format_list(repr(one.name) for one in seen)
        return Finding(True, f"{len(seen)} of {n} columns {_are(len(seen))} {what}: {names}.")
    also = f"; {len(left_out)} {_are(len(left_out))} left out by the run" if left_out else ""
    return Finding(False, f"None of the columns that members see, of {n}, is {_one(what)}{also}.")


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _one(what: str) -> str:
    return "an id" if what == "ids" else what


def _areas(table: Floats, codes: Labels) -> Floats:
    """Return the area under the ROC curve of each column, whichever way round it is."""
    is_second = codes == 1
    if is_second.all() or not is_second.any():
        return np.full(table.shape[1], 0.5)
    ranks = stats.rankdata(table, axis=0)
    gaps = ranks[is_second].mean(axis=0) - ranks[~is_second].mean(axis=0)
    return np.asarray(0.5 + np.abs(gaps) / len(table))


def _rank_correlations(table: Floats, numbers: Floats) -> Floats:
    """Return the size of the rank correlation of each column; 0 for a constant column."""
    ranks, truth = stats.rankdata(table, axis=0), stats.rankdata(numbers)
    ranks, truth = ranks - ranks.mean(axis=0), truth - truth.mean()
    scales = np.sqrt((ranks**2).sum(axis=0) * (truth**2).sum())
    found = np.divide(truth @ ranks, scales, out=np.zeros_like(scales), where=scales > 0)
    return np.asarray(np.abs(found))
