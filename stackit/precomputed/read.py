"""Read predictions from CSV and ``.npy`` files, data frames and arrays; check ids, columns and range."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats
from stackit.arrays.rows import ids_by_rows
from stackit.files import check_ids, explain_read_errors, read_csv, read_metadata
from stackit.folds import Folds
from stackit.precomputed.table import PrecomputedKind, Predictions, folds_digest
from stackit.validation import format_list, invalid_value, warn

__all__ = ["read_predictions"]

MISSING = ["", "NA", "NaN", "nan"]
# How far the sum of a row's probabilities may be from one: published files are often rounded to two digits.
SUM_TOLERANCE = 0.02
RANGE_TOLERANCE = 1e-6


def read_predictions(
    train: Any,
    test: Any,
    *,
    ids: Any,
    test_ids: Any,
    id: str | None,
    estimator: str | None,
    folds: Any,
    kind: PrecomputedKind | None,
) -> Predictions:
    """Read the predictions of one estimator for training rows and, unless `test` is None, test rows.

    Without `kind`, the metadata next to the file decide, and without these the values are probabilities.
    """
    metadata = _read_metadata(train)
    kind = kind or metadata.get("kinds", {}).get(estimator or "", "probability")
    name, table = _read_table(train, "out-of-fold", ids, id)
    table = _columns_of(table, estimator, name).dropna(how="all")  # rows that no fold holds out
    known, columns, values = (
        table.index.to_numpy(dtype=str),
        _column_names(table),
        _numbers(table, name, kind),
    )
    if test is not None:
        test_name, tested = _read_table(test, "test", test_ids, str(table.index.name))
        tested = _match_columns(_columns_of(tested, estimator, test_name), columns, test_name)
        _check_other_ids(table.index, tested.index, test_name)
        test_values = _numbers(tested, test_name, kind)
        _warn_of_labels(values, test_values, test_name, kind)
        known = np.concatenate([known, tested.index.to_numpy(dtype=str)])
        values = np.concatenate([values, test_values])
    digest = _digest_of(folds, metadata)
    return Predictions(name, str(table.index.name), columns, kind, known, values, len(table), digest)


def _read_metadata(source: Any) -> dict[str, Any]:
    """Read what `save_predictions` wrote next to a file; empty for other sources."""
    if not isinstance(source, str | os.PathLike):
        return {}
    return read_metadata(Path(source), {"folds": str, "kinds": dict})


def _read_table(source: Any, part: str, ids: Any, id: str | None) -> tuple[str, pd.DataFrame]:
    """Return the name of a table for errors, and its predictions indexed by their ids as text."""
    name, table = f"the {part} table", source
    if isinstance(source, str | os.PathLike):
        name = Path(source).name
        table = _read_file(Path(source), id)
    if isinstance(table, pd.Series):
        table = table.to_frame()
    if not isinstance(table, pd.DataFrame):
        table = _frame_of_array(np.asarray(table), part, name, ids)
    if ids is None:
        table = _set_id_index(table, id, name)
    id_name = table.index.name if ids is None else id or getattr(ids, "name", None)
    if id_name is None:
        raise ValueError(
            "The ids have no name, so they cannot be found in X. Pass for example id='PassengerId'."
        )
    own = table.index if ids is None else ids_by_rows(table.index, ids, f"ids of {name}")
    texts = check_ids(own, len(table), f"ids of {name}")
    return name, table.set_axis(pd.Index(texts, name=id_name), axis=0)


def _read_file(path: Path, id: str | None) -> Any:
    """Read a ``.npy`` file as an array, or a CSV file with ids as text and numbers to the last digit."""
    if path.suffix == ".npy":
        with explain_read_errors(str(path)):
            return np.load(path, allow_pickle=False)
    table = read_csv(path, str(path))
    if not table.columns.is_unique:
        raise invalid_value(f"Columns of {path}", "unique", f"columns={list(table.columns)}", "Rename them")
    if id is not None and id not in table.columns and table.columns[0] == "":
        table = table.rename(columns={"": id})  # an index without a name is written without one
    key = id if id in table.columns else table.columns[0]
    return table.assign(**{column: _parse(table[column]) for column in table.columns if column != key})


def _parse(texts: pd.Series[Any]) -> Any:
    """Return a column of numbers as floats, and any other column unchanged: checks report it."""
    cells = texts.to_numpy(dtype=object)
    try:
        return np.where(np.isin(texts.str.strip(), MISSING), "nan", cells).astype(str).astype(np.float64)
    except ValueError:
        return cells


def _frame_of_array(values: Any, part: str, name: str, ids: Any) -> pd.DataFrame:
    if ids is None:
        parameter = "test_ids" if part == "test" else "ids"
        raise ValueError(
            f"The rows of {name}, an array of shape {values.shape}, have no ids, so they cannot be matched "
            f"with those of X. Pass {parameter}=train['id'], in the order of the rows."
        )
    if values.ndim not in (1, 2):
        raise invalid_value(name, "a table of one or two dimensions", f"shape={values.shape}", "Reshape it")
    return pd.DataFrame(values)


def _set_id_index(table: pd.DataFrame, id: str | None, name: str) -> pd.DataFrame:
    """Return a data frame indexed by its ids: a column of it, or an index that has a name."""
    if id is None and table.index.name is not None:
        return table
    wanted = table.columns[0] if id is None and table.shape[1] > 1 else id
    if wanted in table.columns:
        return table.set_index(wanted)
    if wanted is not None and table.index.name == wanted:
        return table
    named = f" named {wanted!r}" if wanted else ""
    unnamed = ", and an index without a name" if table.index.name is None else ""
    raise ValueError(
        f"{name} has no column of ids{named}; got columns={format_list(table.columns, 12)}{unnamed}. "
        "Pass id='the name of the ids', of a column or of the index."
    )


def _columns_of(table: pd.DataFrame, estimator: str | None, name: str) -> pd.DataFrame:
    """Return an estimator's columns; without an estimator, all."""
    columns = {column: str(column) for column in table.columns}
    chosen = [
        column
        for column, text in columns.items()
        if estimator is None or text == estimator or text.startswith(f"{estimator}__")
    ]
    if chosen and len(table):
        return table[chosen]
    names = dict.fromkeys(text.partition("__")[0] for text in columns.values())
    choose = names and len(table)
    raise invalid_value(
        name,
        "a table of ids and predictions" + (f" of {estimator!r}" if estimator else ""),
        f"{len(table)} rows of {format_list(names, 12) or 'no columns'}",
        "Pass one of these as estimator" if choose else "Write the predictions next to the ids",
    )


