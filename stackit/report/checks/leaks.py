"""Checks of members: out-of-fold predictions that know something of the labels they predict."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Floats
from stackit.precomputed.checks import TIMES, is_too_good
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts
from stackit.validation import format_list

__all__ = ["HeldOutStopping", "InSamplePredictions", "LeakingMember"]

# Fewer rows than these may all be right by chance.
MIN_ROWS = 30
# By chance, one honest member in 30,000 is further than so many standard errors above the bound.
STANDARD_ERRORS = 4.0
# Logistic regression makes 0.4 times the errors of naive Bayes on breast cancer, and it is honest.
TIMES_WITHOUT_TEST = 5.0


class LeakingMember(Check):
    """Out-of-fold predictions know more of the target than the predictions of test rows could.

    The covariance of predictions with the target is the same out of fold and on new rows, also when the
    latter are averages over folds. On new rows it is at most the product of the two standard deviations
    (Cauchy and Schwarz), which needs no labels there. An honest member is never above this bound, but for
    chance; classes are added up.
    """

    code = "STK001"
    title = "A member leaks"
    severity = "issue"
    remedy = (
        "Look for what the member's out-of-fold predictions know and new rows do not have: predictions of "
        "rows that were trained on, columns made with the target, duplicates or relatives of held-out rows. "
        "If the test rows are from another source, they may be the reason."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the covariance out of fold with its bound on the test rows, in standard errors."""
        tests = facts.evidence.test_members
        names = [name for name in facts.members if name in tests and len(tests[name]) >= MIN_ROWS]
        if not names:
            raise NotApplicableError(f"There are no predictions of {MIN_ROWS} test rows or more.")
        if len(facts.rows) < MIN_ROWS:
            raise NotApplicableError(f"There are {len(facts.rows)} predicted rows; {MIN_ROWS} are needed.")
        found = {name: _excess(facts, name) for name in names}
        wrong = [name for name, (_, _, z) in found.items() if z > STANDARD_ERRORS]
        if not wrong:
            return Finding(False, f"The test rows bear out the predictions of {_count(names)}.")
        worst = max(wrong, key=lambda name: found[name][2])
        claimed, bound, z = found[worst]
        return Finding(
            True,
            f"{format_list(map(repr, wrong))}: out-of-fold predictions of {worst!r} have a covariance of "
            f"{claimed:.3g} with the target, and those of the test rows allow {bound:.3g} at most "
            f"({z:.0f} standard errors less).",
        )


