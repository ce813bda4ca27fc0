"""Hill climbing: the blend steps toward an estimator or away from it, in ever smaller steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.combine.combiner import Blocks, CombinerClassifier, CombinerRegressor, Weights
from stackit.combine.search.greedy import best_of_sorted, classes_of, numbers_of
from stackit.combine.search.objective import Objective, objective_of
from stackit.combine.weighted import Weighted
from stackit.validation import invalid_value, is_number

__all__ = ["HillClimbClassifier", "HillClimbRegressor"]

LARGEST = 0.25
NO_GAIN = 1e-12  # what rounding alone may bring


class HillClimbClassifier(Weighted, CombinerClassifier):
    """Weigh probabilities by climbing the metric, step by step; weights may be negative.

    From blend p a step of size h goes to ``(1 - h) p + h p_m`` or ``(1 + h) p - h p_m``, for the estimator m
    that helps most; where none helps, h is halved. On the table learned from, the end is at least as good
    as each estimator and as the plain mean. A negative weight subtracts what another estimator has too
    much of; blends below 0 count as 0. (Cross-fit for an honest score: the one climbed by is not kept.)

    Parameters
    ----------
    scoring : str or callable, default="neg_log_loss"
        A scikit-learn scorer or its name. Log loss, Brier score, accuracy and areas under the curve are
        fast. Blends that it refuses are passed by.
    negative_weights : bool, default=True
        Whether weights may be negative.
    precision : float, default=0.004
        The smallest step.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, with sum 1.

    Examples
    --------
    >>> X = [[0.3, 0.4, 0.6], [0.6, 0.2, 0.7], [0.4, 0.9, 0.2], [0.8, 0.6, 0.3]]
    >>> climbed = HillClimbClassifier().fit(X, [0, 0, 1, 1])
    >>> bool(climbed.weights_[2] < 0), climbed.predict(X).tolist()
    (True, [0, 0, 1, 1])
    """

    def __init__(
        self, scoring: Any = "neg_log_loss", negative_weights: bool = True, precision: float = 0.004
    ) -> None:
        self.scoring = scoring
        self.negative_weights = negative_weights
        self.precision = precision

    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        objective = objective_of(self.scoring, blocks, classes_of(self.classes_, target), weights)
        return _climb(objective, self.negative_weights, self.precision)


class HillClimbRegressor(Weighted, CombinerRegressor):
    """Weigh predictions by climbing the metric, step by step; weights may be negative.

    See `HillClimbClassifier`.

    Parameters
    ----------
    scoring : str or callable, default="neg_root_mean_squared_error"
        A scikit-learn scorer or its name. Squared and absolute errors and R2 are fast.
    negative_weights : bool, default=True
        Whether weights may be negative.
    precision : float, default=0.004
        The smallest step.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, with sum 1.

    Examples
    --------
    >>> climbed = HillClimbRegressor().fit([[1, 2], [3, 5], [4, 6]], [0, 1, 2])
    >>> climbed.weights_.round(2).tolist()
    [2.0, -1.0]
    """

    def __init__(
        self,
        scoring: Any = "neg_root_mean_squared_error",
        negative_weights: bool = True,
        precision: float = 0.004,
    ) -> None:
        self.scoring = scoring
        self.negative_weights = negative_weights
        self.precision = precision

    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        objective = objective_of(self.scoring, blocks, numbers_of(target), weights)
        return _climb(objective, self.negative_weights, self.precision)


def _climb(objective: Objective, negative: bool, precision: float) -> Weights:
    """Return the shares at the top."""
    if not (is_number(precision) and 0 < precision <= LARGEST):
        raise invalid_value(
            "precision", f"above 0 and at most {LARGEST}", f"{precision=}", "Pass precision=0.004"
        )
    places = np.arange(len(objective.shares))
    _, score = best_of_sorted(objective, places)
    size = LARGEST
    while size >= precision:
        steps = np.r_[np.full(len(places), size), _steps_away(objective.shares, size, negative)]
        scores = objective.after(np.r_[places, places], steps)
        at = int(np.argmax(scores))
        if scores[at] > score + NO_GAIN:
            score = float(scores[at])
            objective.move(int(at % len(places)), float(steps[at]))
        else:
            size /= 2
    return objective.shares if negative else np.asarray(objective.shares.clip(min=0))


def _steps_away(shares: Weights, size: float, negative: bool) -> Weights:
    """Return the steps away from each estimator: if none may become negative, down to 0 at most."""
    if negative:
        return np.full(len(shares), -size)
    rest = 1 - shares
    down_to_zero = np.divide(-shares, rest, out=np.zeros(len(shares)), where=rest > 1e-9)
    return np.asarray(down_to_zero.clip(-size, 0))
