"""What estimators learn from and predict, with the rows of a fold sliced once for all of them."""

from __future__ import annotations

from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd

from stackit.check import take
from stackit.folds.table import Rows
from stackit.slices import Slices
from stackit.target import Target

__all__ = ["WELL_KNOWN", "Data", "well_known"]

WELL_KNOWN = {"lightgbm", "numpy", "scipy", "sklearn", "stackit", "xgboost"}


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

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Travel without slices and conversions, which are soon made again."""
        return _arrived, (self.X, self.target, self.X_test, self.sample_weight)

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

    These compute outside the interpreter's lock most of the time, and take read-only tables. A function
    that it is given, to transform a table or to compare rows, may do otherwise.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> well_known(Ridge())
    True
    """
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += [part for part in estimator.get_params().values() if _computes(part)]
    return all(_library_of(part) in WELL_KNOWN for part in parts)


def _computes(part: Any) -> bool:
    """Whether a parameter is an estimator or a function; a type, as of a table's numbers, is neither."""
    return hasattr(part, "fit") or (callable(part) and not isinstance(part, type))


def _library_of(part: Any) -> str:
    """Return the package that a function, or the type of any other object, is from."""
    kind = part if isinstance(part, FunctionType) else type(part)
    return str(kind.__module__).split(".")[0]


def _arrived(X: Any, target: Target, X_test: Any, sample_weight: Any) -> Data:
    """Return tables in another process as they were: joblib hands large arrays on as memory maps."""
    return Data(_unmapped(X), target, _unmapped(X_test), sample_weight)


def _unmapped(table: Any) -> Any:
    return np.asarray(table) if isinstance(table, np.memmap) else table


def _matrix(X: Any) -> Any:
    if isinstance(X, pd.DataFrame):
        plain = all(isinstance(kind, np.dtype) and kind.kind in "fiu" for kind in X.dtypes)
        names = all(isinstance(column, str) for column in X.columns)
        X = _unmapped(X.to_numpy(dtype=np.float64)) if plain and names else None
    if type(X) is not np.ndarray or X.ndim != 2:
        return None
    if X.dtype.kind in "iu":
        X = X.astype(np.float64)
    return X if X.dtype in (np.float32, np.float64) and np.isfinite(X).all() else None
