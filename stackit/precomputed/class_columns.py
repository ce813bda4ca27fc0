"""Match the names of columns with the names of classes, written in different ways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["class_text", "match_names", "without_estimator"]

# Labels that were read from a column with missing values are floats: 1 and 1.0 are one class.
WHOLE_NUMBER = re.compile(r"([+-]?[0-9]+)(\.0*)?")
TRUTH_VALUES = {"False": "0", "True": "1"}


def match_names(wanted: Iterable[Any], found: Iterable[Any]) -> list[int] | None:
    """Return the position of each wanted name among those found; None without exactly one way to match.

    Two names match if their texts are equal, if both are the same whole number (1, 1.0, "1") or the same
    truth value (True, "True", 1), or if all names of one side are those of the other with the same text in
    front or behind (``Class_1`` for 1), or with an estimator's name in front (``stack__1``).

    Examples
    --------
    >>> match_names(["Class_1", "Class_2", "Class_10"], [1.0, 10.0, 2.0])
    [0, 2, 1]
    >>> match_names(["cat", "dog"], ["cat", "horse"]) is None
    True
    """
    ours, theirs = [*wanted], [*found]
    if len(ours) != len(theirs):
        return None
    for names in (theirs, without_estimator(theirs)):
        if names is None:
            continue
        for spelling in (str, class_text, _truth_text):
            texts = [spelling(name) for name in ours]
            order = _positions(texts, [spelling(name) for name in names])
            if order is not None and (spelling is not _truth_text or {*texts} == {"0", "1"}):
                return order
        if (order := _match_by_affix(ours, names)) is not None:
            return order
    return None


def class_text(label: Any) -> str:
    """Return a label as text, a whole number without its decimal point.

    Examples
    --------
    >>> [class_text(label) for label in (1, 1.0, "1.0", np.float64(10), True, "a")]
    ['1', '1', '1', '10', 'True', 'a']
    """
    text = str(label.item() if isinstance(label, np.generic) else label)
    whole = WHOLE_NUMBER.fullmatch(text)
    if whole is None:
        return text
    digits = whole[1].lstrip("+-")
    # Leading zeros, as in 007, make another name.
    return text if digits != "0" and digits.startswith("0") else str(int(whole[1]))


def without_estimator(names: Sequence[Any]) -> list[str] | None:
    """Return names without the one estimator's name in front, as 1 for ``stack__1``; None if there is none.

    Examples
    --------
    >>> without_estimator(["stack__a", "stack__b"]), without_estimator(["stack__a", "forest__b"])
    (['a', 'b'], None)
    """
    parts = [str(name).partition("__") for name in names]
    is_one = len({front for front, _, _ in parts}) == 1
    return [bare for _, _, bare in parts] if is_one and all(bare for _, _, bare in parts) else None


def _truth_text(label: Any) -> str:
    text = class_text(label)
    return TRUTH_VALUES.get(text, text)


def _match_by_affix(wanted: Sequence[Any], found: Sequence[Any]) -> list[int] | None:
    """Match names of which one side has the same text around all; None if several texts would do."""
    if len(wanted) < 2:
        return None
    orders = {tuple(order) for order in _orders_by_affix(wanted, found)}
    inverse = {tuple(np.argsort(order)) for order in _orders_by_affix(found, wanted)}
    both = orders | inverse
    return [int(at) for at in both.pop()] if len(both) == 1 else None


def _orders_by_affix(long: Sequence[Any], short: Sequence[Any]) -> Iterator[list[int]]:
    """Yield the positions of the long names for each text that may surround the short names."""
    texts = [str(name) for name in long]
    first = class_text(short[0])
    affixes = {
        (text[: match.start()], text[match.start() + len(first) :])
        for text in texts
        for match in re.finditer(f"(?={re.escape(first)})", text)
    }
    for front, behind in affixes:
        order = _positions(texts, [f"{front}{class_text(name)}{behind}" for name in short])
        if order is not None:
            yield order


def _positions(wanted: list[str], found: list[str]) -> list[int] | None:
    """Return the position of each wanted text; None unless both sides have the same unique texts."""
    positions = {name: at for at, name in enumerate(found)}
    if len(positions) < len(found) or {*wanted} != {*found}:
        return None
    return [positions[name] for name in wanted]