def _column_names(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns; none where they are only numbered."""
    is_numbered = isinstance(table.columns, pd.RangeIndex)
    return () if is_numbered else tuple(str(column) for column in table.columns)


def _match_columns(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> pd.DataFrame:
    """Return the test table with its columns in the order of `columns`; a single one may have any name."""
    names = _column_names(table)
    if len(columns) == len(names) == 1 or columns == names:
        return table
    if sorted(columns) != sorted(names):
        raise invalid_value(
            f"Columns of {name}",
            f"those of the out-of-fold predictions ({format_list(columns, 12) or 'without names'})",
            f"columns={format_list(names, 12) or 'without names'}",
            "Write both with the same estimator",
        )
    return table.iloc[:, [names.index(column) for column in columns]]


def _check_other_ids(train: pd.Index[Any], test: pd.Index[Any], name: str) -> None:
    both = np.intersect1d(train, test)
    if len(both):
        raise ValueError(
            f"{len(both)} ids of {name} are also ids of training rows ({format_list(both)}), so rows cannot "
            "be found by id. If both count from the start, put 'test-' in front of those of the test rows, "
            "in X_test too."
        )


def _numbers(table: pd.DataFrame, name: str, kind: PrecomputedKind) -> Floats:
    """Return the values as floats; raise unless they are finite and, as probabilities, valid."""
    try:
        values: Floats = table.to_numpy(dtype=np.float64, copy=True, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise invalid_value(f"Predictions of {name}", "numbers", str(error), "Write probabilities") from error
    checks = [(~np.isfinite(values), "finite numbers", "Predict these rows too, or leave them out")]
    if kind == "probability":
        in_range = (values >= -RANGE_TOLERANCE) & (values <= 1 + RANGE_TOLERANCE)
        advice = "Pass values='decision' for decision values, or use PrecomputedRegressor for numbers"
        checks.append((~in_range, "probabilities between 0 and 1", advice))
        wrong_sum = abs(values.sum(axis=1, keepdims=True) - 1) > SUM_TOLERANCE
        advice = "Divide each row by its sum; if a file holds several estimators, pass estimator='its name'"
        checks.append(
            (wrong_sum & (values.shape[1] > 1), "probabilities that add up to 1 in each row", advice)
        )
    for wrong, expected, advice in checks:
        rows = np.flatnonzero(wrong.any(axis=1))
        if len(rows):
            first = [float(value) for value in values[rows][0, :12]]
            got = f"{len(rows)} others (ids {format_list(table.index[rows], 3)}; the first {first})"
            raise invalid_value(f"Predictions of {name}", expected, got, advice)
    return values.clip(0, 1) if kind == "probability" else values


def _warn_of_labels(values: Floats, test_values: Floats, name: str, kind: PrecomputedKind) -> None:
    """Warn of a submission of labels that is passed instead of its probabilities."""
    if kind == "probability" and np.isin(test_values, (0, 1)).all() and not np.isin(values, (0, 1)).all():
        warn(
            f"Predictions of {name} must be probabilities, as the out-of-fold ones are; got only 0 and 1. If "
            "they are the labels of a submission, pass its probabilities."
        )


def _digest_of(folds: Any, metadata: dict[str, Any]) -> str:
    """Return the digest of the folds that the caller names, or else of those in the metadata."""
    if folds is None:
        return str(metadata.get("folds", ""))
    if isinstance(folds, Folds):
        return f"rows {folds.digest}"
    if not isinstance(folds, str | os.PathLike):
        raise invalid_value(
            "folds", "a folds file, Folds or None", f"folds={folds!r}", "Pass folds='folds.csv'"
        )
    ids = read_csv(Path(folds), str(folds)).iloc[:, 0].to_numpy(dtype=str)
    return f"ids {folds_digest(Folds.load(folds, ids), ids)}"
