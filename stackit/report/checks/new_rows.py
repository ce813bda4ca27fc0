"""Checks of test rows that are unlike any training row: beyond the range of numbers, in unseen levels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts
from stackit.report.checks.shift import both_tables_of
from stackit.report.checks.table_facts import ColumnFacts, TableFacts
from stackit.validation import format_list

__all__ = ["OutsideTheRange", "UnseenCategories"]

# A hundredth of the test rows changes a score by as much as a stack usually gains,
MIN_OUTSIDE = 0.01
# and chance puts so many beyond the extreme of a column once in a thousand tables.
OUTSIDE_P = 0.001
# High-cardinality columns always have some unseen levels; a twentieth of the rows is more than some.
MIN_UNSEEN = 0.05


class OutsideTheRange(Check):
    """Test rows have numbers beyond the least or the largest of the training rows.

    Of n training and m test rows the c largest are all test rows with a chance of about (m / (n + m))^c.
    """

    code = "STK029"
    title = "Test rows outside the training range"
    severity = "tip"
    remedy = (
        "Trees predict the same beyond the range, linear members go on as they began: decide which is "
        "right, clip the column, or use differences and ratios, which stay in range."
    )

    def examine(self, facts: Facts) -> Finding:
        """Count the test rows beyond the range of each column of numbers."""
        table = both_tables_of(facts)
        columns = [one for one in table.of_kind("number") if one.is_number and table.is_comparable(one.at)]
        if not columns:
            raise NotApplicableError("The tables have no column of numbers in common.")
        counts = {one.name: _n_outside(table, one.at) for one in columns}
        chance = table.n_test_rows / (table.n_rows + table.n_test_rows)
        least = np.log(OUTSIDE_P / (2 * len(columns))) / np.log(chance)
        enough = max(least, MIN_OUTSIDE * table.n_test_rows)
        found = sorted((name for name, n in counts.items() if n >= enough), key=lambda name: -counts[name])
        worst = max(counts, key=lambda name: counts[name])
        most = f"{counts[worst] / table.n_test_rows:.1%} of the test rows are beyond the range of {worst!r}"
        if not found:
            return Finding(False, f"At most {most}.")
        return Finding(
            True, f"{len(found)} of {len(columns)} columns ({format_list(map(repr, found))}): {most}."
        )


class UnseenCategories(Check):
    """Test rows have levels of a category that no training row has."""

    code = "STK030"
    title = "Unseen categories in the test rows"
    severity = "tip"
    remedy = (
        "Join rare levels before training, or split the column into parts that are known (a code into its "
        "prefix); check that the levels are spelled alike in both tables."
    )

    def examine(self, facts: Facts) -> Finding:
        """Count the test rows with an unseen level in each category."""
        table = both_tables_of(facts)
        columns = [one for one in table.of_kind("category", "boolean") if _has_words(table, one)]
        if not columns:
            raise NotApplicableError("The tables have no category in common.")
        shares = {one.name: _share_unseen(table, one) for one in columns}
        found = sorted(
            (name for name, share in shares.items() if share >= MIN_UNSEEN), key=lambda n: -shares[n]
        )
        worst = max(shares, key=lambda name: shares[name])
        most = f"{shares[worst]:.1%} of the test rows have a level of {worst!r} that no training row has"
        if not found:
            return Finding(False, f"At most {most}.")
        return Finding(
            True, f"{len(found)} of {len(columns)} categories ({format_list(map(repr, found))}): {most}."
        )


def _has_words(table: TableFacts, one: ColumnFacts) -> bool:
    """Whether the levels of a column are compared: words, or numbers that are a category."""
    return (one.kind == "category" or not one.is_number) and table.is_comparable(one.at)


def _n_outside(table: TableFacts, at: int) -> int:
    known, new = table.numbers(at), table.numbers(at, test=True)
    least, most = np.fmin.reduce(known), np.fmax.reduce(known)
    return int(((new < least) | (new > most)).sum())


def _share_unseen(table: TableFacts, one: ColumnFacts) -> float:
    """Return the share of test rows with an unseen level; missing values are no level."""
    known = {str(level) for level in pd.unique(table.values(one.at).dropna())}
    codes, levels = pd.factorize(table.values(one.at, test=True))
    is_unseen = np.array([str(level) not in known for level in levels], dtype=bool)
    return float(is_unseen[codes[codes >= 0]].sum()) / table.n_test_rows
