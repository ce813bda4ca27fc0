"""An estimator of what another one leaves over."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.utils.validation import check_is_fitted

__all__ = ["Remainder"]


class Remainder(MetaEstimatorMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict the sum of a first estimator and of a second one that has learned from the errors of the first.

    Boosted trees approximate a straight line by many steps; behind a linear estimator they are left with what
    is not straight. The second learns from the errors that the first makes on rows that it was not fitted on,
    for those on its own training rows are too small.

    Parameters
    ----------
    first : regressor
        Fitted on all rows, and cross-fitted for its errors.
    second : regressor
        Fitted on these errors.
    n_splits : int, default=5
        The folds of the cross-fit.
    random_state : int, default=0
        Deals the folds.

    Attributes
    ----------
    first_, second_ : regressor
        The fitted clones.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> X = np.arange(40.0)[:, np.newaxis]
    >>> y = X[:, 0] + (X[:, 0] > 20)
    >>> both = Remainder(LinearRegression(), DecisionTreeRegressor(max_depth=1)).fit(X, y)
    >>> bool(both.score(X, y) > LinearRegression().fit(X, y).score(X, y))
    True
    """

    def __init__(self, first: Any, second: Any, n_splits: int = 5, random_state: int = 0) -> None:
        self.first = first
        self.second = second
        self.n_splits = n_splits
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit the first on y, and the second on what the first leaves over where it is cross-fitted."""
        y = np.asarray(y, dtype=float)
        cv = KFold(self.n_splits, shuffle=True, random_state=self.random_state)
        expected = cross_val_predict(clone(self.first), X, y, cv=cv)
        self.first_ = clone(self.first).fit(X, y)
        self.second_ = clone(self.second).fit(X, y - expected)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the sum of both."""
        check_is_fitted(self)
        return np.asarray(self.first_.predict(X) + self.second_.predict(X))