class InSamplePredictions(Check):
    """A member makes less than half the errors of the best other, by four standard errors.

    That is the rule of `stackit.PrecomputedClassifier`, measured on 25 tables. Predictions of test rows that
    are as certain as the member is right acquit it, but not one without any error. Without predictions of
    test rows it must make less than a fifth: next to weak members, a good one makes less than half.
    """

    code = "STK002"
    title = "In-sample predictions"
    severity = "issue"
    remedy = (
        "Pass out-of-fold predictions: each row predicted by a model that was not trained on it. If they "
        "already are, this member alone can learn the target, and the check may be ignored."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare each member's errors with those of the best other member."""
        if len(facts.members) < 2:
            raise NotApplicableError("There is no other member to compare with.")
        if len(facts.rows) < MIN_ROWS:
            raise NotApplicableError(f"There are {len(facts.rows)} predicted rows; {MIN_ROWS} are needed.")
        errors = {name: _errors(facts, name) for name in facts.members}
        first, second = sorted(errors, key=lambda name: float(errors[name].mean()))[:2]
        own, other = (float(errors[name].mean()) for name in (first, second))
        wrong = is_too_good(errors[first], errors[second]) and not _is_acquitted(facts, first, own, other)
        return Finding(
            wrong,
            f"{first!r} has the error {own:.3g}, and the next best, {second!r}, {other:.3g}"
            f"{': too few to be out of fold' if wrong else ''}.",
        )


class HeldOutStopping(Check):
    """Members have seen held-out labels, as when they stop early on the rows that they are scored on."""

    code = "STK005"
    title = "Early stopping on held-out rows"
    severity = "issue"
    remedy = (
        "Let members stop early on a part of the fold's training rows, which is the default of stackit; "
        'leave `early_stopping="held_out"` away.'
    )

    def examine(self, facts: Facts) -> Finding:
        """Look up which members are marked as optimistic."""
        reasons = {name: why for name, why in facts.evidence.optimistic.items() if name in facts.members}
        if not reasons:
            return Finding(False, f"None of {_count(facts.members)} is known to have seen held-out labels.")
        worst = next(iter(reasons))
        return Finding(
            True,
            f"{len(reasons)} of {_count(facts.members)} are optimistic "
            f"({format_list(map(repr, reasons))}): {worst!r}, because {reasons[worst]}.",
        )


def _excess(facts: Facts, name: str) -> tuple[float, float, float]:
    """Return a covariance with the target, its bound, and the standard errors between them."""
    own, test = facts.evidence.members[name][facts.rows], facts.evidence.test_members[name]
    own, test = own.reshape(len(own), -1), test.reshape(len(test), -1)
    if facts.target.kind == "binary":  # the other class is the rest
        own, test = own[:, 1:], test[:, 1:]
    test = test[np.isfinite(test).all(axis=1)]
    truth = _truth(facts)
    own, test_, truth = own - own.mean(axis=0), test - test.mean(axis=0), truth - truth.mean(axis=0)
    spread, of_truth = (np.maximum(each.std(axis=0), 1e-12) for each in (test_, truth))
    claimed, bound = (own * truth).mean(axis=0), spread * of_truth
    # How much each row moves the difference: the variances of the two tables add up.
    train_part = own * truth - claimed - (truth**2 - of_truth**2) / (2 * of_truth) * spread
    test_part = (test_**2 - spread**2) / (2 * spread) * of_truth
    variances = (each.sum(axis=1).var() / len(each) for each in (train_part, test_part))
    error = float(np.sqrt(sum(variances)))
    total, most = float(claimed.sum()), float(bound.sum())
    return total, most, (total - most) / error if error > 1e-12 else 0.0


def _truth(facts: Facts) -> Floats:
    """Return the target of the judged rows as one column of numbers, or of 0 and 1 per class."""
    codes = facts.target.codes[facts.rows]
    if not facts.classify:
        return codes.astype(np.float64)[:, np.newaxis]
    classes = np.arange(1 if facts.target.kind == "binary" else 0, len(facts.target.classes))
    return np.asarray(codes[:, np.newaxis] == classes, dtype=np.float64)


def _errors(facts: Facts, name: str) -> Floats:
    """Return 0 or 1 per row for classes, and squared errors for numbers."""
    if not facts.classify:
        return facts.squared_losses(name)
    chosen = facts.predictions[name][facts.rows].argmax(axis=1)
    return np.asarray(chosen != facts.target.codes[facts.rows], dtype=np.float64)


def _is_acquitted(facts: Facts, name: str, error: float, best: float) -> bool:
    """Whether a member is as certain of the test rows, which it has not seen, as it is right here."""
    test = facts.evidence.test_members.get(name)
    if test is None or len(test) < MIN_ROWS or (facts.classify and not facts.is_probability(name)):
        return error * TIMES_WITHOUT_TEST >= best
    if facts.classify:
        expected = float(np.nanmean(1 - test.max(axis=1)))
        floor = 1 / len(facts.rows)  # one error says nothing
    else:
        expected, floor = float(facts.target.y.var() - np.nanvar(test)), 0.0
    return error > 0 and expected <= TIMES * max(error, floor)


def _count(names: object) -> str:
    n = len(names)  # type: ignore[arg-type]
    return f"{n} member{'s' if n != 1 else ''}"
