"""Otto's counts in several representations, none of which knows a label.

Each is a transformer from the (n, 93) table of counts, so that it can stand in a pipeline that every fold
fits on its own training part. What the neighbours' labels say is in `competitions.otto.neighbors`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import MiniBatchKMeans
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, Normalizer

__all__ = ["described", "logarithms", "next_table", "roots", "row_numbers", "tf_idf", "unit_roots"]

Matrix = npt.NDArray[np.float32]

LEAST = 1e-6  # probabilities are kept this far from 0 where their logarithm is taken


def logarithms() -> FunctionTransformer:
    """Return the transformer to log(1 + x): ten times as many of a thing is one step more."""
    return FunctionTransformer(np.log1p)


def roots() -> FunctionTransformer:
    """Return the transformer to sqrt(x + 3/8), which gives counts of any size the same noise (Anscombe)."""
    return FunctionTransformer(_roots)


def unit_roots() -> Pipeline:
    """Return the transformer to rows sqrt(x / sum x): their distances are those of Hellinger."""
    return make_pipeline(FunctionTransformer(np.sqrt), Normalizer())


def tf_idf() -> Pipeline:
    """Return the transformer to rows of length 1 in which what few products have counts for more."""
    return make_pipeline(TfidfTransformer(sublinear_tf=True), FunctionTransformer(_dense))


def row_numbers(counts: Any) -> Matrix:
    """Return what can be said of whole rows.

    Parameters
    ----------
    counts : (n, n_features) array
        Numbers of at least 0.

    Returns
    -------
    (n, 6) array
        How many counts are not 0, how many are 1, their sum, the largest and its place, and the entropy of
        the shares.

    Examples
    --------
    >>> row_numbers([[0, 1, 3], [2, 0, 0]])[:, :5].tolist()
    [[2.0, 1.0, 4.0, 3.0, 2.0], [1.0, 0.0, 2.0, 2.0, 0.0]]
    """
    counts = np.asarray(counts, dtype=np.float32)
    total = counts.sum(axis=1)
    shares = counts / np.maximum(total, 1)[:, np.newaxis]
    entropy = -np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=1)
    largest, place = counts.max(axis=1), counts.argmax(axis=1)
    some, ones = (counts > 0).sum(axis=1), (counts == 1).sum(axis=1)
    return np.column_stack([some, ones, total, largest, place, entropy]).astype(np.float32)


def described(n_clusters: int = 24) -> FeatureUnion:
    """Return the transformer to counts, numbers of the row, and distances to the centres of clusters."""
    clusters = make_pipeline(tf_idf(), MiniBatchKMeans(n_clusters, n_init=1, batch_size=4096))
    return make_union("passthrough", FunctionTransformer(row_numbers), clusters)


def next_table(meta_features: pd.DataFrame, counts: Matrix) -> Matrix:
    """Return what the second level learns from: logarithms of probabilities, and the numbers of the row.

    The winners show all counts to the second level again; here that made xgboost worse.

    Parameters
    ----------
    meta_features : (n, k) data frame
        Probabilities.
    counts : (n, 93) array
        What the first level has seen.

    Returns
    -------
    (n, k + 6) array
        float32.
    """
    sure = np.log(np.clip(meta_features.to_numpy(), LEAST, 1.0))
    return np.hstack([sure, row_numbers(counts)]).astype(np.float32)


def _roots(counts: Any) -> Any:
    return np.sqrt(counts + np.float32(0.375))


def _dense(rows: Any) -> Matrix:
    return np.asarray(rows.toarray(), dtype=np.float32)
