"""Typed frames for estimators that split categories and missing values by themselves."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from stackit.arrays.frames import distinct
from stackit.tables.preparations.date_parts import date_parts
from stackit.tables.preparations.text_vector import text_vectors
from stackit.tables.preparations.typed_columns import TypedColumns

__all__ = ["NativePreparation"]


class NativePreparation(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Prepare typed frames for gradient boosting and others that take categories and missing values.

    The result is a pandas frame: numbers with NaN and categories as they are, dates as parts of the
    calendar, and text as a short vector. Its columns depend on the dtypes of the typed frame alone, so that
    they are the same in each fold.

    Parameters
    ----------
    text : {"vector", "drop"}
        Whether each column of text becomes a vector of 16 numbers, or is left out.
    random_state : int or None
        The seed of the text vectors. With a number, all members of an ensemble can share one prepared table.

    Examples
    --------
    >>> from stackit.tables import TableReader
    >>> typed = TableReader().fit_transform({"on": ["2024-02-29", "2024-03-01"], "by": ["a", None]})
    >>> NativePreparation().fit_transform(typed)
       on_days  on_year  on_month  on_day  on_weekday   by
    0   8825.0   2024.0       2.0    29.0         3.0    a
    1   8826.0   2024.0       3.0     1.0         4.0  NaN
    """

    def __init__(self, text: Literal["vector", "drop"] = "vector", random_state: int | None = 0) -> None:
        self.text = text
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> NativePreparation:
        """Learn the words of text from an (n_samples, n_columns) typed frame.

        Raises
        ------
        TypeError
            When X is no data frame.
        """
        self.columns_ = TypedColumns.of(X)
        texts = self.columns_.texts if self.text == "vector" else ()
        self.vectors_ = text_vectors(X, texts, self.random_state)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the (n_samples, n_features) frame of a typed frame."""
        native = {*self.columns_.numbers, *self.columns_.categories}
        parts: list[tuple[str, Any]] = []
        for name in X.columns:
            if name in native:
                parts.append((name, X[name]))
            elif name in self.columns_.dates:
                parts += date_parts(X, [name]).items()
            elif name in self.vectors_:
                vectors = self.vectors_[name].transform(X[name])
                parts += [(f"{name}_{at}", vectors[:, at]) for at in range(vectors.shape[1])]
        names = distinct(name for name, _ in parts)
        values = dict(zip(names, (part for _, part in parts), strict=True))
        return pd.DataFrame(values, index=X.index, copy=False)
