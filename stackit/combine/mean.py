"""The mean of the predictions, plain or with given weights."""

from __future__ import annotations

from typing import Any

from stackit.arrays import Floats
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.combine.weighted import Weighted, normalize_weights

__all__ = ["MeanClassifier", "MeanRegressor"]


class MeanClassifier(Weighted, CombinerClassifier):
    """Average the probabilities of the base estimators: p = sum_m w_m p_m.

    Parameters
    ----------
    weights : (n_estimators,) array-like or dict of str to float, optional
        Given weights, at least 0, by position or by the names of estimators (those not named get 0); they
        are divided by their sum. Default: all equal.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, with sum 1.

    Examples
    --------
    >>> mean = MeanClassifier().fit([[0.2, 0.4], [0.9, 0.7]], ["no", "yes"])
    >>> mean.predict_proba([[0.6, 0.8]]).round(2).tolist()
    [[0.3, 0.7]]

    By name, as a stack or a data frame knows the estimators:

    >>> import pandas as pd
    >>> meta = pd.DataFrame({"forest": [0.2, 0.9], "bayes": [0.4, 0.7]})
    >>> MeanClassifier({"forest": 3, "bayes": 1}).fit(meta, ["no", "yes"]).named_weights_
    {'forest': 0.75, 'bayes': 0.25}
    """

    def __init__(self, weights: Any = None) -> None:
        self.weights = weights

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        return normalize_weights(self.weights, self._names(blocks.shape[1]))


class MeanRegressor(Weighted, CombinerRegressor):
    """Average the predictions of the base estimators: f = sum_m w_m f_m.

    Parameters
    ----------
    weights : (n_estimators,) array-like or dict of str to float, optional
        Given weights, at least 0, by position or by the names of estimators (those not named get 0); they
        are divided by their sum. Default: all equal.

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

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        return normalize_weights(self.weights, self._names(blocks.shape[1]))
