"""The out-of-fold predictions of members as the table that combiners learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from stackit.arrays import Floats, Rows
from stackit.combine.probabilities import normalize_rows
from stackit.target import TargetType
from stackit.validation import format_list

__all__ = ["MetaTable", "predict_with"]


@dataclass(frozen=True, eq=False)
class MetaTable:
    """The predictions of members side by side, as (n, n_members, width) blocks; NaN where no fold held out.

    For classes the width is their number, and each row of a block sums to 1.
    """

    names: tuple[str, ...]
    blocks: Floats
    target_type: TargetType

    @classmethod
    def of(cls, predictions: Mapping[str, Any], target_type: TargetType) -> MetaTable:
        """Return the table of the predictions by the names of members."""
        if not predictions:
            raise ValueError("predictions must have at least one member, but there is none to blend.")
        tables = [_as_block(name, table, target_type) for name, table in predictions.items()]
        lengths = {name: len(table) for name, table in zip(predictions, tables, strict=True)}
        if len({*lengths.values()}) > 1:
            raise ValueError(
                f"All members must predict the same rows, but their numbers of rows are {lengths}."
            )
        return cls(tuple(predictions), np.stack(tables, axis=1), target_type)

    @property
    def covered(self) -> Rows:
        """The rows that all members predict."""
        return np.flatnonzero(~np.isnan(self.blocks).any(axis=(1, 2)))

    def fit(self, combiner: Any, codes: Any, rows: Rows, weights: Floats) -> Any:
        """Return a copy of a combiner, fitted on some rows.

        A class that these rows lack keeps its columns: it gets a row of weight 0.
        """
        blocks, truth, weight = self.blocks[rows], codes[rows], weights[rows]
        lacking = np.setdiff1d(np.arange(len(self.target_type.classes)), truth)
        if self.target_type.is_classification and len(lacking):
            even = np.full((len(lacking), *blocks.shape[1:]), 1 / blocks.shape[2])
            blocks, truth = np.concatenate([blocks, even]), np.concatenate([truth, lacking])
            weight = np.concatenate([weight, np.zeros(len(lacking))])
        table = _frame(blocks, self.target_type)
        fitted = clone(combiner)
        if (weight == 1).all():
            return fitted.fit(table, truth)
        return fitted.fit(table, truth, sample_weight=weight)


def predict_with(combiner: Any, table: MetaTable, rows: Rows | slice = slice(None)) -> Floats:
    """Return the (m, width) blend of some rows by a fitted combiner."""
    frame = _frame(table.blocks[rows], table.target_type)
    if table.target_type.is_classification:
        return np.asarray(combiner.predict_proba(frame))
    return np.asarray(combiner.predict(frame)).reshape(len(frame), -1)


def _as_block(name: str, table: Any, target_type: TargetType) -> Floats:
    """Return one member's predictions as (n, width); of two classes the second column is enough."""
    block = np.asarray(table, dtype=np.float64)
    block = block.reshape(len(block), -1)
    width = len(target_type.classes) if target_type.is_classification else max(1, len(target_type.outputs))
    if width == 2 and target_type.is_classification and block.shape[1] == 1:
        block = np.hstack([1 - block, block])
    if block.shape[1] != width:
        raise ValueError(
            f"The predictions of {format_list([name])} must have {width} columns, one per "
            f"{'class' if target_type.is_classification else 'output'}, but they have {block.shape[1]}."
        )
    if not target_type.is_classification:
        return block
    found, known = np.full(block.shape, np.nan), ~np.isnan(block).any(axis=1)
    found[known] = normalize_rows(block[known].clip(min=0))
    return found


def _frame(blocks: Floats, target_type: TargetType) -> pd.DataFrame:
    """Return the columns as combiners read them, named by position: names of members may be any strings."""
    n, k, width = blocks.shape
    names = [f"m{at}" for at in range(k)]
    if not target_type.is_classification:
        columns = names if width == 1 else [f"{name}__{at}" for name in names for at in range(width)]
        return pd.DataFrame(blocks.reshape(n, -1), columns=columns)
    if width == 2:
        table = pd.DataFrame(blocks[:, :, 1], columns=names)
    else:
        columns = [f"{name}__{at}" for name in names for at in range(width)]
        table = pd.DataFrame(blocks.reshape(n, -1), columns=columns)
    table.attrs["stackit"] = dict.fromkeys(names, "probability")
    return table
