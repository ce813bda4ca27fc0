"""What is known of one raw column: its kind, and what is needed to read it again in new rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["LEFT_OUT", "Column", "Kind"]

Kind = Literal["number", "boolean", "category", "datetime", "text", "id", "constant", "empty", "duplicate"]
LEFT_OUT = frozenset({"id", "constant", "empty", "duplicate"})


@dataclass(frozen=True)
class Column:
    """One raw column of the training rows.

    Parameters
    ----------
    name : object
        The name in the raw table; the position for arrays.
    kind : str
        "number", "boolean", "category", "datetime" or "text"; or why it is left out: "id", "constant",
        "empty" or "duplicate".
    missing : float
        The share of the training rows in which it is missing.
    n_distinct : int
        The number of distinct values, missing ones not counted.
    note : str
        What is worth knowing, such as why the column is left out.
    typed_name : str
        The name in the typed frame, which every library accepts.
    dtype : str
        The dtype in the typed frame: "float32" or "float64" for numbers and booleans, "datetime64[s]" for
        dates, "datetime64[us]" for dates with a time of day, "category", or "object" for text.
    levels : tuple of str
        The levels of a category, the most frequent first, or in the order of an ordered category.
    ordered : bool
        Whether the levels have an order.
    pattern : str
        How strings are read: the kind of commas for numbers, the format of dates.
    zone : str
        The time zone of dates that have one.
    has_gaps : bool
        Whether the typed frame has a column that says where the number is missing.
    """

    name: Any
    kind: Kind
    missing: float = 0.0
    n_distinct: int = 0
    note: str = ""
    typed_name: str = ""
    dtype: str = ""
    levels: tuple[str, ...] = ()
    ordered: bool = False
    pattern: str = ""
    zone: str = ""
    has_gaps: bool = False

    @property
    def is_left_out(self) -> bool:
        """Whether the typed frame lacks the column."""
        return self.kind in LEFT_OUT
