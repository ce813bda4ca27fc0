"""Checks of columns that hold something of the target: the target itself, or an encoding made with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.assess.encodings import MIN_SHARE, Z_THRESHOLD, encoded_columns, left_out_columns
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts
from stackit.report.checks.table_facts import TableFacts
from stackit.tables import suspect_columns
from stackit.target import Target
from stackit.validation import format_list

__all__ = ["ColumnIsTheTarget", "EncodedColumns", "correlations"]

# Fewer rows say nothing of a column.
MIN_ROWS = 30
# A column that predicts the target changes it less often along its order than half as often as chance.
MOST_CHANGES = 0.5
# An encoding is among the columns that are most correlated with the target; so many are looked at.
MOST_ENCODED, MOST_LEFT_OUT = 20, 3
# Rows of an encoding that are looked at: whole levels of these, since sums over levels give it away.
ENCODED_ROWS, LEFT_OUT_ROWS = 10_000, 500
# The mean of an encoding that leaves rows out is near that of the target, in standard deviations.
MARGIN = 0.05


class ColumnIsTheTarget(Check):
    """A single column predicts the target nearly perfectly: a small tree on it makes 1 % of the errors.

    That is the rule of the presets' warning. Columns along which the target changes about as often as by
    chance are passed over, which takes no tree.
    """

    code = "STK003"
    title = "A column tells the target"
    severity = "issue"
    remedy = (
        "Drop the column unless its values are known for new rows before the target is: it may be the "
        "target under another name, or be filled in after it."
    )

    def examine(self, facts: Facts) -> Finding:
        """Fit small trees on the columns along which the target changes rarely."""
        table = table_of(facts)
        target = facts.target.codes[table.rows]
        seen = [one.at for one in table.columns if not one.is_left_out]
        few = [at for at in seen if _changes(table, at, target, facts.classify) <= MOST_CHANGES]
        frame = pd.DataFrame(table.sample[:, few], columns=[str(at) for at in few])
        found = suspect_columns(frame, target, facts.classify) if few else {}
        if not found:
            return Finding(False, f"None of {len(seen)} columns predicts the target nearly perfectly.")
        share = max(found.values())
        names = format_list(repr(table.names[int(at)]) for at in found)
        return Finding(
            True, f"{names} alone removes {share:.1%} of the errors that the prior makes on held-out rows."
        )


class EncodedColumns(Check):
    """A column was encoded with the target before the folds were made.

    The mean of the target in each level (a target encoding) holds the labels of held-out rows. Residuals of
    the target add up to nothing among rows of one value, or values are exact means over the other rows of a
    level (`stackit.assess.encodings`).
    """

    code = "STK004"
    title = "Target encoding before the folds"
    severity = "issue"
    remedy = (
        "Encode inside the folds: put scikit-learn's TargetEncoder into the member's pipeline, or pass the "
        "raw category to a preset."
    )

    def examine(self, facts: Facts) -> Finding:
        """Test columns of numbers that are correlated with the target."""
        table = table_of(facts)
        numbers = [one.at for one in table.of_kind("number") if one.is_number]
        if not numbers:
            raise NotApplicableError("The table has no column of numbers.")
        strength = np.abs(correlations(table, facts.target))
        whole = [bool((known == np.rint(known)).all()) for known in _known_values(table)]
        broken = [at for at in numbers if not whole[at]]  # means are no whole numbers
        even = {at: _evenness(table, at, facts.target) for at in _encoded_candidates(table, broken, strength)}
        exact = {at: _share_left_out(table, at, facts.target) for at in _left_out(table, broken, facts)}
        wrong = [at for at, z in even.items() if z < -Z_THRESHOLD]
        wrong += [at for at, share in exact.items() if share > MIN_SHARE and at not in wrong]
        if not wrong:
            return Finding(False, f"None of {len(numbers)} columns of numbers looks encoded with the target.")
        names = format_list(repr(table.names[at]) for at in wrong)
        at = wrong[0]
        how = (
            f"the target varies less within values of {table.names[at]!r} than chance allows, by "
            f"{-even[at]:.0f} standard deviations"
            if even.get(at, 0.0) < -Z_THRESHOLD
            else f"{exact[at]:.0%} of the values of {table.names[at]!r} are means of the target in other rows"
        )
        return Finding(True, f"{names}: {how}.")


def table_of(facts: Facts) -> TableFacts:
    """Return the training table, or raise with the reason why there is none to look at."""
    if facts.table is None:
        raise NotApplicableError("There is no training table.")
    if facts.table.n_rows < MIN_ROWS:
        raise NotApplicableError(f"The table has {facts.table.n_rows} rows; {MIN_ROWS} are needed.")
    return facts.table


def correlations(table: TableFacts, target: Target) -> Floats:
    """Return each column's correlation with the target in the sample, the strongest of the classes."""
    codes = target.codes[table.rows]
    truth = codes.astype(np.float64)[:, None] if not target.is_classification else _indicators(codes, target)
    sample = table.sample - np.nan_to_num(_nanmean(table.sample))
    sample = np.nan_to_num(sample)
    truth = truth - truth.mean(axis=0)
    scales = np.outer(np.sqrt((sample**2).sum(axis=0)), np.sqrt((truth**2).sum(axis=0)))
    found = np.divide(sample.T @ truth, scales, out=np.zeros_like(scales), where=scales > 0)
    strongest = np.abs(found).argmax(axis=1)
    return np.asarray(found[np.arange(len(found)), strongest])


