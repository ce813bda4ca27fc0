"""Names and values from data as one line of plain text, and numbers as a reader expects them."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import numpy as np

__all__ = ["clean", "count_text", "number_text", "percent_text", "plain", "score_text", "seconds_text"]

LONGEST = 60
JOINERS = "\u200c\u200d"  # letters of Persian and Hindi words, and of emoji, are joined by them
CONTROL = ("C", "Zl", "Zp")
DIGITS = 9
HUGE = 1e15


def clean(value: Any, longest: int = LONGEST) -> str:
    """Return a value as a line of text: control characters as escapes, cut where it is too long.

    Examples
    --------
    >>> clean("two\\nlines"), clean("x" * 100, longest=5)
    ('two\\\\x0alines', 'xxxx…')
    """
    text = value if isinstance(value, str) else str(value)
    text = text[: 4 * longest]
    shown = "".join(_escaped(each) for each in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _escaped(character: str) -> str:
    """Return a character, or its escape where it would move, hide or restyle what is around it."""
    if character in JOINERS or not unicodedata.category(character).startswith(CONTROL):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers rounded to nine digits, None for what is no finite number."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(each) for each in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.{DIGITS}g}") if math.isfinite(value) else None
    return value


def score_text(value: float | None, signed: bool = False) -> str:
    """Return a score or a difference of scores; "-" where there is none.

    Examples
    --------
    >>> score_text(0.87654321), score_text(12345.6), score_text(0.00012, signed=True), score_text(None)
    ('0.8765', '12,346', '+0.00012', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    size, sign = abs(value), "+" if signed else ""
    if size == 0:
        return "0"
    if size < 0.001 or size >= HUGE:
        return f"{value:{sign}.2g}"
    decimals = 4 if size < 10 else 2 if size < 1000 else 0
    return f"{value:{sign},.{decimals}f}"


def number_text(value: float | None) -> str:
    """Return a value of a column: up to four digits, as years have, or more in full; "-" where there is none.

    Examples
    --------
    >>> number_text(1234567.0), number_text(0.123456), number_text(3.0), number_text(2007.0)
    ('1,234,567', '0.1235', '3', '2007')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if HUGE > abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == round(value) and abs(value) < HUGE else f"{value:.4g}"


def seconds_text(seconds: float | None) -> str:
    """Return seconds: two digits below one, whole ones from a hundred; "-" where there are none.

    Examples
    --------
    >>> seconds_text(0.1234), seconds_text(9.636), seconds_text(1234.6)
    ('0.12', '9.6', '1,235')
    """
    if seconds is None or not math.isfinite(seconds):
        return "-"
    return f"{seconds:.2g}" if seconds < 1 else f"{seconds:,.{1 if seconds < 100 else 0}f}"


def percent_text(share: float | None) -> str:
    """Return a share as a percentage; "-" where there is none.

    Examples
    --------
    >>> percent_text(0.1234), percent_text(0.0004), percent_text(1.0)
    ('12.3 %', '0.04 %', '100 %')
    """
    if share is None or not math.isfinite(share):
        return "-"
    percent = 100 * share
    if percent in (0, 100):
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if abs(percent) >= 0.1 else f"{percent:.1g} %"


def count_text(n: int, one: str, several: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> count_text(1, "row"), count_text(12000, "row"), count_text(2, "class", "classes")
    ('1 row', '12,000 rows', '2 classes')
    """
    return f"{n:,} {one if n == 1 else several or one + 's'}"
