"""Numbers as spreadsheets and people write them, and codes of digits that are no numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats

__all__ = ["CODE_IN_TEXT", "numbers_of_digits", "numbers_of_texts"]

# A column is written in one of these ways: as Python does, with commas between thousands, or with decimal
# commas. Unlike in `numbers`, each of its cells is.
PATTERNS = {
    "": r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?",
    "1,000": r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?",
    "0,1": r"[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?|\d+(?:,\d*)?|,\d+)(?:[eE][+-]?\d+)?",
}
WITH_DOTS = r"[+-]?[1-9]\d{0,2}(?:\.\d{3})*"
WHOLE = r"[+-]?\d+"
CODE = r"[+-]?0\d.*"  # such as "007", which a number would not keep
CODE_IN_TEXT = re.compile(rb'[\s,;|"][+-]?0\d')
GAPS = ("none", "-", "--", ".", "?")  # among numbers
MOST_DIGITS = 15  # that a float keeps
SAMPLE = 200  # cells that are looked at first


def numbers_of_texts(
    frame: pd.DataFrame, prefers_comma: bool, id: str | None
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Return the columns of texts that are all numbers, and how those with commas are written.

    Where "1,234" could be both, its comma is a decimal one if `prefers_comma`, or if other columns show that.
    """
    texts = {str(name): column for name, column in frame.items() if name != id and _has_texts(column)}
    ways = {name: found for name, column in texts.items() if (found := _ways(column))}
    prefers_comma = prefers_comma or ["0,1"] in ways.values()
    chosen = {name: "" if "" in found else found[-1 if prefers_comma else 0] for name, found in ways.items()}
    numbers = {name: _numbers(texts[name], way) for name, way in chosen.items()}
    return numbers, {name: way for name, way in chosen.items() if way}


def numbers_of_digits(texts: pd.Series[Any], dots_are_thousands: bool) -> Any:
    """Return a column that was read as numbers as it should be read, given its texts; None if it was right.

    Codes with leading zeros, and whole numbers with more digits than a float keeps, stay texts.
    """
    if _are_codes(texts.dropna().str.strip()):
        return texts
    if dots_are_thousands and texts.dropna().str.fullmatch(WITH_DOTS).all():
        return _numbers(texts, "0,1")
    return None


def _has_texts(column: pd.Series[Any]) -> bool:
    return pd.api.types.infer_dtype(column, skipna=True) == "string"


def _cells(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return texts without blanks around them, missing where they only stand for a gap among numbers."""
    cells = column.str.strip()
    return cells.mask(cells.str.lower().isin(GAPS))


def _ways(column: pd.Series[Any]) -> list[str]:
    """Return the ways in which all cells of a column are written as numbers; none for codes."""
    ways = list(PATTERNS)
    for step in (max(1, len(column) // SAMPLE), 1):
        cells = _cells(column.iloc[::step]).dropna()
        ways = [way for way in ways if cells.str.fullmatch(PATTERNS[way]).all()]
        if not ways:
            return []
    return [] if not len(cells) or _are_codes(cells) else ways


def _are_codes(cells: pd.Series[Any]) -> bool:
    """Whether cells are whole numbers of which some have a leading zero, or too many digits for a float."""
    if not cells.str.fullmatch(WHOLE).all():
        return False
    return bool(cells.str.fullmatch(CODE).any() or cells.str.len().max() > MOST_DIGITS)


def _numbers(column: pd.Series[Any], way: str) -> Floats:
    """Return the numbers that cells are if they are written in a way, NaN for gaps."""
    cells = _cells(column)
    if way == "0,1":
        cells = cells.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    # Not by pandas, which is wrong in the last digit of some.
    return cells.str.replace(",", "", regex=False).to_numpy(dtype=object, na_value=np.nan).astype(np.float64)
