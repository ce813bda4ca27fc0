"""Meta-features side by side with the table that they were made from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.check import fault

__all__ = ["check_no_common_names", "side_by_side"]


def side_by_side(meta: pd.DataFrame, X: Any) -> Any:
    """Return the meta-features with X beside them.

    A data frame stays one, each column with its type; a sparse X gives a sparse table.

    Parameters
    ----------
    meta : (n, k) data frame
        The meta-features.
    X : (n, n_features) array-like, data frame or sparse matrix
        What is passed through.

    Raises
    ------
    ValueError
        When X is not a table.

    Examples
    --------
    >>> side_by_side(pd.DataFrame({"bayes": [0.5]}), [[1.0, 2.0]]).tolist()
    [[0.5, 1.0, 2.0]]
    """
    if isinstance(X, pd.DataFrame):
        return pd.concat([meta.set_axis(X.index), X.rename(columns=str)], axis=1)
    if sparse.issparse(X):
        blocks: list[Any] = [sparse.csr_matrix(meta.to_numpy()), X]
        return sparse.hstack(blocks, format="csr")
    numbers = np.asarray(X)
    if numbers.ndim != 2:
        raise fault("X", "a table where it is passed through", f"{numbers.ndim} dimension", "Use columns")
    return np.hstack([meta.to_numpy(), numbers])


def check_no_common_names(names: Iterable[str], X: Any) -> None:
    """Raise when an estimator is called as a column of X that is passed through."""
    taken = sorted(set(names) & set(map(str, getattr(X, "columns", []))))
    if taken:
        raise fault(
            "Names of estimators",
            "other than those of passed-through columns",
            f"both={taken}",
            "Rename these estimators",
        )
