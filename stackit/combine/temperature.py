"""Temperature scaling of a combiner: one number changes its confidence and no decision."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax

from stackit.arrays import Floats
from stackit.combine.calibrated import CalibratedCombiner
from stackit.combine.probabilities import log_probabilities

__all__ = ["TemperatureClassifier", "temperature_of"]

COLDEST, HOTTEST = 0.05, 20.0


class TemperatureClassifier(CalibratedCombiner):
    """Calibrate a combiner by one temperature: p_c becomes proportional to p_c^(1 / T).

    T minimises the weighted log loss, between 0.05 and 20: the loss is convex in 1 / T, and the root of its
    slope is found. T is above 1 where the blend was overconfident, as of estimators that overfit; below 1
    where it was underconfident, as averages of different estimators are. The order of the classes, and with
    it the accuracy, does not change.

    T is learned from the rows that the combiner has learned from: that does no harm with combiners, which
    have few parameters. For any other classifier use scikit-learn's ``CalibratedClassifierCV``.

    Parameters
    ----------
    combiner : combiner, optional
        A classifier of `stackit.combine`, another calibration included. Default: MeanClassifier.
    clip : float, default=1e-6
        Probabilities are kept this far from 0 and 1.

    Attributes
    ----------
    temperature_ : float
        T.
    combiner_ : combiner
        The fitted combiner.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). On calibration of modern neural networks.
    arXiv:1706.04599, section 4.2.

    Examples
    --------
    >>> X = [[0.9], [0.9], [0.9], [0.1]]
    >>> calibrated = TemperatureClassifier().fit(X, [1, 1, 0, 0])
    >>> round(calibrated.temperature_, 3), calibrated.predict_proba(X)[:, 1].round(3).tolist()
    (2.0, [0.75, 0.75, 0.75, 0.25])
    """

    def __init__(self, combiner: Any = None, clip: float = 1e-6) -> None:
        self.combiner = combiner
        self.clip = clip

    def _calibrate(self, proba: Floats, target: Floats, weights: Floats) -> None:
        self.temperature_ = temperature_of(log_probabilities(proba, self.clip), target, weights)

    def _calibrated(self, proba: Floats) -> Floats:
        return np.asarray(softmax(log_probabilities(proba, self.clip) / self.temperature_, axis=1))


def temperature_of(logs: Floats, target: Floats, weights: Floats) -> float:
    """Return the temperature of least weighted log loss for (n, n_classes) log-probabilities."""
    normalized = weights / weights.sum()
    true = normalized @ (logs * target).sum(axis=1)

    def slope(inverse: float) -> float:
        return float(normalized @ (logs * softmax(inverse * logs, axis=1)).sum(axis=1) - true)

    least, most = 1 / HOTTEST, 1 / COLDEST
    if slope(least) >= 0:
        return HOTTEST
    if slope(most) <= 0:
        return COLDEST
    return 1 / float(brentq(slope, least, most, xtol=1e-14))
