"""Checks of the target and its metric: a few rows that decide, and accuracy where one class is rare."""

from __future__ import annotations

import numpy as np

from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import STACK, Facts

__all__ = ["AccuracyOfRareClass", "FewRowsMakeTheError"]

# Of normal errors the largest hundredth makes 9 % of the squared error, of Laplace's 19 %.
FEW, MOST_ERROR = 0.01, 0.5
MIN_ROWS = 100
# The prior is right in nine of ten rows: accuracy hardly tells members from it.
LARGEST_CLASS = 0.9


class FewRowsMakeTheError(Check):
    """A hundredth of the rows makes more than half of the squared error."""

    code = "STK032"
    title = "A few rows make most of the error"
    severity = "tip"
    remedy = (
        "Look at these rows: errors of measurement can be dropped. Where they are right, predict the "
        "logarithm of the target, or use a loss that is less steep, if the metric allows it."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the largest squared errors of the stack with all of them."""
        if facts.classify:
            raise NotApplicableError("The target has classes.")
        if len(facts.rows) < MIN_ROWS:
            raise NotApplicableError(f"There are {len(facts.rows)} predicted rows; {MIN_ROWS} are needed.")
        errors = np.sort(facts.squared_losses(STACK))
        few = max(1, int(FEW * len(errors)))
        share = float(errors[-few:].sum() / errors.sum()) if errors.any() else 0.0
        return Finding(
            share > MOST_ERROR, f"{few} of {len(errors)} rows make {share:.0%} of the stack's squared error."
        )


class AccuracyOfRareClass(Check):
    """The metric is accuracy, and nine of ten rows are of one class."""

    code = "STK033"
    title = "Accuracy with a rare class"
    severity = "tip"
    remedy = (
        "Unless the competition wants accuracy, use log loss, the area under the precision-recall curve, or "
        "balanced accuracy: always predicting the frequent class is accurate as well."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare the share of the most frequent class with that of accurate predictions."""
        if not facts.classify or facts.evidence.scoring != "accuracy":
            raise NotApplicableError(f"The metric is {facts.evidence.scoring}, not accuracy.")
        shares = np.bincount(facts.target.codes, minlength=len(facts.target.classes)) / len(
            facts.target.codes
        )
        at = int(shares.argmax())
        losses = facts.losses(STACK)
        also = (
            f"; the stack is right in {1 - losses.mean():.1%}" if losses is not None and len(losses) else ""
        )
        return Finding(
            bool(shares[at] >= LARGEST_CLASS),
            f"{shares[at]:.1%} of the rows are of the class {facts.target.classes.tolist()[at]!r}{also}.",
        )