def _indicators(codes: npt.NDArray[np.intp], target: Target) -> Floats:
    classes = np.arange(1 if len(target.classes) == 2 else 0, len(target.classes))
    return np.asarray(codes[:, np.newaxis] == classes, dtype=np.float64)


def _nanmean(sample: Floats) -> Floats:
    known = (~np.isnan(sample)).sum(axis=0)
    return np.asarray(np.nansum(sample, axis=0) / np.maximum(known, 1))


def _known_values(table: TableFacts) -> list[Floats]:
    return [column[~np.isnan(column)] for column in table.sample.T]


def _changes(table: TableFacts, at: int, target: npt.NDArray[np.intp], classify: bool) -> float:
    """Return how much the target changes along a column, in units of what chance makes."""
    along = target[table.order[:, at]]
    if classify:
        shares = np.bincount(along) / len(along)
        by_chance = 1 - float(shares @ shares)
        return float((np.diff(along) != 0).mean()) / by_chance if by_chance > 0 else 1.0
    ranks = pd.Series(along.astype(np.float64)).rank().to_numpy()
    return float((np.diff(ranks) ** 2).mean() / (2 * ranks.var())) if ranks.var() > 0 else 1.0


def _encoded_candidates(table: TableFacts, columns: list[int], strength: Floats) -> list[int]:
    """Return the columns with repeated values that are most correlated with the target, beyond chance."""
    beyond = Z_THRESHOLD / np.sqrt(len(table.rows))
    repeated = [at for at in columns if table.n_distinct[at] < 0.95 * len(table.rows)]
    strong = [at for at in repeated if strength[at] > beyond]
    return sorted(strong, key=lambda at: -strength[at])[:MOST_ENCODED]


def _left_out(table: TableFacts, columns: list[int], facts: Facts) -> list[int]:
    """Return the columns with the mean of the target, or of a class, and a smaller spread."""
    target = facts.target
    truths = [target.y.astype(np.float64)] if not target.is_classification else list(_class_columns(target))
    distances: dict[int, float] = {}
    for at, known in ((at, known) for at, known in enumerate(_known_values(table)) if at in set(columns)):
        error = known.std() / np.sqrt(len(known))  # of the mean in the sample
        for y in truths:
            distance = abs(known.mean() - y.mean())
            if known.std() <= y.std() and distance <= MARGIN * y.std() + 3 * error:
                distances[at] = min(distance, distances.get(at, np.inf))
    return sorted(distances, key=lambda at: distances[at])[:MOST_LEFT_OUT]


def _class_columns(target: Target) -> list[Floats]:
    return [(target.codes == at).astype(np.float64) for at in range(len(target.classes))]


def _evenness(table: TableFacts, at: int, target: Target) -> float:
    values = table.numbers(at)
    share = ENCODED_ROWS / len(values)
    hashes = pd.util.hash_array(values) / 2.0**64
    kept = np.flatnonzero(hashes < share) if share < 1 else np.arange(len(values))
    found = encoded_columns(values[kept, np.newaxis], _subset(target, kept)) if len(kept) else {}
    return min(found.values(), default=0.0)


def _share_left_out(table: TableFacts, at: int, target: Target) -> float:
    found = left_out_columns(table.numbers(at)[:, np.newaxis], target, max_rows=LEFT_OUT_ROWS)
    return max(found.values(), default=0.0)


def _subset(target: Target, rows: npt.NDArray[np.intp]) -> Target:
    return replace(target, y=target.y[rows], codes=target.codes[rows])
