"""Reading predictions: CSV and ``.npy`` files, data frames and arrays, checked for ids, columns and range."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays.rows import ids_by_rows
from stackit.files import Names, check_ids, metadata_path
from stackit.folds import Folds
from stackit.precomputed.table import Kind, Predictions, Values, fingerprint
from stackit.validation import format_list, invalid_value, warn

__all__ = ["Source", "read_predictions"]

MISSING = ["", "NA", "NaN", "nan"]
# How far from one a row of probabilities may add up to: published files are rounded, often to two digits.
SUM_TOLERANCE = 0.02
RANGE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Source:
    """Where predictions are, and what is said of them.

    Parameters
    ----------
    table : path, data frame or array
        The predictions: a CSV or ``.npy`` file, or what would be in it.
    ids : (n,) array-like, optional
        The id of each row of a ``.npy`` file or array, in their order.
    what : str
        "out-of-fold" or "test", for errors.
    """

    table: Any
    ids: Any
    what: str

    @property
    def path(self) -> Path | None:
        """The file, or None for a table."""
        return Path(self.table) if isinstance(self.table, str | os.PathLike) else None

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.path.name if self.path else f"the {self.what} table"

    def frame(self, id: str | None) -> pd.DataFrame:
        """Return the predictions as a data frame whose index holds the ids as text."""
        table = self._table(id)
        if isinstance(table, pd.DataFrame):
            table = self._indexed(table, id)
        else:
            table = self._beside_ids(np.asarray(table), id)
        ids = check_ids(table.index, None, f"ids of {self.name}")
        return table.set_axis(pd.Index(ids, name=table.index.name), axis=0)

    def _table(self, id: str | None) -> Any:
        if isinstance(self.table, pd.Series):
            return self.table.to_frame()
        if self.path is None:
            return self.table
        if self.path.suffix == ".npy":
            return _read(np.load, self.path, allow_pickle=False)
        return _read_csv(self.path, id)

    def _indexed(self, table: pd.DataFrame, id: str | None) -> pd.DataFrame:
        """A data frame by its ids: those that were passed, a column, or an index with a name."""
        if self.ids is not None:
            ids = ids_by_rows(table.index, self.ids, f"ids of {self.name}")
            return table.set_axis(_index_of(ids, len(table), id, self.name), axis=0)
        if id is None and table.index.name is not None:
            return table
        wanted = table.columns[0] if id is None and table.shape[1] > 1 else id
        if wanted in table.columns:
            return table.set_index(wanted)
        if wanted is not None and table.index.name == wanted:
            return table
        raise invalid_value(
            f"Columns of {self.name}",
            "the ids" + (f", named {wanted!r}," if wanted else "") + " and the predictions",
            f"columns={format_list(table.columns, 12)}, and an index without a name"
            if table.index.name is None
            else f"columns={format_list(table.columns, 12)}",
            "Pass id='the name of the ids', as a column or index has it",
        )

    def _beside_ids(self, values: Any, id: str | None) -> pd.DataFrame:
        if self.ids is None:
            parameter = "test_ids" if self.what == "test" else "ids"
            raise invalid_value(
                f"The rows of {self.name}",
                "told apart by ids, since nothing else says which row is which",
                f"an array of shape {values.shape} without ids",
                f"Pass {parameter}=train['id'], in the order in which it was written",
            )
        if values.ndim not in (1, 2):
            raise invalid_value(
                self.name, "a table of at most two dimensions", f"shape={values.shape}", "Reshape it"
            )
        table = pd.DataFrame(values)
        return table.set_axis(_index_of(self.ids, len(table), id, self.name), axis=0)


def read_predictions(
    train: Source, test: Source, *, id: str | None, estimator: str | None, folds: Any, kind: Kind | None
) -> Predictions:
    """Read the predictions of one estimator for training and for test rows.

    Parameters
    ----------
    train, test : Source
        Where they are; the test table may be None.
    id : str, optional
        The name of the ids; left out, the first column of a file holds them.
    estimator : str, optional
        Which estimator, of a file of several.
    folds : Folds, path or None
        The folds that they were made with.
    kind : {"probability", "decision", "number"}, optional
        What the values are; left out, what the file beside them says, or probabilities.

    Raises
    ------
    ValueError
        When ids are missing, repeated or in both tables; when columns differ or hold no numbers; when
        numbers are missing, infinite or, for probabilities, out of range.
    """
    facts = _facts_of(train.path)
    kind = kind or facts.get("kinds", {}).get(estimator or "", "probability")
    table = _columns_of(train.frame(id), estimator, train.name)
    known = table.dropna(how="all")  # rows that no fold has held out
    values = _numbers(known, train.name, kind)
    ids, columns = known.index.to_numpy(dtype=str), _names_of(known)
    if test.table is not None:
        more = _columns_of(test.frame(str(table.index.name)), estimator, test.name)
        more = _in_order(more, columns, test.name)
        ids = np.concatenate([ids, _apart_from(ids, more.index.to_numpy(dtype=str), test.name)])
        tested = _numbers(more, test.name, kind)
        _warn_of_labels(values, tested, test.name, kind)
        values = np.concatenate([values, tested])
    made_with = _digest_of(folds, facts)
    return Predictions(
        train.name, str(table.index.name), columns, kind, ids, values, len(known), made_with=made_with
    )


def _read(reader: Any, path: Path, **options: Any) -> Any:
    try:
        return reader(path, **options)
    except ValueError as error:  # as pandas and numpy say that they cannot make sense of a file
        raise invalid_value(
            f"{path}",
            "a CSV file in UTF-8 with commas, or a .npy file of numbers",
            f"{type(error).__name__}: {str(error).strip()}",
            "Write the predictions so, beside their ids",
        ) from error


def _read_csv(path: Path, id: str | None) -> pd.DataFrame:
    """Read a CSV file: ids as the text that they are, and numbers to the last digit."""
    options: dict[str, Any] = {
        "dtype": str,
        "keep_default_na": False,
        "encoding": "utf-8-sig",
        "index_col": False,
    }
    table: pd.DataFrame = _read(pd.read_csv, path, **options)
    first = str(table.columns[0])
    key = id if id is not None and id in table.columns else first
    for column in table.columns.drop(key):
        table[column] = _parsed(table[column])
    # An index without a name is written without one.
    unnamed = id is not None and key != id and first.startswith("Unnamed: ")
    return table.rename(columns={first: id}) if unnamed else table


def _parsed(texts: pd.Series[Any]) -> Any:
    """Return a column of texts as numbers where they are, and as it is elsewhere: checks will say so."""
    cells = texts.to_numpy(dtype=object)
    try:
        return np.where(np.isin(texts.str.strip(), MISSING), "nan", cells).astype(str).astype(np.float64)
    except ValueError:
        return cells


def _index_of(ids: Any, n: int, id: str | None, name: str) -> pd.Index[Any]:
    names = check_ids(ids, n, f"ids of {name}")
    known = id if id is not None else getattr(ids, "name", None)
    if known is None:
        raise invalid_value(
            "id",
            "the name that the ids have in X",
            "id=None and ids without a name",
            "Pass id='PassengerId', say",
        )
    return pd.Index(names, name=known)


def _columns_of(table: pd.DataFrame, estimator: str | None, name: str) -> pd.DataFrame:
    """Return an estimator's columns."""
    if estimator is None:
        chosen = list(table.columns)
    else:
        of_name = f"{estimator}__"
        chosen = [col for col in table.columns if str(col) == estimator or str(col).startswith(of_name)]
    if chosen and len(table):
        return table[chosen]
    names = dict.fromkeys(str(column).partition("__")[0] for column in table.columns)
    raise invalid_value(
        name,
        "a table of ids and predictions" + (f" of {estimator!r}" if estimator else ""),
        f"{len(table)} rows of {format_list(names, 12) or 'no columns'}",
        "Pass estimator= one of these"
        if len(names) and len(table)
        else "Write the predictions beside the ids",
    )


