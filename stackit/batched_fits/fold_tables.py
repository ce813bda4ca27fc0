"""All folds of one estimator at once where each fold has a table of its own, as behind a preparation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats, Rows, num_samples
from stackit.batched_fits.api import BatchedRequest
from stackit.batched_fits.dispatch import call_fit_folds, takes_other_tables
from stackit.batched_fits.matrix import finite_matrix
from stackit.estimators.early_stopping import ValidationSet, fit_with_validation
from stackit.folds import Folds

__all__ = ["FoldTable", "fit_fold_tables"]


@dataclass(frozen=True, eq=False)
class FoldTable:
    """The training rows of one fold, and the validation rows that stop its fit early, if it has any.

    `estimator` is an unfitted copy with the seeds of the fold.
    """

    estimator: Any
    X: Any
    y: npt.NDArray[Any]
    sample_weight: Floats | None = None
    validation: ValidationSet | None = None


def fit_fold_tables(tables: Sequence[FoldTable]) -> list[Any] | None:
    """Fit the estimator of each fold, by `fit_folds` for all folds of which the tables have the same columns.

    Return None where the tables are of a kind that `fit_folds` does not take.
    """
    readable = [_readable(table) for table in tables]
    groups: dict[Hashable, list[int]] = {}
    for at, table in enumerate(readable):
        if table is None:
            return None
        # Validation rows of other types would change those of the training rows when they are joined.
        columns = [_columns_of(part) for part in _parts(table)]
        groups.setdefault(columns[0] if columns[0] == columns[-1] else at, []).append(at)
    fitted: list[Any] = [None] * len(tables)
    for members in groups.values():
        group = [table for at in members if (table := readable[at]) is not None]
        found = [_fit_alone(group[0])] if len(group) == 1 else _fit_stacked(group)
        for at, one in zip(members, found, strict=True):
            fitted[at] = _with_names(one, tables[at].X, readable[at])
    return fitted


def _readable(table: FoldTable) -> FoldTable | None:
    """Return a table as `fit_folds` takes it: a matrix, or as it is where its estimator takes others."""
    matrices = [finite_matrix(part) for part in _parts(table)]
    if all(matrix is not None for matrix in matrices):
        validation = table.validation
        if validation is not None:
            validation = replace(validation, X=matrices[1])
        return replace(table, X=matrices[0], validation=validation)
    is_known = all(isinstance(part, np.ndarray | pd.DataFrame) for part in _parts(table))
    return table if is_known and takes_other_tables(table.estimator) else None


def _parts(table: FoldTable) -> list[Any]:
    return [table.X] if table.validation is None else [table.X, table.validation.X]


def _columns_of(X: Any) -> Hashable:
    """Return what tables must have in common to be joined without a change of their values."""
    if isinstance(X, pd.DataFrame):
        return tuple(X.columns), tuple(X.dtypes)
    return X.shape[1:], X.dtype


def _fit_alone(table: FoldTable) -> Any:
    params = {} if table.sample_weight is None else {"sample_weight": table.sample_weight}
    return fit_with_validation(table.estimator, table.X, table.y, params, table.validation)


def _fit_stacked(tables: list[FoldTable]) -> list[Any]:
    """Call `fit_folds` with the tables of the folds one below the other.

    Each fold trains on its own rows of the whole, and all others count as held out.
    """
    parts: list[tuple[Any, Any, Any]] = []
    for table in tables:
        parts.append((table.X, table.y, table.sample_weight))
        if (own := table.validation) is not None:
            parts.append((own.X, own.y, own.params.get("sample_weight")))
    ends = np.cumsum([num_samples(X) for X, _, _ in parts])
    rows = [np.arange(end - num_samples(X), end) for end, (X, _, _) in zip(ends, parts, strict=True)]
    per_fold = len(parts) // len(tables)  # all have validation rows, or none
    Xs, ys, weights = zip(*parts, strict=True)
    n = int(ends[-1])
    request = BatchedRequest(
        X=pd.concat(Xs, ignore_index=True) if isinstance(Xs[0], pd.DataFrame) else np.concatenate(Xs),
        y=np.concatenate(ys),
        folds=Folds(n, tuple((train, _others(train, n)) for train in rows[::per_fold])),
        method="",
        sample_weight=None if weights[0] is None else np.concatenate(weights),
        validation=rows[1::2] if per_fold == 2 else None,
        seeds=[getattr(table.estimator, "random_state", None) for table in tables],
    )
    return call_fit_folds(tables[0].estimator, request).estimators


def _others(rows: Rows, n: int) -> Rows:
    """Return all of n rows but some successive ones."""
    return np.concatenate([np.arange(rows[0]), np.arange(rows[-1] + 1, n)])


def _with_names(fitted: Any, given: Any, used: FoldTable | None) -> Any:
    """Return a fitted estimator that knows the columns of the frame that it got as a matrix."""
    if isinstance(given, pd.DataFrame) and used is not None and used.X is not given:
        fitted.feature_names_in_ = np.asarray(given.columns, dtype=object)
    return fitted
