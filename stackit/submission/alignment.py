"""Predictions as a table of the sample's columns and ids, by whatever names they bear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays.rows import is_plain, order_of
from stackit.precomputed.class_columns import class_text, match_names, without_estimator
from stackit.submission.sample import Sample, Texts
from stackit.validation import format_list, invalid_value

__all__ = ["named_table"]

ADVICE = (
    "Pass a data frame whose columns bear the names, or classes=estimator.classes_; for the probability of "
    "one class, that column alone"
)


def named_table(sample: Sample, ids: Any, predictions: Any, classes: Any) -> tuple[Texts, pd.DataFrame]:
    """Return the ids, and the predictions in rows of that order and columns of the sample's names.

    Parameters
    ----------
    sample : Sample
        Whose names are wanted.
    ids : (m,) array-like or None
        The id of each row.
    predictions : data frame, column, mapping or array
        The values.
    classes : array-like or None
        The classes of an array's columns.

    Raises
    ------
    ValueError
        When rows or columns cannot be told by their names, or there are none to tell them by.
    """
    table, is_named = _frame(sample, predictions, classes)
    table, own = _apart(sample, table)
    names = _ids_of(sample, ids, own, table)
    if len(table) != len(names):
        raise invalid_value(
            "predictions", f"one an id, {len(names)}", f"{len(table)} rows", "Pass one row an id"
        )
    table = _in_rows(table, names, ids, own)
    return names, _in_columns(sample, table, is_named).reset_index(drop=True)


def _frame(sample: Sample, predictions: Any, classes: Any) -> tuple[pd.DataFrame, bool]:
    """Return predictions as a frame, and whether its columns have names: those of the classes, if need be."""
    if hasattr(predictions, "to_pandas"):
        predictions = predictions.to_pandas()
    if isinstance(predictions, pd.Series):
        return pd.DataFrame({"value": predictions}), True
    if isinstance(predictions, dict):
        return _of_mapping(sample, predictions), True
    if not isinstance(predictions, pd.DataFrame):
        predictions = np.asarray(predictions)
        if predictions.dtype.names:
            return pd.DataFrame(predictions), True
        table = _of_array(sample, predictions, classes)
    else:
        table = predictions
        if not _is_numbered(table) or [str(name) for name in table.columns] == list(sample.columns):
            return table, True
    if classes is None:
        return table, False
    labels = np.asarray(classes).tolist()
    _check_width(sample, table.shape, len(labels))
    return table.set_axis(pd.Index(labels, dtype=object), axis=1), True


def _is_numbered(table: pd.DataFrame) -> bool:
    """Whether columns bear their mere numbers, as those of a frame that is made from an array."""
    return isinstance(table.columns, pd.RangeIndex) and table.columns.equals(pd.RangeIndex(table.shape[1]))


def _of_array(sample: Sample, values: Any, classes: Any) -> pd.DataFrame:
    values = values[:, np.newaxis] if values.ndim == 1 else values
    if values.ndim != 2 or classes is None:
        _check_width(sample, values.shape, len(sample.columns))
    return pd.DataFrame(values)


def _of_mapping(sample: Sample, values: dict[Any, Any]) -> pd.DataFrame:
    """Return a value per id, or a column per name, as a frame."""
    if values and all(np.ndim(value) == 0 for value in values.values()):
        index = pd.Index([*values], name=sample.id_name)
        return pd.DataFrame({"value": [*values.values()]}, index=index)
    table = pd.DataFrame(values)
    return table.set_axis(pd.Index([*values], dtype=object), axis=1)


def _check_width(sample: Sample, shape: tuple[int, ...], width: int) -> None:
    if len(shape) != 2 or shape[1] != width:
        expected = f"of one column for each of {format_list(sample.columns)}"
        raise invalid_value("predictions", expected, f"{shape=}", ADVICE)


def _apart(sample: Sample, table: pd.DataFrame) -> tuple[pd.DataFrame, Texts | None]:
    """Return the values, and the ids that stand beside them under the sample's name."""
    own = None
    if sample.id_name in table.columns and sample.id_name not in sample.columns:
        own = table[sample.id_name]
        table = table.drop(columns=sample.id_name)
        if isinstance(own, pd.DataFrame):
            raise invalid_value(
                "predictions", "with one column of ids", f"several named {sample.id_name}", "Drop one"
            )
    elif sample.id_name in table.index.names:
        own = pd.Series(table.index.get_level_values(sample.id_name))
    return table, None if own is None else _texts(own)


