"""Meta-features side by side with the table that they were made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.arrays.frames import as_pandas, is_foreign_frame, names_of, safe_names
from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.prediction import prediction_spec
from stackit.target import Target
from stackit.validation import invalid_value

__all__ = ["check_no_common_names", "side_by_side"]


def side_by_side(meta: pd.DataFrame, X: Any, safe: bool = False) -> Any:
    """Return the meta-features with X beside them.

    A data frame stays one, each column with its type; a sparse X gives a sparse table.

    Parameters
    ----------
    meta : (n, k) data frame
        The meta-features.
    X : (n, n_features) array-like, data frame or sparse matrix
        What is passed through.
    safe : bool
        Whether the meta-features of a data frame get names that every library takes; those of X stay.

    Raises
    ------
    ValueError
        When X is not a table.

    Examples
    --------
    >>> side_by_side(pd.DataFrame({"bayes": [0.5]}), [[1.0, 2.0]]).tolist()
    [[0.5, 1.0, 2.0]]
    """
    if is_foreign_frame(X):
        X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        X = X.rename(columns=str)
        names = safe_names(meta.columns, taken=X.columns) if safe else meta.columns
        return pd.concat([meta.set_axis(X.index).set_axis(names, axis=1), X], axis=1)
    if sparse.issparse(X):
        blocks: list[Any] = [sparse.csr_matrix(meta.to_numpy()), X]
        return sparse.hstack(blocks, format="csr")
    numbers = np.asarray(X)
    if numbers.ndim != 2:
        raise invalid_value(
            "X", "a table where it is passed through", f"{numbers.ndim} dimension", "Use columns"
        )
    return np.hstack([meta.to_numpy(), numbers])


def check_no_common_names(members: NamedEstimators, stack_method: str, target: Target, X: Any) -> None:
    """Raise when a meta-feature would be called as a column of X that is passed through.

    Parameters
    ----------
    members : list of (str, estimator)
        The estimators whose predictions the meta-features are.
    stack_method : str
        As of a stack.
    target : Target
        What they predict.
    X : (n, n_features) table
        What is passed through.

    Raises
    ------
    ValueError
        Naming the columns.
    """
    columns = set(map(str, names_of(X))) if isinstance(X, pd.DataFrame) or is_foreign_frame(X) else set()
    names = [name for one in members for name in prediction_spec(*one, stack_method, target).names]
    taken = sorted(columns.intersection(names))
    if taken:
        raise invalid_value(
            "Names of estimators",
            "other than those of passed-through columns",
            f"both={taken}",
            "Rename these estimators, or these columns",
        )
