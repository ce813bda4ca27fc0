"""The geometric mean of probabilities or of positive numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.utils import Tags

from stackit.arrays import Floats
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.combine.probabilities import log_probabilities
from stackit.combine.weighted import Weighted, normalize_weights

__all__ = ["GeometricClassifier", "GeometricRegressor"]


class GeometricClassifier(Weighted, CombinerClassifier):
    """Multiply the probabilities of the base estimators: p proportional to prod_m p_m^w_m.

    With two classes this is the average of the logits. A confident estimator counts for more than in
    the plain mean, so that the blend of well calibrated estimators is sharper.

    Parameters
    ----------
    weights : (n_estimators,) array-like or dict of str to float, optional
        Given weights, at least 0, by position or by the names of estimators (those not named get 0); they
        are divided by their sum. Default: all equal.
    clip : float, default=1e-6
        Probabilities are kept this far from 0 and 1: no other estimator could outweigh a 0.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, with sum 1.

    References
    ----------
    Genest, C. and Zidek, J. V. (1986). Combining probability distributions: a critique and an annotated
    bibliography. Statistical Science 1(1), 114-135.

    Examples
    --------
    >>> geometric = GeometricClassifier().fit([[0.2, 0.4], [0.9, 0.7]], ["no", "yes"])
    >>> geometric.predict_proba([[0.5, 0.9], [0.2, 0.8]]).round(2).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """

    def __init__(self, weights: Any = None, clip: float = 1e-6) -> None:
        self.weights = weights
        self.clip = clip

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        log_probabilities(blocks[:1], self.clip)  # raises in fit where clip is out of range
        return normalize_weights(self.weights, self._names(blocks.shape[1]))

    def _blend(self, blocks: Floats) -> Floats:
        scores = np.einsum("nmc,m->nc", log_probabilities(blocks, self.clip), self.weights_)
        return np.asarray(softmax(scores, axis=1))


class GeometricRegressor(Weighted, CombinerRegressor):
    """Multiply the predictions of the base estimators: f = prod_m f_m^w_m, for numbers of at least 0.

    It is the mean of the logarithms, which suits prices and counts.

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
    >>> GeometricRegressor().fit([[1, 2], [3, 4]], [1, 3]).predict([[10, 1000]]).round(6).tolist()
    [100.0]
    """

    def __init__(self, weights: Any = None) -> None:
        self.weights = weights

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        _check_positive(blocks)
        return normalize_weights(self.weights, self._names(blocks.shape[1]))

    def _blend(self, blocks: Floats) -> Floats:
        _check_positive(blocks)
        used = self.weights_ > 0  # 0 to the power of 0 is 1, but NaN by its logarithm
        with np.errstate(divide="ignore"):
            logs = np.log(blocks[:, used])
        return np.asarray(np.exp(np.einsum("nmc,m->nc", logs, self.weights_[used])))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


def _check_positive(blocks: Floats) -> None:
    if blocks.min() < 0:
        # scikit-learn's checks expect its own words, "Negative values in data".
        raise ValueError(
            "Negative values in data: predictions must be at least 0 for a geometric mean, but the lowest is "
            f"{blocks.min():.3g}. Use MeanRegressor, or predict the logarithm of the target."
        )
