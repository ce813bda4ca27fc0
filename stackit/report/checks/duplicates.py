"""Checks of rows that occur more than once: across folds, and with different labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stackit.arrays import Rows
from stackit.assess.encodings import Z_THRESHOLD
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts
from stackit.report.checks.table_facts import ColumnFacts, TableFacts
from stackit.report.checks.target_columns import table_of

__all__ = ["ContradictoryDuplicates", "DuplicatesAcrossFolds"]

Codes = npt.NDArray[np.uint64]
# A hundredth of the rows moves a score less than its standard error, in most tables.
MIN_SHARE = 0.01
# A column of which half the values are distinct tells copies of rows from rows that are alike by chance.
DISTINCT = 0.5
# So many of the most distinct columns are compared first.
FIRST = 8


class DuplicatesAcrossFolds(Check):
    """Held-out rows have an equal row in the training part, and new rows do not.

    The share of held-out rows with a duplicate is compared with that of test rows, by four standard errors.
    Without test rows only tables are judged in which rows cannot be equal by chance. Ids are not compared.
    """

    code = "STK009"
    title = "Duplicates across folds"
    severity = "issue"
    remedy = (
        "Drop the copies, or keep equal rows together: pass the number of the distinct row as groups to the "
        "folds."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the shares of held-out and of test rows with an equal row in the training part."""
        table = table_of(facts)
        if not facts.splits:
            raise NotApplicableError("No folds are known.")
        columns = _compared(table)
        repeated = _repeated_rows(table, columns)
        has_test = table.n_test_rows > 0
        if not has_test and not _tells_copies(table, columns):
            raise NotApplicableError(
                "There are no test rows, and no column is distinct enough to tell copies from equal rows."
            )
        held, tested = _shares(facts, repeated)
        n, m = table.n_rows, table.n_test_rows
        beyond_chance = not has_test or _z(held, tested, n, m) > Z_THRESHOLD
        also = f", and {tested:.1%} of test rows have one" if has_test else ""
        return Finding(
            held >= MIN_SHARE and beyond_chance,
            f"{held:.1%} of held-out rows have a duplicate in their training part{also}.",
        )


class ContradictoryDuplicates(Check):
    """Equal rows have different labels, which no member can predict."""

    code = "STK027"
    title = "Duplicated rows with different labels"
    severity = "tip"
    remedy = (
        "Find out whether a column is missing that tells these rows apart, or whether labels are wrong. If "
        "neither is so, they bound the accuracy that is possible."
    )

    def examine(self, facts: Facts) -> Finding:
        """Count the rows that have an equal row of another class."""
        table = table_of(facts)
        if not facts.classify:
            raise NotApplicableError("The target has no classes.")
        columns = _compared(table)
        repeated = _repeated_rows(table, columns)
        _, place = np.unique(repeated.train, return_inverse=True)
        n_pairs = len(place) and int(place.max()) + 1
        pairs = np.unique(np.column_stack([place, facts.target.codes[repeated.rows]]), axis=0)
        several = np.bincount(pairs[:, 0], minlength=n_pairs) > 1
        share = float(several[place].sum()) / table.n_rows if len(place) else 0.0
        return Finding(share >= MIN_SHARE, f"{share:.1%} of the rows are equal to a row of another class.")


@dataclass(frozen=True)
class _Repeated:
    """The training rows with an equal row in either table, their hashes, and the hashes of test rows."""

    rows: Rows
    train: Codes
    test: Codes


def _compared(table: TableFacts) -> list[ColumnFacts]:
    """Return the columns by which rows are compared, the most distinct first."""
    seen = [one for one in table.columns if one.kind != "id"]
    if not seen:
        raise NotApplicableError("The table has no columns but ids.")
    return sorted(seen, key=lambda one: -table.n_distinct[one.at])


def _tells_copies(table: TableFacts, columns: list[ColumnFacts]) -> bool:
    return bool(table.n_distinct[columns[0].at] >= DISTINCT * len(table.rows))


def _repeated_rows(table: TableFacts, columns: list[ColumnFacts]) -> _Repeated:
    """Return hashes of rows that may have an equal one: these are compared by all columns."""
    first, rest = columns[:FIRST], columns[FIRST:]
    rows, test_rows = np.arange(table.n_rows), np.arange(table.n_test_rows)
    train, test = _row_hashes(table, first, rows), _row_hashes(table, first, test_rows, test=True)
    kept, test_kept = _repeats(train, test)
    rows, test_rows, train, test = rows[kept], test_rows[test_kept], train[kept], test[test_kept]
    if rest and len(rows):
        train = _combined(train, _row_hashes(table, rest, rows))
        test = _combined(test, _row_hashes(table, rest, test_rows, test=True))
        kept, test_kept = _repeats(train, test)
        rows, train, test = rows[kept], train[kept], test[test_kept]
    return _Repeated(rows, train, test)


def _repeats(train: Codes, test: Codes) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which training rows have an equal row in either table, and which test rows one in training."""
    _, place, counts = np.unique(train, return_inverse=True, return_counts=True)
    return (counts[place] > 1) | np.isin(train, test), np.isin(test, train)


def _row_hashes(table: TableFacts, columns: list[ColumnFacts], rows: Rows, *, test: bool = False) -> Codes:
    found = np.zeros(len(rows), dtype=np.uint64)
    for one in columns if len(rows) else ():
        found = _combined(found, table.codes(one.at, rows, test=test))
    return found


def _combined(left: Codes, right: Codes) -> Codes:
    """Return one hash of two, which depends on their order; whole numbers wrap around."""
    mixed = left * np.uint64(0x9E3779B97F4A7C15) + right
    return mixed ^ (mixed >> np.uint64(29))


def _shares(facts: Facts, repeated: _Repeated) -> tuple[float, float]:
    """Return the shares of held-out rows, and of test rows, with an equal row in a training part."""
    assert facts.table is not None
    hashes = np.zeros(facts.table.n_rows, dtype=np.uint64)
    hashes[repeated.rows] = repeated.train
    is_repeated = np.zeros(facts.table.n_rows, dtype=bool)
    is_repeated[repeated.rows] = True
    n_held = n_found = 0
    of_test = []
    for train, held_out in facts.splits:
        trained = hashes[train[is_repeated[train]]]
        n_held += len(held_out)
        n_found += int(np.isin(hashes[held_out[is_repeated[held_out]]], trained).sum())
        of_test.append(float(np.isin(repeated.test, trained).sum()) / max(facts.table.n_test_rows, 1))
    return n_found / n_held, float(np.mean(of_test))


def _z(held: float, tested: float, n: int, m: int) -> float:
    """Return by how many standard errors the first share, of n rows, is above the second, of m rows."""
    pooled = (held * n + tested * m) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float((held - tested) / error) if error > 0 else 0.0