def _names_of(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of columns, none where they are mere numbers of positions."""
    positions = isinstance(table.columns, pd.RangeIndex)
    return () if positions else tuple(str(column) for column in table.columns)


def _numbers(table: pd.DataFrame, name: str, kind: Kind) -> Values:
    try:
        values: Values = table.to_numpy(dtype=np.float64, copy=True, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise invalid_value(f"Predictions of {name}", "numbers", str(error), "Write probabilities") from error
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        raise _fault_of(table, wrong, name, "finite numbers", "Predict these rows too, or leave them out")
    if kind != "probability":
        return values
    wrong = ((values < -RANGE_TOLERANCE) | (values > 1 + RANGE_TOLERANCE)).any(axis=1)
    if wrong.any():
        advice = "Pass values='decision' for decision values, or PrecomputedRegressor for numbers"
        raise _fault_of(table, wrong, name, "probabilities between 0 and 1", advice)
    wrong = abs(values.sum(axis=1) - 1) > SUM_TOLERANCE
    if values.shape[1] > 1 and wrong.any():
        advice = (
            "Divide each row by its sum; where a file holds several estimators, pass estimator='its name'"
        )
        raise _fault_of(table, wrong, name, "probabilities that add up to 1 in each row", advice)
    return values.clip(0, 1)


def _warn_of_labels(values: Values, tested: Values, name: str, kind: Kind) -> None:
    """A submission of labels is easily taken for the probabilities that it was made from."""
    if kind == "probability" and np.isin(tested, (0, 1)).all() and not np.isin(values, (0, 1)).all():
        warn(
            f"Predictions of {name} must be probabilities, as those out of fold are; got 0 and 1 alone. If "
            "they are a submission's labels, write the probabilities."
        )


def _fault_of(table: pd.DataFrame, wrong: Any, name: str, expected: str, advice: str) -> ValueError:
    rows = format_list(table.index[wrong], 3)
    first = [float(value) for value in table[wrong].iloc[0].head(12)]
    got = f"{int(wrong.sum())} others (ids {rows}; the first {first})"
    return invalid_value(f"Predictions of {name}", expected, got, advice)


def _in_order(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> pd.DataFrame:
    """Return the test table's columns in the order of the others; one column may have any name."""
    names = _names_of(table)
    if len(columns) == len(names) == 1 or columns == names:
        return table
    if sorted(columns) != sorted(names):
        raise invalid_value(
            f"Columns of {name}",
            f"those of the out-of-fold predictions ({format_list(columns, 12) or 'without names'})",
            f"columns={format_list(names, 12) or 'without names'}",
            "Write both from the same estimator",
        )
    return table.iloc[:, [names.index(column) for column in columns]]


def _apart_from(ids: Names, more: Names, name: str) -> Names:
    both = np.intersect1d(ids, more)
    if len(both):
        raise invalid_value(
            f"ids of {name}",
            "others than those of the training rows, or a row could not be told from the other",
            f"{len(both)} in both ({format_list(both)})",
            "Where both count from the start, put 'test-' before those of the test rows, in X_test too",
        )
    return more


def _facts_of(path: Path | None) -> dict[str, Any]:
    """Read what `save_predictions` wrote beside a file; files from elsewhere have nothing there."""
    beside = metadata_path(path) if path else None
    if beside is None or not beside.exists():
        return {}
    try:
        facts: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        return {"folds": str(facts["folds"]), "kinds": dict(facts["kinds"])}
    except (ValueError, KeyError, TypeError) as error:
        raise invalid_value(
            f"{beside}", "as it was written", f"{type(error).__name__}: {error}", "Remove or restore it"
        ) from error


def _digest_of(folds: Any, facts: dict[str, Any]) -> str:
    """Return the digest of the folds that the caller names, or else of those named beside the file."""
    if folds is None:
        return str(facts.get("folds", ""))
    if isinstance(folds, Folds):
        return f"rows {folds.digest}"
    if not isinstance(folds, str | os.PathLike):
        raise invalid_value(
            "folds", "a folds file, Folds or None", f"folds={folds!r}", "Pass folds='folds.csv'"
        )
    ids = pd.read_csv(folds, dtype=str, keep_default_na=False).iloc[:, 0].to_numpy(dtype=str)
    return f"ids {fingerprint(Folds.load(folds, ids), ids)}"
