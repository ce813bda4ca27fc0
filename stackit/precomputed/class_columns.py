"""Names of columns matched with the names of classes, in whatever form both are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["class_text", "match_names", "without_estimator"]

# 1 and 1.0 are one class: labels that were read beside missing values are floats.
WHOLE = re.compile(r"([+-]?[0-9]+)(\.0*)?")
TRUTH = {"False": "0", "True": "1"}


def match_names(wanted: Iterable[Any], found: Iterable[Any]) -> list[int] | None:
    """Return where each wanted name stands among those found; None where they cannot be told for sure.

    Names are the same when their texts are, when both are the same whole number (1, 1.0, "1"), or the same
    truth value (True, "True", 1); and when all of one side are those of the other with the same text in
    front or behind (``Class_1`` for 1), or with an estimator's name in front (``stack__1``).

    Parameters
    ----------
    wanted, found : iterables of n names
        Of any type.

    Returns
    -------
    list of n ints, or None
        Positions in `found`, each once. None also where two readings are possible, or names recur.

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
        for way in (_by_text, _by_value, _by_truth, _by_affix):
            if (order := way(ours, names)) is not None:
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
    whole = WHOLE.fullmatch(text)
    return text if whole is None else str(int(whole[1])) if _is_plain(whole[1]) else text


def without_estimator(names: Sequence[Any]) -> list[str] | None:
    """Return names without the estimator's in front, as 1 for ``stack__1``; None where there is not one.

    Examples
    --------
    >>> without_estimator(["stack__a", "stack__b"]), without_estimator(["stack__a", "forest__b"])
    (['a', 'b'], None)
    """
    parts = [str(name).partition("__") for name in names]
    is_one = len({front for front, _, _ in parts}) == 1
    return [bare for _, _, bare in parts] if is_one and all(bare for _, _, bare in parts) else None


def _is_plain(number: str) -> bool:
    """Whether a number is written without zeros in front, which names such as 007 have for a reason."""
    return number.lstrip("+-") == "0" or not number.lstrip("+-").startswith("0")


def _by_text(wanted: Sequence[Any], found: Sequence[Any]) -> list[int] | None:
    return _matched([str(name) for name in wanted], [str(name) for name in found])


def _by_value(wanted: Sequence[Any], found: Sequence[Any]) -> list[int] | None:
    return _matched([class_text(name) for name in wanted], [class_text(name) for name in found])


def _by_truth(wanted: Sequence[Any], found: Sequence[Any]) -> list[int] | None:
    ours, theirs = (
        [TRUTH.get(text := class_text(name), text) for name in names] for names in (wanted, found)
    )
    return _matched(ours, theirs) if {*ours} == {"0", "1"} else None


def _by_affix(wanted: Sequence[Any], found: Sequence[Any]) -> list[int] | None:
    """Match names of which one side has the same text in front of all, or behind."""
    if len(wanted) < 2:
        return None
    orders = {tuple(order) for order in _orders_by_affix(wanted, found)}
    inverse = {tuple(np.argsort(order)) for order in _orders_by_affix(found, wanted)}
    both = orders | inverse
    return [int(at) for at in both.pop()] if len(both) == 1 else None


def _orders_by_affix(long: Sequence[Any], short: Sequence[Any]) -> Iterator[list[int]]:
    """Yield, for each text that may stand around the short names, where each long one stands among these."""
    texts = [str(name) for name in long]
    first = class_text(short[0])
    around = {
        (text[: match.start()], text[match.start() + len(first) :])
        for text in texts
        for match in re.finditer(f"(?={re.escape(first)})", text)
    }
    for front, behind in around:
        order = _matched(texts, [f"{front}{class_text(name)}{behind}" for name in short])
        if order is not None:
            yield order


def _matched(wanted: list[str], found: list[str]) -> list[int] | None:
    places = {name: at for at, name in enumerate(found)}
    if len(places) < len(found) or {*wanted} != {*found}:
        return None
    return [places[name] for name in wanted]
