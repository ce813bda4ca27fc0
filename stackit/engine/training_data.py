"""The checked inputs of a run, with the rows of a fold sliced once for all estimators."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, indexable

from stackit.arrays import Rows, check_rows
from stackit.arrays.frames import as_pandas, is_foreign_frame
from stackit.arrays.isolation import Reader, own_rows, rows_for
from stackit.arrays.schema import TableSchema
from stackit.batched_fits.matrix import finite_matrix
from stackit.engine.preparation_cache import PreparationCache
from stackit.engine.row_cache import RowCache
from stackit.estimators.sample_weight import check_sample_weight, check_weighted_folds
from stackit.folds import Folds, as_folds
from stackit.target import Target, classification_target, regression_target

__all__ = ["TrainingData"]


class TrainingData:
    """The tables of a run with the target, the weights and the groups of their rows.

    ``X_test`` is checked against X and brought into its form, unless ``schema`` says that this has been done.
    """

    def __init__(
        self,
        X: Any,
        target: Target,
        X_test: Any = None,
        sample_weight: Any = None,
        schema: TableSchema | None = None,
        groups: Any = None,
    ) -> None:
        self.X, self.target, self.X_test = X, target, X_test
        self.sample_weight, self.groups = sample_weight, groups
        self.schema = TableSchema.of(X) if schema is None else schema
        if X_test is not None and schema is None:
            self.X_test = self.schema.conform(X_test, "X_test", "each estimator")
        self.preparations = PreparationCache(adapts=is_foreign_frame(X))
        self._row_cache = RowCache(X) if type(X) is np.ndarray else None
        self._test_row_cache = RowCache(self.X_test) if type(self.X_test) is np.ndarray else None

    @classmethod
    def of(
        cls,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        X_test: Any = None,
        *,
        classify: bool,
    ) -> TrainingData:
        """Check what a caller has passed: X has a row per value of y, of the weights and of the groups."""
        target = classification_target(y) if classify else regression_target(y)
        n = len(target.y)
        check_consistent_length(X, target.y)
        weights, groups = check_sample_weight(sample_weight, n), check_rows(groups, "groups", n)
        (X,) = indexable(X)
        return cls(X, target, X_test, weights, groups=groups)

    def resolve_folds(self, cv: Any, known_groups: Any = None) -> Folds:
        """Return the folds that `cv` stands for; `known_groups` are used where none were passed."""
        groups = known_groups if self.groups is None else self.groups
        folds = as_folds(cv, self.X, self.target, groups)
        check_weighted_folds(self.sample_weight, folds)
        return folds

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Be pickled without caches, which are soon filled again."""
        return _unpickled, (self.X, self.target, self.X_test, self.sample_weight, self.schema)

    @cached_property
    def matrix(self) -> Any:
        """X as a dense matrix of finite floats, or None where it cannot be one."""
        return finite_matrix(self.X)

    @cached_property
    def test_matrix(self) -> Any:
        """X_test as a dense matrix of finite floats, or None where it cannot be one."""
        return None if self.X_test is None else finite_matrix(self.X_test)

    @cached_property
    def frame(self) -> Any:
        """X as a pandas frame, where it is a frame of another library."""
        return as_pandas(self.X) if is_foreign_frame(self.X) else self.X

    def rows(self, rows: Rows, reader: Reader, copied: bool = False) -> Any:
        """Return some rows of X for an estimator to fit on, or to predict.

        An estimator of an unknown library may write into them, so it gets a copy, as all do with `copied`.
        Estimators of trusted libraries share a read-only slice of an array.
        """
        cache = self._row_cache
        if cache is not None:
            shared = reader.is_trusted_library and not copied
            part = cache.shared(rows) if shared else cache.copied(rows)
            if part is not None:
                return part
        table = self.frame if reader.boosts else self.X
        if copied:
            return reader.adapted(own_rows(table, rows))
        return rows_for(reader, table, rows)

    def test_rows(self, reader: Reader) -> tuple[Any, bool]:
        """Return X_test for an estimator to predict, and whether it is a copy that only it refers to."""
        if reader.is_trusted_library or self._test_row_cache is None:
            return self.X_test, False
        own = self._test_row_cache.copied()
        return (self.X_test, False) if own is None else (own, True)


def _unpickled(X: Any, target: Target, X_test: Any, sample_weight: Any, schema: TableSchema) -> TrainingData:
    """Return the same in another process: joblib passes large arrays on as memory maps."""
    return TrainingData(_unmapped(X), target, _unmapped(X_test), sample_weight, schema)


def _unmapped(table: Any) -> Any:
    return np.asarray(table) if isinstance(table, np.memmap) else table
