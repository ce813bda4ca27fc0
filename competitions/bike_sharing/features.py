"""Hours of bike sharing as rows: the calendar, the weather, and what was rented before the gap."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from stackit.validation import invalid_value

__all__ = ["GAP", "AboveLevel", "describe", "numbers", "standardised"]

# Kaggle hides the days from the 20th on: hours to predict are up to twelve days after known ones.
GAP = pd.Timedelta("12D")
# How far back from there the past is looked at.
WINDOW = pd.Timedelta("28D")
# No month and no date: the next ones are none that an estimator has seen.
CALENDAR = ["hour", "weekday", "workingday", "holiday"]
WEATHER = ["weather", "temp", "atemp", "humidity", "windspeed", "is_calm"]
PAST = ["level", "level_at_hour", "level_at_hour_of_week"]
CATEGORIES = ["hour_of_day_kind", "hour_of_week", "weather"]


def describe(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return what may be known of each hour in good time: the calendar, the weather and the past.

    Parameters
    ----------
    rows : (n, k) data frame
        Kaggle's columns `datetime` (dates), `holiday`, `workingday`, `weather` and the weather's numbers.
        `casual`, `registered` and `count` are not looked at.
    known : (m, k) data frame
        Hours with a known `count`, of which only those before the day 12 days (`GAP`) before a row's own
        are counted for it.

    Returns
    -------
    (n, 15) data frame
        Levels are means of log(1 + count), over four weeks; they are missing where nothing is known so far.
    """
    times = rows["datetime"].dt
    hours = pd.DataFrame(
        {
            "hour": times.hour,
            "weekday": times.day_of_week,
            # 0 is what the instrument gives when it has measured nothing.
            "is_calm": (rows["windspeed"] == 0).astype(int),
            "hour_of_day_kind": times.hour + 24 * rows["workingday"],
            "hour_of_week": times.hour + 24 * times.day_of_week,
        }
    )
    plain = rows[["workingday", "holiday", "weather", "temp", "atemp", "humidity", "windspeed"]]
    return pd.concat([hours, plain, levels(rows, known)], axis=1)


def levels(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return what was usual before the gap: at any hour, at this hour, and at this hour of such days.

    For a row of some day these are the days from 40 to 13 days before.
    """
    logs = np.log1p(known["count"].to_numpy(dtype=float))
    past = _stamped(known).assign(total=logs, n=1.0)
    wanted = _stamped(rows)
    found = {}
    for name, keys in zip(PAST, ([], ["hour"], ["hour", "workingday"]), strict=True):
        sums = _sums_before(past, wanted["day"], keys)
        found[name] = _means(sums, wanted[["day", *keys]])
    return pd.DataFrame(found, index=rows.index)


def _stamped(rows: pd.DataFrame) -> pd.DataFrame:
    times = rows["datetime"].dt
    return pd.DataFrame({"day": times.normalize(), "hour": times.hour, "workingday": rows["workingday"]})


def _sums_before(past: pd.DataFrame, days: pd.Series[Any], keys: list[str]) -> pd.DataFrame:
    """Return for each day to predict, and each key, the sums over the window before the gap."""
    by = ["day", *keys]
    daily = past.groupby(by, as_index=False)[["total", "n"]].sum()
    parts = []
    for day in days.unique():
        end = pd.Timestamp(day) - GAP
        window = daily[(daily["day"] < end) & (daily["day"] >= end - WINDOW)].assign(day=day)
        if len(window):
            parts.append(window.groupby(by, as_index=False)[["total", "n"]].sum())
    return pd.concat(parts, ignore_index=True) if parts else daily.iloc[:0]


def _means(sums: pd.DataFrame, wanted: pd.DataFrame) -> NDArray[np.float64]:
    joined = wanted.merge(sums, on=list(wanted), how="left")
    return (joined["total"] / joined["n"]).to_numpy()


class AboveLevel(MetaEstimatorMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict how far the target is above a column of X, instead of the target itself.

    Trees cannot predict more than they have seen; where demand grows, they can predict how much more than
    before it is.

    Parameters
    ----------
    estimator : regressor
        Fitted on ``y - X[column]``.
    column : str, default="level_at_hour_of_week"
        The column of X; the median of the training rows stands where it is missing.

    Attributes
    ----------
    estimator_ : regressor
        The fitted clone.
    usual_ : float
        The median of the column; 0 where it is missing in all rows.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> X = pd.DataFrame({"level": [1.0, 2.0, 6.0]})
    >>> AboveLevel(DummyRegressor(), "level").fit(X, [2, 3, 7]).predict(X + 10).tolist()
    [12.0, 13.0, 17.0]
    """

    def __init__(self, estimator: Any, column: str = "level_at_hour_of_week") -> None:
        self.estimator = estimator
        self.column = column

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Fit a clone of the estimator on what is above the column."""
        if self.column not in X:
            raise invalid_value("X", f"a data frame with the column {self.column!r}", "none such", "Add it")
        usual = float(X[self.column].median()) if X[self.column].notna().any() else 0.0
        self.usual_ = usual
        self.estimator_ = clone(self.estimator).fit(X, np.asarray(y, dtype=float) - self._level(X))
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the column, and what is above it."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(X) + self._level(X))

    def _level(self, X: pd.DataFrame) -> NDArray[np.float64]:
        return X[self.column].fillna(self.usual_).to_numpy(dtype=float)


def numbers() -> ColumnTransformer:
    """Return the transformer for trees: all columns as numbers, medians where the past is not known."""
    past = SimpleImputer(strategy="median", keep_empty_features=True)
    columns = [("now", "passthrough", CALENDAR + WEATHER), ("past", past, PAST)]
    return ColumnTransformer(columns, verbose_feature_names_out=False)


def standardised() -> ColumnTransformer:
    """Return the transformer to standardised numbers and indicators of hours and weather."""
    plain = ["temp", "atemp", "humidity", "windspeed", "is_calm", "holiday"]
    scaled = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    columns = [
        ("numbers", scaled, [*plain, *PAST]),
        ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORIES),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)
