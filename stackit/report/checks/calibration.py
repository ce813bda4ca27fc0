"""Checks of probabilities: certain ones that log loss punishes, and those that are not borne out."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from stackit.arrays import Floats
from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts

__all__ = ["CertainProbabilities", "OutOfCalibration"]

# log(1e-6) is -14: one such row among a thousand costs 0.014, as much as a stack usually gains.
CERTAIN = 1e-6
# In each of ten bins there are ten rows at least.
MIN_ROWS, N_BINS = 100, 10
# Chance makes such a deviation once in a thousand runs,
CALIBRATION_P = 0.001
# and it is more than two points of probability, or a tenth of the scale of numbers: less changes nothing.
MIN_GAP, MIN_SLOPE_GAP = 0.02, 0.1
RANK_METRICS = ("roc_auc", "average_precision", "gini")


class CertainProbabilities(Check):
    """With log loss, the stack is calibrated by isotonic steps, or is certain of a class and wrong."""

    code = "STK015"
    title = "Isotonic steps with log loss"
    severity = "issue"
    remedy = (
        "Calibrate smoothly (TemperatureClassifier, QuadraticClassifier, MatrixScalingClassifier), and keep "
        "probabilities away from 0 and 1."
    )

    def examine(self, facts: Facts) -> Finding:
        """Look for isotonic steps in the final estimator, and for rows of a class that has no probability."""
        if not facts.classify or "log_loss" not in facts.evidence.scoring:
            raise NotApplicableError(f"The metric is {facts.evidence.scoring}, not log loss.")
        of_truth = facts.evidence.stack[facts.rows, facts.target.codes[facts.rows]]
        n_certain = int((of_truth < CERTAIN).sum())
        steps = _isotonic_in(facts.evidence.final_estimator) or (
            facts.evidence.combiner if "isotonic" in facts.evidence.combiner.lower() else ""
        )
        rows = f"{n_certain} of {len(of_truth)} rows have a probability below {CERTAIN:g} for their class"
        if steps:
            return Finding(True, f"The final estimator has isotonic steps ({steps}), and {rows}.")
        return Finding(n_certain > 0, f"{rows[0].upper()}{rows[1:]}.")


class OutOfCalibration(Check):
    """Predicted probabilities are not borne out, or numbers are too close together or too far apart.

    Of classes, the most probable one is taken, and rows are sorted into ten bins by its probability; of two
    classes, by the probability of the second. Of numbers, the target is regressed on the predictions.
    """

    code = "STK016"
    title = "Predictions out of calibration"
    severity = "tip"
    remedy = (
        "Calibrate the stack: TemperatureClassifier or SigmoidClassifier around the combiner, a linear "
        "final estimator for numbers."
    )

    def examine(self, facts: Facts) -> Finding:
        """Compare predictions with what happened."""
        if len(facts.rows) < MIN_ROWS:
            raise NotApplicableError(f"There are {len(facts.rows)} predicted rows; {MIN_ROWS} are needed.")
        if any(name in facts.evidence.scoring for name in RANK_METRICS):
            raise NotApplicableError(f"{facts.evidence.scoring} depends on the order of predictions alone.")
        if not facts.classify:
            return _slope(facts.evidence.stack[facts.rows], facts.target.y[facts.rows].astype(np.float64))
        stack, codes = facts.evidence.stack[facts.rows], facts.target.codes[facts.rows]
        if facts.target.kind == "binary":
            return _bins(stack[:, 1], codes == 1)
        return _bins(stack.max(axis=1), stack.argmax(axis=1) == codes)


def _isotonic_in(estimator: Any) -> str:
    """Return the name of the part of an estimator that fits isotonic steps, or ""."""
    while estimator is not None:
        name = type(estimator).__name__
        if "Isotonic" in name or getattr(estimator, "method", None) == "isotonic":
            return name
        estimator = getattr(estimator, "combiner", None) or getattr(estimator, "estimator", None)
    return ""


def _bins(predicted: Floats, happened: Any) -> Finding:
    """Compare probabilities with shares in bins of equally many rows (Hosmer and Lemeshow)."""
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, N_BINS)
    expected = np.array([predicted[part].mean() for part in parts])
    observed = np.array([happened[part].mean() for part in parts])
    variances = np.array([(predicted[part] * (1 - predicted[part])).sum() / len(part) ** 2 for part in parts])
    known = variances > 1e-9  # a bin of certain predictions has no spread to compare with
    z = np.zeros(N_BINS)
    z[known] = (observed - expected)[known] / np.sqrt(variances[known])
    p_value = float(stats.chi2.sf((z**2).sum(), max(int(known.sum()), 1)))
    gaps = np.abs(observed - expected)
    worst = int(gaps.argmax())
    return Finding(
        p_value < CALIBRATION_P and float(gaps.mean()) > MIN_GAP,
        f"Predicted and observed shares differ by {gaps.mean():.1%} on average, most where "
        f"{expected[worst]:.0%} were predicted and {observed[worst]:.0%} happened (p = {p_value:.2g}).",
    )


def _slope(predicted: Floats, y: Floats) -> Finding:
    """Regress numbers on their predictions: the slope is 1 where these are calibrated."""
    centered = predicted - predicted.mean()
    spread = float(centered @ centered)
    if spread <= 1e-12 * max(1.0, float(y @ y)):
        raise NotApplicableError("All predictions are the same.")
    slope = float(centered @ y) / spread
    residuals = y - y.mean() - slope * centered
    # White's standard error: large predictions may have large errors.
    error = float(np.sqrt((centered**2 * residuals**2).sum())) / spread
    p_value = float(2 * stats.norm.sf(abs(slope - 1) / error)) if error > 0 else float(slope == 1)
    how = "too close together" if slope > 1 else "too far apart"
    return Finding(
        p_value < CALIBRATION_P and abs(slope - 1) > MIN_SLOPE_GAP,
        f"Where predictions differ by 1, the target differs by {slope:.3f} (p = {p_value:.2g} for 1)"
        f"{': predictions are ' + how if abs(slope - 1) > MIN_SLOPE_GAP else ''}.",
    )
