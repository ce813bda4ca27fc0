"""Requests for access as tables that estimators can read: ids are categories, alone and in pairs."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from competitions.encoding import target_encoder

__all__ = ["FILES", "IDS", "PAGE", "OtherRows", "describe", "encoded", "indicators", "read", "texts"]

FILES = ["train.csv.gz"]
PAGE = "the data page of Kaggle's competition 'Amazon.com - Employee Access Challenge'"
# ROLE_CODE is left out: it is ROLE_TITLE under other numbers.
IDS = [
    *["RESOURCE", "MGR_ID", "ROLE_ROLLUP_1", "ROLE_ROLLUP_2", "ROLE_DEPTNAME", "ROLE_TITLE"],
    *["ROLE_FAMILY_DESC", "ROLE_FAMILY"],
]


def read(folder: Path, n_rows: int | None = None) -> pd.DataFrame:
    """Return the requests; ACTION is 1 where access was granted."""
    return pd.read_csv(folder / FILES[0], nrows=n_rows)


def describe(requests: pd.DataFrame) -> pd.DataFrame:
    """Return the ids of each request, and those of each pair of columns, as whole numbers that name them.

    `ACTION` is not looked at.
    """
    ids = requests[IDS].astype(np.int64)
    base = int(ids.to_numpy().max()) + 1
    pairs = {f"{a} {b}": ids[a] * base + ids[b] for a, b in combinations(IDS, 2)}
    return ids.assign(**pairs)


def indicators() -> OneHotEncoder:
    """Return the transformer to a sparse column per id and per pair of ids that occurs at least twice."""
    return OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2)


def encoded(smooth: float = 5.0) -> ColumnTransformer:
    """Return the transformer to how requests with the same ids ended, and how many there are.

    The means of training rows are cross-fitted once more inside the training part of a fold, so that no
    request sees its own end; those of held-out rows come from all training rows. Counts need no labels.

    Parameters
    ----------
    smooth : float, default=5.0
        The weight of the overall mean, in rows: most ids are rare.
    """
    everything = make_column_selector()
    columns = [
        ("ends", target_encoder("binary", smooth=smooth), everything),
        ("counts", OtherRows(), everything),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)


class OtherRows(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace each value by how many *other* training rows have it, as a logarithm.

    Attributes
    ----------
    counts_ : list of Series
        For each column, the number of training rows per value.

    Examples
    --------
    >>> table = pd.DataFrame({"id": [7, 7, 8]})
    >>> np.expm1(OtherRows().fit_transform(table)).ravel().round().tolist()
    [1.0, 1.0, 0.0]
    >>> np.expm1(OtherRows().fit(table).transform(table)).ravel().round().tolist()
    [2.0, 2.0, 1.0]
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Count the rows of each value."""
        self.counts_ = [column.value_counts() for _, column in X.items()]
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> NDArray[np.float64]:
        """Fit, and leave each row out of its own counts."""
        return np.log1p(self.fit(X)._rows(X) - 1)

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the counts of rows that `fit` has not seen."""
        return np.log1p(self._rows(X))

    def _rows(self, X: pd.DataFrame) -> NDArray[np.float64]:
        pairs = zip(X.items(), self.counts_, strict=True)
        return np.column_stack([counts.reindex(column).fillna(0.0) for (_, column), counts in pairs])


def texts() -> FunctionTransformer:
    """Return the transformer to single ids as text, for estimators that encode categories themselves."""
    return FunctionTransformer(_texts)


def _texts(described: pd.DataFrame) -> pd.DataFrame:
    return described[IDS].astype(str)
