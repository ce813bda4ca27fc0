"""The rule that any other estimator must beat: women live, men die, and boys and women share one fate."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted, validate_data

from competitions.titanic.features import sex_and_party

__all__ = ["WomenAndBoys", "women_and_boys"]


class WomenAndBoys(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Decide by sex and by how the companions fared; nothing but the chance of either decision is learned.

    The two columns of X are 1 for a man or boy, and the rate of survival in the party, which is one half for
    men and where no companion's fate is known. A party that was mostly saved or mostly lost decides; else
    women live and men die.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels; the last one is the positive one.
    chances_ : ndarray of shape (2,)
        The share of positive rows among those that the rule has die, and among those that it has live.

    Examples
    --------
    >>> X = [[0, 0.5], [0, 0.25], [1, 0.5], [1, 0.75]]
    >>> WomenAndBoys().fit(X, [1, 0, 0, 1]).predict(X).tolist()
    [1, 0, 0, 1]
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn how often each of the two decisions is right."""
        X, y = validate_data(self, X, y)
        self.classes_, positive = np.unique(y, return_inverse=True)
        live = _live(X)
        # One row of each label is added, so that no chance is certain.
        self.chances_ = np.array([(positive[live == k].sum() + 1) / ((live == k).sum() + 2) for k in (0, 1)])
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return for each row the chance that belongs to its decision."""
        check_is_fitted(self)
        chance = self.chances_[_live(validate_data(self, X, reset=False)).astype(int)]
        return np.column_stack([1 - chance, chance])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the decisions."""
        check_is_fitted(self)
        return np.asarray(self.classes_[_live(validate_data(self, X, reset=False)).astype(int)])


def _live(X: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_male, rate = X.T
    return np.asarray((rate > 0.5) | ((rate == 0.5) & (is_male == 0)))


def women_and_boys() -> Pipeline:
    """Return the rule on described passengers; companions' fates come from the training rows alone."""
    return make_pipeline(sex_and_party(), WomenAndBoys())
