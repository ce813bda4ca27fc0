"""The smallest number that is predicted where a metric takes logarithms or refuses numbers below 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.estimators.scoring import Scoring
from stackit.target import Target

__all__ = ["Floor", "floor_of"]

OF_LOGARITHMS = ("neg_mean_squared_log_error", "neg_root_mean_squared_log_error")
OF_POSITIVE = ("neg_mean_poisson_deviance", "neg_mean_gamma_deviance")


@dataclass(frozen=True)
class Floor:
    """Raises the predictions of a member to a number."""

    lowest: float

    def predict(self, predictions: Any) -> Floats:
        """Return the predictions, or the number where they are below it."""
        return np.maximum(np.asarray(predictions, dtype=np.float64), self.lowest)


def floor_of(scoring: Scoring, target: Target) -> Floor | None:
    """Return the floor of a metric: the smallest target, or half of the smallest above 0; None for others."""
    if scoring in OF_LOGARITHMS:
        return Floor(float(target.y.min()))
    if scoring in OF_POSITIVE:
        return Floor(float(target.y[target.y > 0].min()) / 2)
    return None