def _ids_of(sample: Sample, ids: Any, own: Texts | None, table: pd.DataFrame) -> Texts:
    if ids is not None:
        names = _texts(ids)
        if own is not None and sorted(own) != sorted(names):
            strange = own[~own.isin(names)]
            raise invalid_value(
                f"{sample.id_name} of the predictions",
                "the ids that are passed",
                f"{len(strange)} others ({format_list(strange)})",
                "Pass ids=None to go by those of the predictions, or drop these",
            )
        return names
    if own is not None:
        return own
    if not is_plain(table.index) and {*_texts(table.index)} == {*sample.ids}:
        return _texts(table.index)
    raise invalid_value(
        "ids",
        f"one a row, where the predictions have no column or index named {sample.id_name!r}",
        "ids=None",
        f"Pass ids=test[{sample.id_name!r}]",
    )


def _in_rows(table: pd.DataFrame, names: Texts, ids: Any, own: Texts | None) -> pd.DataFrame:
    """Return the rows in the order of the ids: by the ids beside them, by the index, or as they are."""
    if own is None and is_plain(table.index):
        return table
    rows = ids.index if isinstance(ids, pd.Series) and own is None else None
    if rows is not None and rows.equals(table.index):
        return table
    labels = _texts(table.index) if own is None else own
    by_row = None if rows is None else order_of(rows, table.index)
    by_id = order_of(pd.Index(names), pd.Index(labels))
    if by_row is not None and by_id is not None and by_row != by_id:
        raise _unsure("rows of ids and ids at the same time, in two orders")
    order = by_row if by_id is None else by_id
    if order is not None:
        return table.iloc[order]
    if labels.isin(names).any() and labels.tolist() != names.tolist():
        repeated = labels[labels.duplicated()].unique()
        known = int(labels.isin(names).sum())
        lacks = f"repeated ids ({format_list(repeated)})" if len(repeated) else f"{known} of {len(names)} ids"
        raise _unsure(lacks)
    return table


def _unsure(got: str) -> ValueError:
    advice = "Pass predictions.to_numpy() if its rows are those of ids, in their order"
    return invalid_value(
        "The index of the predictions", "the ids that are passed, or no ids at all", got, advice
    )


def _in_columns(sample: Sample, table: pd.DataFrame, is_named: bool) -> pd.DataFrame:
    """Return the columns by the sample's names, unless those of the table are others."""
    wanted, found = list(sample.columns), [*table.columns]
    if len(wanted) == len(found) == 1:
        return table.set_axis(wanted, axis=1)
    if is_named:
        texts = [str(name) for name in found]
        if known := [name for name in wanted if name in texts]:
            others = dict.fromkeys(name for name in texts if name not in wanted)
            return table.set_axis(texts, axis=1)[[*known, *others]]
        order = _positive(found) if len(wanted) == 1 else match_names(wanted, found)
        if order is not None:
            return table.iloc[:, order].set_axis(wanted, axis=1)
    names = f"named {format_list(found, 12)}" if is_named else "without names"
    expected = f"of one column for each of {format_list(wanted, 12)}, told by name"
    got = f"shape={table.shape}" if len(wanted) != len(found) else f"{len(found)} columns {names}"
    raise invalid_value("predictions", expected, got, ADVICE)


def _positive(found: list[Any]) -> list[int] | None:
    """Return where the probability of 1, or of True, stands beside that of 0, or of False."""
    for names in (found, without_estimator(found)):
        texts = [class_text(name) for name in names or ()]
        for pair in (["0", "1"], ["False", "True"]):
            if sorted(texts) == pair:
                return [texts.index(pair[1])]
    return None


def _texts(values: Iterable[Any]) -> Texts:
    return pd.Series(np.asarray(values).ravel()).astype(str)
