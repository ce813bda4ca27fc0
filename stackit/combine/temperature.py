"""Temperature: one number that makes a blend surer or less sure, and changes no decision."""

from __future__ import annotations

from typing import Any

from scipy.optimize import brentq

from stackit.arrays import Floats
from stackit.combine.calibrated import Calibrated
from stackit.combine.combiner import Weights
from stackit.combine.logs import log_probabilities, softmax

__all__ = ["TemperatureClassifier"]

COLDEST, HOTTEST = 0.05, 20.0


class TemperatureClassifier(Calibrated):
    """Calibrate a combiner by one temperature: p_c becomes proportional to p_c^(1 / T).

    T minimises the weighted log loss, between 0.05 and 20: in 1 / T the loss is convex, and its slope, the
    expected logarithm less that of the true class, is brought to zero. Above 1 the blend was too sure, as of
    estimators that overfit; below 1 too modest, as averages of different estimators are. The order of the
    classes stays as it is, so that accuracy does not change.

    The one number is learned from the rows that the combiner has learned from: with combiners, of few
    parameters, that does no harm. Around any other classifier use scikit-learn's ``CalibratedClassifierCV``.

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

    def _calibrate(self, chances: Floats, target: Floats, weights: Weights) -> None:
        logs, share = log_probabilities(chances, self.clip), weights / weights.sum()
        true = share @ (logs * target).sum(axis=1)

        def slope(coldness: float) -> float:
            return float(share @ (logs * softmax(coldness * logs)).sum(axis=1) - true)

        least, most = 1 / HOTTEST, 1 / COLDEST
        if slope(least) >= 0:
            self.temperature_ = HOTTEST
        elif slope(most) <= 0:
            self.temperature_ = COLDEST
        else:
            self.temperature_ = 1 / float(brentq(slope, least, most, xtol=1e-14))

    def _calibrated(self, chances: Floats) -> Floats:
        return softmax(log_probabilities(chances, self.clip) / self.temperature_)
