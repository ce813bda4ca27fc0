"""Checks of the stack as a whole: against its best member and the plain average, and its weights."""

from __future__ import annotations

import numpy as np

from stackit.assess.significance import PairedTest
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import MEAN, STACK, Facts

__all__ = ["CancellingWeights", "FewRowsPerMember", "NoGain", "OverfittedLevel", "WorseThanBestMember"]

# The best of many members is chosen on the rows that the stack is compared on, which favors it: a stack is
# reported where chance makes such a difference once in 370 runs (three standard errors).
WORSE_P = 0.0027
# The usual level, for a tip.
GAIN_P = 0.05
# Rows per fitted weight: with fewer than ten (events, for classes) coefficients are known to be biased.
# Peduzzi, P. et al. (1996). Journal of Clinical Epidemiology 49, 1373-1379.
ROWS_PER_WEIGHT = 10


class WorseThanBestMember(Check):
    """The stack is worse than its best member, by three standard errors of a paired test."""

    code = "STK013"
    title = "The stack is worse than its best member"
    severity = "issue"
    remedy = (
        "Use the best member alone, or a combiner that can fall back on it, such as the greedy or the "
        "convex one; and look at the checks of leaks, since a final estimator trusts a member that leaks."
    )

    def examine(self, facts: Facts) -> Finding:
        """Test the stack against the best member."""
        best = _best_of(facts)
        test = facts.compare(STACK, best)
        return Finding(_is_worse(test), f"Against its best member, {best!r}, {_in_words(test, facts)}.")


class NoGain(Check):
    """The stack is not better than its best member, or than the plain average, by more than chance."""

    code = "STK014"
    title = "The stack gains nothing"
    severity = "tip"
    remedy = (
        "Use what is simpler, the best member or the plain average; or add members of other families, which "
        "make other errors."
    )

    def examine(self, facts: Facts) -> Finding:
        """Test the stack against both, at the level of 5 %."""
        best = _best_of(facts)
        tests = {f"its best member, {best!r},": facts.compare(STACK, best)}
        if not _is_plain_average(facts):
            tests["the plain average"] = facts.compare(STACK, MEAN)
        known = {name: test for name, test in tests.items() if not np.isnan(test.p_value)}
        if not known:
            raise NotApplicableError("There are too few folds for a test.")
        equal = [name for name, test in known.items() if not (test.difference > 0 and test.p_value < GAIN_P)]
        shown = equal[0] if equal else max(known, key=lambda name: known[name].p_value)
        return Finding(bool(equal), f"Against {shown} {_in_words(known[shown], facts)}.")


class OverfittedLevel(Check):
    """The final estimator has learned from held-out labels, or is worse than the plain average.

    What learns from predictions can do without learning at all; a stack that is worse than the plain average,
    by three standard errors of a paired test, has overfitted.
    """

    code = "STK006"
    title = "Overfitted level"
    severity = "issue"
    remedy = (
        "Use a final estimator with fewer parameters (a combiner of stackit.combine) and fewer members; "
        "with columns of X passed through, use Level(..., nested=True)."
    )

    def examine(self, facts: Facts) -> Finding:
        """Look up whether the stack is marked as optimistic, and test it against the plain average."""
        why = facts.evidence.optimistic.get("stack")
        if why is not None and "stack" not in facts.members:
            return Finding(True, f"The score of the stack is optimistic: {why}.")
        _best_of(facts)
        if _is_plain_average(facts):
            raise NotApplicableError("The stack is the plain average, which learns nothing.")
        test = facts.compare(STACK, MEAN)
        if np.isnan(test.p_value):
            raise NotApplicableError("The plain average cannot be judged by the metric, or in too few folds.")
        return Finding(_is_worse(test), f"Against the plain average {_in_words(test, facts)}.")


class FewRowsPerMember(Check):
    """The final estimator has fewer than ten rows per member; for classes, rows of the rarest class."""

    code = "STK017"
    title = "Too few rows for the number of members"
    severity = "tip"
    remedy = (
        "Use fewer members, the plain average, or a combiner with few effective weights (convex, greedy)."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the number of rows with the number of members."""
        if len(facts.members) < 2:
            raise NotApplicableError("The stack has one member.")
        codes = facts.target.codes[facts.rows]
        n = (
            int(np.bincount(codes, minlength=len(facts.target.classes)).min())
            if facts.classify
            else len(codes)
        )
        what = "rows of the rarest class" if facts.classify else "rows"
        k = len(facts.members)
        return Finding(n < ROWS_PER_WEIGHT * k, f"{n} {what} for {k} members are {n / k:.1f} per member.")


class CancellingWeights(Check):
    """The weights of members cancel: what cancels is more than what remains of them."""

    code = "STK018"
    title = "Weights that cancel"
    severity = "tip"
    remedy = (
        "Use a combiner with weights of at least 0 (convex, greedy, nonnegative), more regularization, or "
        "drop members that are alike."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the sum of the weights with the sum of their sizes."""
        weights = facts.evidence.weights
        if len(weights) < 2:
            raise NotApplicableError("The stack has no weights of several members.")
        values = np.array([*weights.values()], dtype=np.float64)
        total, size = abs(float(values.sum())), float(np.abs(values).sum())
        lowest = min(weights, key=lambda name: weights[name])
        return Finding(
            (size - total) / 2 > total,
            f"The weights add up to {values.sum():.3g}, their sizes to {size:.3g}; the lowest is that of "
            f"{lowest!r}, {weights[lowest]:.3g}.",
        )


def _best_of(facts: Facts) -> str:
    if len(facts.members) < 2:
        raise NotApplicableError("The stack has one member.")
    if facts.best is None:
        raise NotApplicableError(f"The members cannot be scored here by {facts.evidence.scoring}.")
    if np.isnan(facts.mean_loss(STACK)):
        raise NotApplicableError(f"The stack cannot be scored here by {facts.evidence.scoring}.")
    return facts.best


def _is_plain_average(facts: Facts) -> bool:
    gap = np.abs(facts.predictions[STACK] - facts.predictions[MEAN])[facts.rows]
    return bool(
        gap.size and gap.max() < 1e-9 * max(1.0, float(np.abs(facts.evidence.stack[facts.rows]).max()))
    )


def _is_worse(test: PairedTest) -> bool:
    return test.difference < 0 and test.p_value < WORSE_P


def _in_words(test: PairedTest, facts: Facts) -> str:
    if test.difference == 0:
        return f"the stack has the same {facts.loss_name}"
    better = "better" if test.difference > 0 else "worse"
    return (
        f"the stack is {better} by {abs(test.difference):.3g} in {facts.loss_name} (standard error "
        f"{test.standard_error:.2g}, p = {test.p_value:.2g})"
    )
