"""Non-negative least squares: the classic weights of stacked regressions and of the super learner."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from stackit.arrays import Floats
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.combine.simplex import as_least_squares
from stackit.combine.weighted import Weighted
from stackit.validation import warn

__all__ = ["NonNegativeClassifier", "NonNegativeRegressor"]


class NonNegativeClassifier(Weighted, CombinerClassifier):
    """Weigh probabilities by non-negative least squares, one weight per estimator.

    The weights minimise ``sum_i s_i sum_c (y_ic - sum_m w_m p_imc)^2`` with all ``w_m >= 0``, where y is
    one-hot and s are the sample weights: the Brier score of the blend. Blended rows are divided by their
    sum, so that only the ratios of the weights matter.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights, as least squares gives them: at least 0, with a sum near 1.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.
    van der Laan, M. J., Polley, E. C. and Hubbard, A. E. (2007). Super learner. Statistical
    Applications in Genetics and Molecular Biology 6(1).

    Examples
    --------
    >>> good, noise = [0.1, 0.2, 0.8, 0.9], [0.6, 0.4, 0.6, 0.4]
    >>> X = [list(row) for row in zip(good, noise)]
    >>> NonNegativeClassifier().fit(X, [0, 0, 1, 1]).weights_.round(2).tolist()
    [1.13, 0.0]
    """

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        return _nonnegative_weights(self, blocks, target, weights)


class NonNegativeRegressor(Weighted, CombinerRegressor):
    """Weigh predictions by non-negative least squares, one weight per estimator, without intercept.

    The weights minimise ``sum_i s_i sum_o (y_io - sum_m w_m f_imo)^2`` with all ``w_m >= 0``. Their sum
    need not be 1: predictions that shrink too much are scaled up.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights; a warning is given when all are 0.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.

    Examples
    --------
    >>> combiner = NonNegativeRegressor().fit([[1, 5], [2, 1], [3, 4]], [2, 4, 6])
    >>> combiner.weights_.round(6).tolist(), combiner.predict([[4, 0]]).round(6).tolist()
    ([2.0, 0.0], [8.0])
    """

    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        return _nonnegative_weights(self, blocks, target, weights)


def _nonnegative_weights(combiner: Weighted, blocks: Floats, target: Floats, weights: Floats) -> Floats:
    """Return the non-negative weights of least squared error over all samples and classes or outputs."""
    left, right = as_least_squares(blocks, target, weights)
    # The triangular factor of [left, right] has the same solution in n_estimators + 1 rows.
    factor: Floats = np.asarray(np.linalg.qr(np.column_stack([left, right]), mode="r"))
    solution, _ = nnls(factor[:, :-1], factor[:, -1])
    if not solution.any():
        result = "all classes as equally likely" if isinstance(combiner, CombinerClassifier) else "0"
        warn(
            f"{type(combiner).__name__} gives all estimators the weight 0, since no positive multiple of any "
            f"of their predictions is closer to y than 0 is: it predicts {result} for every row. Leave out "
            "estimators that predict the opposite of y, or use another combiner."
        )
    return np.asarray(solution)
