"""The suspicion that a column of X is the target under another name."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from stackit.tables import TableReader, suspect_columns
from stackit.target import Target

__all__ = ["suspected_columns"]


def suspected_columns(X: Any, target: Target, known: Container[str] = ()) -> tuple[str, ...]:
    """Return the columns of a raw table that alone predict y nearly perfectly, except known ones."""
    if target.kind in ("multilabel", "multioutput") or len(getattr(X, "shape", ())) != 2:
        return ()
    reader = TableReader()
    try:
        typed = reader.fit_transform(X)
    except ValueError:  # no table of columns that vary
        return ()
    raw_names = {record.typed_name: str(record.name) for record in reader.records_}
    found = suspect_columns(typed, target.y, target.is_classification)
    names = [raw_names.get(name, name) for name in found]
    return tuple(name for name in names if name not in known)
