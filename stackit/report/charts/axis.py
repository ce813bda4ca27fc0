"""An axis: round numbers as ticks, no more of them than fit next to each other on a narrow screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Self

__all__ = ["Axis", "axis_of"]

NARROWEST = 26  # digits that fit into the width of a chart on a screen of 360 pixels
OVERHANG = 1.5  # digits by which the last text may stand out at the right end
LONGEST = 7  # digits that fit next to a chart
MOST = 1e290
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, with a title, and ticks with their texts."""

    title: str
    low: float
    high: float
    ticks: Sequence[float]
    texts: Sequence[str]

    def at(self, value: float) -> float:
        """Return where a number is, from 0 to 1000."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(1000 * min(max(share, -0.02), 1.02), 1)

    def is_readable(self, is_vertical: bool = False) -> bool:
        """Whether the texts are short and different, and those of a narrow horizontal axis do not touch."""
        ends = [self._box(tick, text) for tick, text in zip(self.ticks, self.texts, strict=True)]
        return (
            max(map(len, self.texts), default=0) <= LONGEST
            and len(set(self.texts)) == len(self.texts)
            and (is_vertical or all(end + 1 <= start for (_, end), (start, _) in pairwise(ends)))
        )

    def _box(self, tick: float, text: str) -> tuple[float, float]:
        """Return where a text is, in digits: below its tick, but hardly beyond the right end."""
        start = min(NARROWEST * self.at(tick) / 1000 - len(text) / 2, NARROWEST + OVERHANG - len(text))
        return start, start + len(text)

    def within(self, low: float, high: float) -> Self:
        """Return the axis between two numbers, with the ticks that are there."""
        inside = [at for at, tick in enumerate(self.ticks) if low <= tick <= high]
        ticks, texts = [self.ticks[at] for at in inside], [self.texts[at] for at in inside]
        return type(self)(self.title, low, high, ticks, texts)


def axis_of(
    title: str,
    values: Sequence[float],
    include: Sequence[float] = (),
    is_vertical: bool = False,
    is_tight: bool = False,
) -> Axis:
    """Return an axis that holds all numbers, with ticks at round numbers.

    A tight axis ends at the numbers, others at ticks. Long texts are divided by a power of a thousand, which
    the title names. A range that is too small for seven digits is widened.

    Examples
    --------
    >>> axis_of("loss", [0.13, 0.88]).texts
    ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0']
    >>> axis = axis_of("price", [0, 3_000_000])
    >>> axis.title, axis.texts
    ('price (× 10⁶)', ['0', '1', '2', '3'])
    """
    known = [value for value in [*values, *include] if abs(value) < MOST] or [0.0, 1.0]
    low, high = float(min(known)), float(max(known))
    if high - low < 1 / MOST:
        reach = 0.1 * abs(low) if abs(low) > 1 / MOST else 0.1
        low, high = low - reach, high + reach
    while True:
        axes = [axis.within(low, high) if is_tight else axis for axis in _axes(title, low, high)]
        readable = [axis for axis in axes if len(axis.ticks) > 1 and axis.is_readable(is_vertical)]
        if readable:
            return next((axis for axis in readable if len(axis.ticks) > 2), readable[0])
        middle, reach = (low + high) / 2, high - low
        low, high = middle - reach, middle + reach


def _axes(title: str, low: float, high: float) -> Iterator[Axis]:
    """Yield axes, the best first: plain numbers with many ticks, then those divided by a power."""
    power = 3 * math.floor(math.log10(max(-low, high)) / 3)
    for exponent, n in product(sorted({0, power}, key=abs), (5, 4, 3, 2, 1)):
        factor, decimals = _round_step((high - low) / n)
        step = float(f"{factor}e{-decimals}")
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        counts = [at * factor for at in range(first, last + 1)]
        ticks = [float(f"{count}e{-decimals}") for count in counts]
        texts = [_text(count, decimals + exponent) for count in counts]
        power_text = f" (× 10{str(exponent).translate(SUPERSCRIPTS)})" if exponent else ""
        yield Axis(title + power_text, ticks[0], ticks[-1], ticks, texts)


def _text(count: int, decimals: int) -> str:
    """Return a whole number, divided by a power of ten, as text."""
    return f"{float(f'{count}e{-decimals}'):,.{max(0, decimals)}f}"


def _round_step(least: float) -> tuple[int, int]:
    """Return the next larger number of 1, 2, 2.5 and 5 times a power of ten, as count and decimals.

    Examples
    --------
    >>> _round_step(0.21), _round_step(180.0)
    ((25, 2), (2, -2))
    """
    power = math.floor(math.log10(least))
    for factor, extra in ((1, 0), (2, 0), (25, 1), (5, 0)):
        if float(f"{factor}e{power - extra}") >= least * 0.999:
            return factor, extra - power
    return 1, -power - 1
