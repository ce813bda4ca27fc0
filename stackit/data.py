"""What estimators learn from and predict, with the rows of a fold sliced once for all of them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from stackit.check import take
from stackit.folds.table import Rows
from stackit.slices import Slices
from stackit.target import Target

__all__ = ["Data", "well_known"]

WELL_KNOWN = {"lightgbm", "sklearn", "stackit", "xgboost"}


class Data:
    """The tables of a run.

    Parameters
    ----------
    X : array-like with n rows
        The whole training table.
    target : Target
        The whole target.
    X_test : array-like with m rows, optional
        The test table.
    sample_weight : (n,) array, optional
        The weights, for scores; those for fits come with each task.
    """

    def __init__(self, X: Any, target: Target, X_test: Any = None, sample_weight: Any = None) -> None:
        self.X, self.target, self.X_test, self.sample_weight = X, target, X_test, sample_weight
        self._slices = Slices(X) if type(X) is np.ndarray else None

    def __reduce__(self) -> tuple[type[Data], tuple[Any, ...]]:
        """Travel without slices and conversions, which are soon made again."""
        return Data, (self.X, self.target, self.X_test, self.sample_weight)

    @cached_property
    def matrix(self) -> Any:
        """X as a dense matrix of finite floats, or None where it is none."""
        return _matrix(self.X)

    @cached_property
    def test_matrix(self) -> Any:
        """X_test as a dense matrix of finite floats, or None where it is none."""
        return None if self.X_test is None else _matrix(self.X_test)

    def rows(self, rows: Rows, shared: bool) -> Any:
        """Return some rows of X.

        Parameters
        ----------
        rows : (n_rows,) array of int
            Which rows.
        shared : bool
            Whether a read-only slice, the same for all who ask for these rows in turn, is good enough;
            an array only. Slices are never written over: nearest neighbours keep theirs.
        """
        if not shared or self._slices is None:
            return take(self.X, rows)
        return self._slices.of(rows)

    def forget(self) -> None:
        """Take slices anew from now on: somebody may have written into those that there are."""
        self._slices = Slices(self.X) if type(self.X) is np.ndarray else None


def well_known(estimator: Any) -> bool:
    """Whether an estimator, and all that it is made of, comes from a library whose ways are known.

    These compute outside the interpreter's lock most of the time, and take read-only tables.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> well_known(Ridge())
    True
    """
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += [part for part in estimator.get_params().values() if hasattr(part, "fit")]
    return all(type(part).__module__.split(".")[0] in WELL_KNOWN for part in parts)


def _matrix(X: Any) -> Any:
    if isinstance(X, pd.DataFrame):
        plain = all(isinstance(kind, np.dtype) and kind.kind in "fiu" for kind in X.dtypes)
        X = X.to_numpy(dtype=np.float64) if plain and all(isinstance(c, str) for c in X.columns) else None
    if type(X) is not np.ndarray or X.ndim != 2:
        return None
    if X.dtype.kind in "iu":
        X = X.astype(np.float64)
    return X if X.dtype in (np.float32, np.float64) and np.isfinite(X).all() else None
