"""Write out-of-fold predictions to files that other stacks can load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from stackit.arrays import FilePath
from stackit.arrays.rows import ids_by_rows
from stackit.files import atomic_write, check_ids, write_metadata
from stackit.precomputed.table import folds_digest
from stackit.results.oof import OutOfFold
from stackit.validation import invalid_value

__all__ = ["save_predictions"]


def save_predictions(
    oof: OutOfFold,
    path: FilePath,
    test_path: FilePath | None = None,
    *,
    ids: Any = None,
    test_ids: Any = None,
) -> Path:
    """Write the predictions of a run as CSV files, which `PrecomputedClassifier.load` reads.

    A second file, named like the first with ``.json`` appended, holds a digest of the folds, so that a
    stack with other folds warns, and the kind of values that each estimator predicted.

    Parameters
    ----------
    oof : OutOfFold
        The return value of `out_of_fold`, or the ``oof_`` of a stack.
    path : path
        The CSV file of ``oof.meta_train``: the ids first, then one column per meta-feature.
    test_path : path, optional
        The CSV file of ``oof.meta_test``.
    ids, test_ids : (n,), (m,) array-like, optional
        The ids of the rows; default: the index of X, which must have a name. A series with the labels of
        X's index is matched by these labels, any other by its order.

    Returns
    -------
    pathlib.Path
        The first file.

    Raises
    ------
    ValueError
        If there are no ids, or not one per row; if `test_path` is passed and there is no ``meta_test``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import PrecomputedClassifier, out_of_fold
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> X = X.rename_axis("id")
    >>> oof = out_of_fold([("bayes", GaussianNB())], X, y, cv=5, n_jobs=1)
    >>> path = save_predictions(oof, pathlib.Path(tempfile.mkdtemp()) / "bayes.csv")
    >>> again = out_of_fold([("bayes", PrecomputedClassifier.load(path))], X, y, cv=5, n_jobs=1)
    >>> again.meta_train.equals(oof.meta_train)
    True
    """
    table = _with_ids(oof.meta_features, ids, "ids")
    if test_path is not None:
        if oof.test_meta_features is None:
            raise invalid_value(
                "test_path", "None if no test rows were predicted", f"{test_path=}", "Pass X_test to the run"
            )
        _write(_with_ids(oof.test_meta_features, test_ids, "test_ids"), Path(test_path))
    kinds = {name: result.spec.kind for name, result in oof.items()}
    digest = folds_digest(oof.folds, table.index.to_numpy(dtype=str))
    write_metadata(Path(path), {"folds": f"ids {digest}", "kinds": kinds})
    return _write(table, Path(path))


def _with_ids(meta: pd.DataFrame, ids: Any, parameter: str) -> pd.DataFrame:
    if ids is None and meta.index.name is None:
        raise invalid_value(
            parameter,
            "the ids of the rows, since the index of X has no name",
            f"{parameter}=None",
            f"Pass {parameter}=train['id'], or X.set_index('id') to out_of_fold",
        )
    name = meta.index.name if ids is None else getattr(ids, "name", None) or "id"
    own = meta.index if ids is None else ids_by_rows(meta.index, ids, parameter)
    return meta.set_axis(pd.Index(check_ids(own, len(meta), parameter), name=name), axis=0)


def _write(table: pd.DataFrame, path: Path) -> Path:
    atomic_write(path, table.to_csv(lineterminator="\n"))
    return path
