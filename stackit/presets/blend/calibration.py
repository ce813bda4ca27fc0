"""Calibration of a member's probabilities, cross-fitted on the folds of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.combine import MatrixScalingClassifier, QuadraticClassifier
from stackit.combine.probabilities import mix_with_even
from stackit.folds import Folds
from stackit.presets.blend.cross_fitting import cross_fit, held_out_rows, row_weights
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.presets.blend.meta_table import MetaTable, predict_with
from stackit.target import Target, TargetType

__all__ = ["Calibrator", "calibrate_member"]

MEMBER = "member"
MIN_ROWS = 200  # below, a calibration follows the noise


@dataclass(frozen=True, eq=False)
class Calibrator:
    """The calibration of one member, fitted on all of its out-of-fold predictions.

    Attributes
    ----------
    combiner : QuadraticClassifier or MatrixScalingClassifier
        The fitted calibration.
    gain : float
        By how much it lowers the cross-fitted log loss.
    """

    combiner: Any
    target_type: TargetType
    gain: float

    def predict(self, predictions: Any) -> Floats:
        """Return the calibrated (m, n_classes) probabilities of new rows."""
        return predict_with(self.combiner, MetaTable.of({MEMBER: predictions}, self.target_type))


def calibrate_member(
    oof: Any, target: Target, folds: Folds, sample_weight: Any = None
) -> tuple[Floats, Calibrator | None]:
    """Calibrate the out-of-fold probabilities of one member where that lowers its log loss.

    For two classes by `QuadraticClassifier`, for more by `MatrixScalingClassifier`. The rows of a fold are
    calibrated by what the rows of the other folds say, so that no row's own label reaches its prediction.
    What is kept has less log loss than the member by more than the standard error of the difference.

    Parameters
    ----------
    oof : (n, n_classes) array, or (n,) for regression
        Out-of-fold predictions; NaN in rows that no fold holds out.
    target : Target
        The target.
    folds : Folds
        The folds of the member.
    sample_weight : (n,) array-like, optional
        Weights of the rows.

    Returns
    -------
    oof : (n, n_classes) array, or (n, 1) for regression
        The cross-fitted calibrated predictions, or those of the member.
    calibrator : Calibrator or None
        For the predictions of new rows; None where the member is better as it is, has fewer than 200 rows,
        or predicts numbers.
    """
    table = MetaTable.of({MEMBER: oof}, target.type)
    plain, rows = table.blocks[:, 0], table.covered
    if target.kind not in ("binary", "multiclass") or len(rows) < MIN_ROWS:
        return plain, None
    weights = row_weights(sample_weight, len(target.y))
    combiner = QuadraticClassifier() if target.kind == "binary" else MatrixScalingClassifier()

    def fit(some: Rows) -> Any:
        return table.fit(combiner, target.codes, some, weights)

    calibrated = cross_fit(fit, table, folds)
    metric = HeldOutMetric(
        target, held_out_rows(folds, rows), "neg_log_loss", weights, folds.constraints.groups
    )
    gain, error = metric.compare(
        metric.contributions(calibrated), metric.contributions(_bounded(plain, weights))
    )
    if not gain > error:
        return plain, None
    # Rows that no other fold can calibrate, as the first of folds in time, stay as they are.
    found = np.where(np.isnan(calibrated), plain, calibrated)
    return found, Calibrator(fit(rows), target.type, gain)


def _bounded(proba: Floats, weights: Floats) -> Floats:
    """Return probabilities that are not below 1 / n: a 0 would make any calibration look good."""
    return mix_with_even(proba, 1 / (float(weights.sum()) + 1))
