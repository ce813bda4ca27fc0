"""The weighted average of least loss: weights of at least 0 with sum 1."""

from __future__ import annotations

from typing import Literal

import numpy as np

from stackit.arrays import Floats
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.combine.simplex import as_least_squares, log_loss_on_simplex, squares_on_simplex
from stackit.combine.weighted import Weighted

__all__ = ["ConvexClassifier", "ConvexRegressor"]

MIN_PROBABILITY = 1e-15


class ConvexClassifier(Weighted, CombinerClassifier):
    """Average probabilities with the weights of least log loss, or least squared error.

    The weights minimise ``-sum_i s_i log(sum_m w_m p_im)``, where p_im is the probability of the true
    class of row i by estimator m, or ``sum_i s_i sum_c (y_ic - sum_m w_m p_imc)^2``, over all ``w_m >= 0``
    with sum 1; s are the sample weights. Both problems are convex and solved exactly: on the table passed to
    fit, no single estimator and no other average has less loss. For an honest loss, cross-fit it, as in
    ``out_of_fold([("stack", ConvexClassifier())], oof.meta_train, y, cv=folds)``.

    Parameters
    ----------
    loss : {"log_loss", "squared_error"}, default="log_loss"
        The loss to minimise.

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

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        if self.loss == "log_loss":
            proba = np.einsum("nmc,nc->nm", blocks, target)
            return log_loss_on_simplex(proba.clip(min=MIN_PROBABILITY), weights)
        if self.loss == "squared_error":
            return _least_squares(blocks, target, weights)
        raise ValueError(f"loss must be 'log_loss' or 'squared_error', but loss={self.loss!r}.")


class ConvexRegressor(Weighted, CombinerRegressor):
    """Average predictions with the weights of least squared error.

    The weights minimise ``sum_i s_i sum_o (y_io - sum_m w_m f_imo)^2`` over all ``w_m >= 0`` with sum 1,
    where s are the sample weights. This is the true optimum: on the table passed to fit, no single
    estimator and no other average has less error. For an honest error, cross-fit it.

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

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        return _least_squares(blocks, target, weights)


def _least_squares(blocks: Floats, target: Floats, weights: Floats) -> Floats:
    """Return the weights of least squared error over all samples and classes or outputs."""
    if target.shape[1] == 2 and np.allclose(blocks.sum(axis=2), 1) and np.allclose(target.sum(axis=1), 1):
        blocks, target = blocks[:, :, 1:], target[:, 1:]  # the errors of two classes are the same
    return squares_on_simplex(*as_least_squares(blocks, target, weights))
