"""The suspicion that a column of X is the target under another name."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import pandas as pd

from stackit.tables import TableReader, suspect_columns
from stackit.tables.column import Column
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = ["suspected_columns", "warn_of_suspects"]


def suspected_columns(X: Any, target: Target, known: Container[str] = ()) -> tuple[str, ...]:
    """Return the columns of a raw table that alone predict y nearly perfectly, except known ones."""
    if target.kind in ("multilabel", "multioutput") or len(getattr(X, "shape", ())) != 2:
        return ()
    reader = TableReader()
    try:
        typed = reader.fit_transform(X)
    except ValueError:  # no table of columns that vary
        return ()
    return tuple(name for name in _raw_names(typed, target, reader.records_) if name not in known)


def warn_of_suspects(frame: pd.DataFrame, target: Target, records: Iterable[Column]) -> None:
    """Name the raw columns of a typed frame that alone predict the target nearly perfectly."""
    names = _raw_names(frame, target, records)
    if names:
        warn(
            f"A single column predicts y nearly perfectly: {format_list(map(repr, names))}. It may be y "
            "under another name, or known only after y. Drop it unless it is known for new rows."
        )


def _raw_names(frame: pd.DataFrame, target: Target, records: Iterable[Column]) -> list[str]:
    """Return the raw names of the columns of a typed frame that are suspected."""
    names = {one.typed_name: str(one.name) for one in records if not one.is_left_out}
    return [names.get(name, name) for name in suspect_columns(frame, target.y, target.is_classification)]
