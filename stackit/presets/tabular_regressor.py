"""The preset for numbers as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, RegressorMixin

from stackit.arrays import Floats
from stackit.presets.tabular_stack import TabularStack

__all__ = ["TabularStackRegressor"]


class TabularStackRegressor(TabularStack, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The strongest ensemble of regressors for a raw table within the time that one has.

    See `TabularStackClassifier` for how it works.

    Parameters
    ----------
    preset, time_limit, cv, categories, n_jobs, random_state, store, verbose
        As in `TabularStackClassifier`.
    scoring : str or callable, optional
        The scikit-learn scorer to be good at, or a usual name such as "mae". Default: the root mean squared
        error.

    Attributes
    ----------
    leaderboard_, columns_, score_, blend_, oof_, seconds_, n_features_in_, feature_names_in_
        As in `TabularStackClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from stackit import TabularStackRegressor
    >>> random = np.random.default_rng(0)
    >>> train = pd.DataFrame({"area": random.integers(1, 9, 150), "town": random.choice(["A", "B"], 150)})
    >>> y = 50.0 * train["area"] + 100.0 * (train["town"] == "A")
    >>> stack = TabularStackRegressor("quick", cv=3, n_jobs=1, verbose=0).fit(train, y)
    >>> stack.predict(pd.DataFrame({"area": [2, 8], "town": ["A", "A"]})).round(-2).tolist()
    [200.0, 500.0]
    """

    def predict(self, X: Any) -> Floats:
        """Return the predicted number of each row.

        Parameters
        ----------
        X : data frame, array or list of m rows
            Raw columns, as in `fit`.

        Returns
        -------
        (m,) array
        """
        return self.predict_blend(X)
