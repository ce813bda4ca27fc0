"""The check of nets that were still learning when their training ended."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts
from stackit.validation import format_list

__all__ = ["UnfinishedNets"]

# The losses of the last tenth of the epochs are compared with those of the tenth before.
TENTH, MIN_EPOCHS = 10, 20
# A validation loss that still falls by a hundredth is worth more epochs.
MIN_FALL = 0.01


class UnfinishedNets(Check):
    """The validation loss of a net still falls by more than 1 % in the last tenth of its epochs."""

    code = "STK034"
    title = "Nets that were still learning"
    severity = "tip"
    remedy = "Train for more epochs (max_iter), or with a larger learning rate."

    def examine(self, facts: Facts) -> Finding:
        """Compare the ends of the learning curves."""
        falls = {name: _fall(curve) for name, curve in facts.evidence.nets.items()}
        known = {name: fall for name, fall in falls.items() if fall is not None}
        if not known:
            raise NotApplicableError(f"No net has a validation loss of {MIN_EPOCHS} epochs or more.")
        wrong = sorted((name for name in known if known[name] > MIN_FALL), key=lambda name: -known[name])
        most = max(known, key=lambda name: known[name])
        names = f"{len(wrong)} of {len(known)} nets ({format_list(map(repr, wrong))}): " if wrong else ""
        change = f"fell by {known[most]:.1%}" if known[most] > 0 else f"rose by {-known[most]:.1%}"
        return Finding(
            bool(wrong), f"{names}the validation loss of {most!r} {change} in the last tenth of its epochs."
        )


def _fall(curve: pd.DataFrame) -> float | None:
    """Return by which share the validation loss, averaged over folds, falls at the end; None if unknown."""
    if "validation_loss" not in curve or "epoch" not in curve:
        return None
    known = curve.dropna(subset="validation_loss")
    n_curves = known.groupby("epoch").size()
    means = known.groupby("epoch")["validation_loss"].mean()
    # Networks that stopped early have ended: epochs of all the networks are compared.
    losses = means[n_curves == n_curves.max()].to_numpy(dtype=np.float64)
    if len(losses) < MIN_EPOCHS:
        return None
    tenth = len(losses) // TENTH
    last, before = losses[-tenth:].mean(), losses[-2 * tenth : -tenth].mean()
    return float(1 - last / before) if before > 0 else None
