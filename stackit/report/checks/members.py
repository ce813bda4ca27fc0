"""Checks of members: worse than the prior, alike, or costly and of no weight."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Floats
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import PRIOR, Facts
from stackit.validation import format_list

__all__ = ["IdleMembers", "TwinMembers", "WorseThanPrior"]

# A member is worse where chance makes such a difference once in a hundred members.
WORSE_P = 0.01
# With this correlation of errors, the mean of two members has 0.05 % less variance than either.
TWINS = 0.999
# Rows from which correlations are computed: their standard error is below 0.001 at 0.999 with far fewer.
MOST_ROWS = 5000
# Dropping the members halves the time.
MOST_TIME = 0.5


class WorseThanPrior(Check):
    """A member is worse, by the metric, than predicting the shares of the classes, or the mean."""

    code = "STK019"
    title = "A member is worse than the prior"
    severity = "tip"
    remedy = (
        "Look for swapped classes, rows in another order, or a preparation that fails. A member that is "
        "only too certain can be calibrated (CalibratedClassifierCV); otherwise drop it."
    )

    def examine(self, facts: Facts) -> Finding:
        """Test each member against the prior."""
        if not facts.judged or np.isnan(facts.mean_loss(PRIOR)):
            raise NotApplicableError(f"The members cannot be scored here by {facts.evidence.scoring}.")
        tests = {name: facts.compare(name, PRIOR) for name in facts.judged}
        wrong = [name for name, test in tests.items() if test.difference < 0 and test.p_value < WORSE_P]
        shown = min(tests, key=lambda name: tests[name].difference)
        if not wrong:
            return Finding(
                False,
                f"The member nearest to the prior, {shown!r}, differs from it by "
                f"{tests[shown].difference:.3g} in {facts.loss_name}.",
            )
        return Finding(
            True,
            f"{format_list(map(repr, wrong))}: {shown!r} is worse than the prior by "
            f"{-tests[shown].difference:.3g} in {facts.loss_name} (p = {tests[shown].p_value:.2g}).",
        )


class TwinMembers(Check):
    """Two members make the same errors: one of them adds nothing."""

    code = "STK020"
    title = "Members that are twins"
    severity = "tip"
    remedy = "Drop the slower one of each pair, or change its family, columns or preparation."

    def examine(self, facts: Facts) -> Finding:
        """Correlate the errors of all pairs of members."""
        names = facts.members
        if len(names) < 2 or len(facts.rows) < 3:
            raise NotApplicableError("There are no two members to compare.")
        correlation = np.triu(_correlation(facts), 1)
        pairs = np.argwhere(correlation >= TWINS)
        first, second = np.unravel_index(int(correlation.argmax()), correlation.shape)
        most = f"{names[first]!r} and {names[second]!r} have errors with a correlation of "
        most += f"{correlation[first, second]:.4f}"
        if not len(pairs):
            return Finding(False, f"No two members are twins; {most}.")
        n_pairs = f"{len(pairs)} pair{'s' if len(pairs) > 1 else ''} of members {_are(len(pairs))} alike"
        return Finding(True, f"{n_pairs}; {most}.")


class IdleMembers(Check):
    """Members without weight took most of the time."""

    code = "STK021"
    title = "Members of no weight cost most of the time"
    severity = "tip"
    remedy = "Leave these members out of the next run: the stack predicts the same without them."

    def examine(self, facts: Facts) -> Finding:
        """Add up the seconds of members with a weight of 0."""
        weights, seconds = facts.evidence.weights, facts.evidence.seconds
        known = {name: spent for name, spent in seconds.items() if name in weights and np.isfinite(spent)}
        total = sum(known.values())
        if total <= 0:
            raise NotApplicableError("The weights of the members, or their seconds, are not known.")
        idle = sorted((name for name in known if weights[name] == 0), key=lambda name: -known[name])
        spent = sum(known[name] for name in idle)
        names = f" ({format_list(map(repr, idle))})" if idle else ""
        return Finding(
            spent > MOST_TIME * total,
            f"{len(idle)} of {len(known)} members have no weight{names} and took {spent:.3g} of {total:.3g} "
            f"seconds, {spent / total:.0%}.",
        )


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _correlation(facts: Facts) -> Floats:
    """Return the (k, k) correlation of the members' errors; 0 where a member has none."""
    rows = facts.rows[:: max(1, len(facts.rows) // MOST_ROWS)]
    codes = facts.target.codes[rows]
    truth = np.eye(len(facts.target.classes))[codes] if facts.classify else codes.astype(np.float64)
    errors = np.column_stack([(facts.evidence.members[name][rows] - truth).ravel() for name in facts.members])
    errors = errors - errors.mean(axis=0)
    scale = np.sqrt((errors**2).sum(axis=0))
    errors = np.divide(errors, scale, out=np.zeros_like(errors), where=scale > 0)
    return np.asarray(errors.T @ errors)
