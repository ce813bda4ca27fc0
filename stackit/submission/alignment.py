"""Predictions with the ids and columns of the sample submission, matched by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays.rows import is_plain, order_of
from stackit.precomputed.class_columns import class_text, match_names, without_estimator
from stackit.submission.sample import Sample, Texts
from stackit.validation import format_list, invalid_value

__all__ = ["align_predictions"]

ADVICE = (
    "Pass a data frame with these column names, or classes=estimator.classes_; for the probability of "
    "one class, that column alone"
)


def align_predictions(sample: Sample, ids: Any, predictions: Any, classes: Any) -> tuple[Texts, pd.DataFrame]:
    """Return the ids, and the predictions in rows of that order and columns with the sample's names."""
    table, has_names = _frame_of(sample, predictions, classes)
    table, own_ids = _split_ids(sample, table)
    names = _ids_of(sample, ids, own_ids, table)
    if len(table) != len(names):
        expected = f"one per id, {len(names)}"
        raise invalid_value("predictions", expected, f"{len(table)} rows", "Pass one row per id")
    table = _align_rows(table, names, ids, own_ids)
    return names, _align_columns(sample, table, has_names).reset_index(drop=True)


def _frame_of(sample: Sample, predictions: Any, classes: Any) -> tuple[pd.DataFrame, bool]:
    """Return predictions as a data frame, and whether its columns have names, if only those of `classes`."""
    if hasattr(predictions, "to_pandas"):
        predictions = predictions.to_pandas()
    if isinstance(predictions, pd.Series):
        return pd.DataFrame({"value": predictions}), True
    if isinstance(predictions, dict):
        return _frame_of_dict(sample, predictions), True
    if isinstance(predictions, pd.DataFrame):
        table = predictions
        is_numbered = table.columns.equals(pd.RangeIndex(table.shape[1])) and isinstance(
            table.columns, pd.RangeIndex
        )
        if not is_numbered or [str(name) for name in table.columns] == list(sample.columns):
            return table, True
    else:
        values = np.asarray(predictions)
        if values.dtype.names:
            return pd.DataFrame(values), True
        values = values[:, np.newaxis] if values.ndim == 1 else values
        if values.ndim != 2 or classes is None:
            _check_width(sample, values.shape, len(sample.columns))
        table = pd.DataFrame(values)
    if classes is None:
        return table, False
    labels = np.asarray(classes).tolist()
    _check_width(sample, table.shape, len(labels))
    return table.set_axis(pd.Index(labels, dtype=object), axis=1), True


def _frame_of_dict(sample: Sample, values: dict[Any, Any]) -> pd.DataFrame:
    """Return a value per id, or a column per name, as a data frame."""
    if values and all(np.ndim(value) == 0 for value in values.values()):
        index = pd.Index([*values], name=sample.id_name)
        return pd.DataFrame({"value": [*values.values()]}, index=index)
    return pd.DataFrame(values).set_axis(pd.Index([*values], dtype=object), axis=1)


def _check_width(sample: Sample, shape: tuple[int, ...], width: int) -> None:
    if len(shape) != 2 or shape[1] != width:
        expected = f"of one column for each of {format_list(sample.columns)}"
        raise invalid_value("predictions", expected, f"{shape=}", ADVICE)


def _split_ids(sample: Sample, table: pd.DataFrame) -> tuple[pd.DataFrame, Texts | None]:
    """Return the values, and the ids in a column or index with the sample's name for ids."""
    if sample.id_name in table.columns and sample.id_name not in sample.columns:
        ids = table[sample.id_name]
        if isinstance(ids, pd.DataFrame):
            got = f"several named {sample.id_name}"
            raise invalid_value("predictions", "with one column of ids", got, "Drop one")
        return table.drop(columns=sample.id_name), _texts(ids)
    if sample.id_name in table.index.names:
        return table, _texts(table.index.get_level_values(sample.id_name))
    return table, None


