"""Hill climbing: the blend moves toward an estimator or away from it, in ever smaller steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.combine.search.greedy import class_target, number_target, start_from_best_average
from stackit.combine.search.objective import Objective, objective_of
from stackit.combine.weighted import Weighted
from stackit.validation import is_number

__all__ = ["HillClimbClassifier", "HillClimbRegressor"]

LARGEST = 0.25
MIN_GAIN = 1e-12  # smaller gains are rounding errors


class HillClimbClassifier(Weighted, CombinerClassifier):
    """Weigh probabilities by climbing the metric, step by step; weights may be negative.

    From blend p a step of size h goes to ``(1 - h) p + h p_m`` or ``(1 + h) p - h p_m``, for the estimator m
    that helps most; where none helps, h is halved. On the table passed to fit, the result is at least as good
    as each estimator and as the plain mean. A negative weight compensates for the errors of another
    estimator; blends below 0 count as 0. The score of the search is optimistic and not stored: cross-fit for
    an honest one.

    Parameters
    ----------
    scoring : str or callable, default="neg_log_loss"
        A scikit-learn scorer or its name. Log loss, Brier score, accuracy and areas under the curve are
        fast. Blends that the scorer rejects are skipped.
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

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        objective = objective_of(self.scoring, blocks, class_target(self.classes_, target), weights)
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

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        objective = objective_of(self.scoring, blocks, number_target(target), weights)
        return _climb(objective, self.negative_weights, self.precision)


def _climb(objective: Objective, negative: bool, precision: float) -> Floats:
    """Return the weights at the top."""
    if not (is_number(precision) and 0 < precision <= LARGEST):
        raise ValueError(f"precision must be above 0 and at most {LARGEST}, but precision={precision!r}.")
    places = np.arange(len(objective.weights))
    _, score = start_from_best_average(objective, places)
    size = LARGEST
    while size >= precision:
        steps = np.r_[np.full(len(places), size), _steps_away(objective.weights, size, negative)]
        scores = objective.score_steps(np.r_[places, places], steps)
        at = int(np.argmax(scores))
        if scores[at] > score + MIN_GAIN:
            score = float(scores[at])
            objective.move(int(at % len(places)), float(steps[at]))
        else:
            size /= 2
    return objective.weights if negative else np.asarray(objective.weights.clip(min=0))


def _steps_away(weights: Floats, size: float, negative: bool) -> Floats:
    """Return the steps away from each estimator: down to weight 0 at most, unless it may be negative."""
    if negative:
        return np.full(len(weights), -size)
    rest = 1 - weights
    down_to_zero = np.divide(-weights, rest, out=np.zeros(len(weights)), where=rest > 1e-9)
    return np.asarray(down_to_zero.clip(-size, 0))
