"""The plain average, or one with given weights: the yardstick of every stack."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.check import fault
from stackit.combine.combiner import Blocks, CombinerClassifier, CombinerRegressor, Weights
from stackit.combine.weighted import Weighted

__all__ = ["MeanClassifier", "MeanRegressor", "shares"]


class MeanClassifier(Weighted, CombinerClassifier):
    """Average the probabilities of the base estimators: p = sum_m w_m p_m.

    Parameters
    ----------
    weights : (n_estimators,) array-like, optional
        Given weights, at least 0; they are divided by their sum. Default: all equal.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, with sum 1.

    Examples
    --------
    >>> mean = MeanClassifier().fit([[0.2, 0.4], [0.9, 0.7]], ["no", "yes"])
    >>> mean.predict_proba([[0.6, 0.8]]).round(2).tolist()
    [[0.3, 0.7]]
    """

    def __init__(self, weights: Any = None) -> None:
        self.weights = weights

    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        return shares(self.weights, blocks.shape[1])


class MeanRegressor(Weighted, CombinerRegressor):
    """Average the predictions of the base estimators: f = sum_m w_m f_m.

    Parameters
    ----------
    weights : (n_estimators,) array-like, optional
        Given weights, at least 0; they are divided by their sum. Default: all equal.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, with sum 1.

    Examples
    --------
    >>> MeanRegressor(weights=[3, 1]).fit([[1, 2], [3, 4]], [1, 3]).predict([[10, 20]]).tolist()
    [12.5]
    """

    def __init__(self, weights: Any = None) -> None:
        self.weights = weights

    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        return shares(self.weights, blocks.shape[1])


def shares(weights: Any, n_estimators: int) -> Weights:
    """Return given weights with sum 1, one an estimator; None is all equal."""
    values = np.ones(n_estimators) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.shape != (n_estimators,) or not (values >= 0).all() or not 0 < values.sum() < np.inf:
        raise fault(
            "weights",
            f"{n_estimators} numbers of at least 0, not all 0",
            f"weights={weights!r}",
            "Pass one weight an estimator, or None",
        )
    return np.asarray(values / values.sum())