def _ids_of(sample: Sample, ids: Any, own_ids: Texts | None, table: pd.DataFrame) -> Texts:
    """Return the ids that the caller passes, or those of the predictions."""
    if ids is not None:
        names = _texts(ids)
        if own_ids is not None and sorted(own_ids) != sorted(names):
            unknown = own_ids[~own_ids.isin(names)]
            raise invalid_value(
                f"{sample.id_name} of the predictions",
                "the ids that are passed",
                f"{len(unknown)} others ({format_list(unknown)})",
                "Pass ids=None to use those of the predictions, or drop these",
            )
        return names
    if own_ids is not None:
        return own_ids
    if not is_plain(table.index) and {*_texts(table.index)} == {*sample.ids}:
        return _texts(table.index)
    raise invalid_value(
        "ids",
        f"one per row, since the predictions have no column or index named {sample.id_name!r}",
        "ids=None",
        f"Pass ids=test[{sample.id_name!r}]",
    )


def _align_rows(table: pd.DataFrame, names: Texts, ids: Any, own_ids: Texts | None) -> pd.DataFrame:
    """Return the rows in the order of the ids: by ids, by the labels of the index, or as they are."""
    if own_ids is None and is_plain(table.index):
        return table
    labels = _texts(table.index) if own_ids is None else own_ids
    by_id, by_label = order_of(pd.Index(names), pd.Index(labels)), None
    if own_ids is None and isinstance(ids, pd.Series):
        if ids.index.equals(table.index):
            return table
        by_label = order_of(ids.index, table.index)
    if by_label is not None and by_id is not None and by_label != by_id:
        raise _ambiguous_index("labels of rows and ids at the same time, in two orders")
    order = by_label if by_id is None else by_id
    if order is not None:
        return table.iloc[order]
    known = labels.isin(names)
    if known.any() and labels.tolist() != names.tolist():
        repeated = labels[labels.duplicated()].unique()
        some = f"{known.sum()} of {len(names)} ids"
        raise _ambiguous_index(f"repeated ids ({format_list(repeated)})" if len(repeated) else some)
    return table


def _ambiguous_index(got: str) -> ValueError:
    return invalid_value(
        "The index of the predictions",
        "the ids that are passed, or no ids at all",
        got,
        "Pass predictions.to_numpy() if its rows are those of ids, in their order",
    )


def _align_columns(sample: Sample, table: pd.DataFrame, has_names: bool) -> pd.DataFrame:
    """Return the columns with the sample's names; further columns stay, for the check to report."""
    wanted, found = list(sample.columns), [*table.columns]
    if len(wanted) == len(found) == 1:
        return table.set_axis(wanted, axis=1)
    if has_names:
        texts = [str(name) for name in found]
        if known := [name for name in wanted if name in texts]:
            others = dict.fromkeys(name for name in texts if name not in wanted)
            return table.set_axis(texts, axis=1)[[*known, *others]]
        order = _positive_column(found) if len(wanted) == 1 else match_names(wanted, found)
        if order is not None:
            return table.iloc[:, order].set_axis(wanted, axis=1)
    names = f"named {format_list(found, 12)}" if has_names else "without names"
    expected = f"of one column for each of {format_list(wanted, 12)}, with matching names"
    got = f"shape={table.shape}" if len(wanted) != len(found) else f"{len(found)} columns {names}"
    raise invalid_value("predictions", expected, got, ADVICE)


def _positive_column(found: list[Any]) -> list[int] | None:
    """Return the position of the probability of 1 or True, if the other column is that of 0 or False."""
    for names in (found, without_estimator(found)):
        texts = [class_text(name) for name in names or ()]
        for negative, positive in (("0", "1"), ("False", "True")):
            if sorted(texts) == [negative, positive]:
                return [texts.index(positive)]
    return None


def _texts(values: Iterable[Any]) -> Texts:
    return pd.Series(np.asarray(values).ravel()).astype(str)
