"""The best weighted average: weights of at least 0 with sum 1, at the true optimum of the loss."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from stackit.combine.combiner import Blocks, CombinerClassifier, CombinerRegressor, Weights
from stackit.combine.simplex import log_loss_on_simplex, squares_on_simplex
from stackit.combine.weighted import Weighted
from stackit.validation import invalid_value

__all__ = ["ConvexClassifier", "ConvexRegressor"]

LEAST = 1e-15


class ConvexClassifier(Weighted, CombinerClassifier):
    """Weigh probabilities by the weighted average with the least log loss, or squared error.

    The weights minimise ``-sum_i s_i log(sum_m w_m p_im)``, where p_im is what estimator m gives the true
    class of row i, or ``sum_i s_i sum_c (y_ic - sum_m w_m p_imc)^2``, over all ``w_m >= 0`` with sum 1; s
    are the sample weights. Both problems are convex and solved exactly, so that on the table learned from
    no single estimator and no other average has less loss. (Cross-fit for an honest loss, as in
    ``out_of_fold([("stack", ConvexClassifier())], oof.meta_train, y, cv=folds)``.)

    Parameters
    ----------
    loss : {"log_loss", "squared_error"}, default="log_loss"
        What is minimised.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, at least 0, with sum 1.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.
    van der Laan, M. J., Polley, E. C. and Hubbard, A. E. (2007). Super learner. Statistical
    Applications in Genetics and Molecular Biology 6(1).

    Examples
    --------
    >>> X = [[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8], [0.9, 0.4]]
    >>> ConvexClassifier().fit(X, [0, 1, 1, 1, 1]).weights_.round(2).tolist()
    [0.71, 0.29]
    """

    def __init__(self, loss: Literal["log_loss", "squared_error"] = "log_loss") -> None:
        self.loss = loss

    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        if self.loss == "log_loss":
            chances = np.einsum("nmc,nc->nm", blocks, target)
            return log_loss_on_simplex(chances.clip(min=LEAST), weights)
        if self.loss == "squared_error":
            return _least_squares(blocks, target, weights)
        raise invalid_value(
            "loss", "'log_loss' or 'squared_error'", f"loss={self.loss!r}", "Pass one of these"
        )


class ConvexRegressor(Weighted, CombinerRegressor):
    """Weigh predictions by the weighted average with the least squared error.

    The weights minimise ``sum_i s_i sum_o (y_io - sum_m w_m f_imo)^2`` over all ``w_m >= 0`` with sum 1,
    where s are the sample weights: the true optimum, so that on the table learned from no single
    estimator and no other average has less error. (Cross-fit for an honest one.)

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, at least 0, with sum 1.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.

    Examples
    --------
    >>> ConvexRegressor().fit([[0, 4], [1, 5]], [1, 2]).weights_.round(6).tolist()
    [0.75, 0.25]
    """

    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        return _least_squares(blocks, target, weights)


def _least_squares(blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
    """Solve the least-squares problem whose rows are (sample, class or output) pairs."""
    if target.shape[1] == 2 and np.allclose(blocks.sum(axis=2), 1) and np.allclose(target.sum(axis=1), 1):
        blocks, target = blocks[:, :, 1:], target[:, 1:]  # two classes say the same twice
    scale = np.sqrt(weights)[:, np.newaxis]
    left = (blocks * scale[:, :, np.newaxis]).transpose(0, 2, 1).reshape(-1, blocks.shape[1])
    return squares_on_simplex(left, (target * scale).ravel())
