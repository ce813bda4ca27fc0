"""Warnings that many fits, folds or predictions raise: each is shown once, with how often it was raised."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stackit.validation import format_list

__all__ = ["RecordedWarning", "RepeatedWarnings", "record_again", "record_warnings"]

# What differs between folds in texts that mean the same: numbers that stand alone, and paths.
VARYING = re.compile(r"\S*/\S*|(?<![\w'\"])[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?")

_LOCAL = threading.local()
_previous: Any = warnings.showwarning


@dataclass(frozen=True)
class RecordedWarning:
    """A warning that was raised, and the line that raised it."""

    category: type[Warning]
    text: str
    filename: str
    lineno: int


class record_warnings:
    """Record the warnings of this thread instead of showing them.

    Warnings that filters ignore are not recorded, and those that filters turn into errors are raised. A
    warning that was shown before is recorded again. This is a class, and not a generator, because it
    surrounds each fit: it takes 2 microseconds.
    """

    __slots__ = ("_catcher", "_outer")

    def __enter__(self) -> list[RecordedWarning]:
        global _previous
        self._outer = getattr(_LOCAL, "caught", None)
        self._catcher = warnings.catch_warnings()
        self._catcher.__enter__()
        # Threads may undo each other's catch_warnings: a handler that is left behind calls the previous one.
        if warnings.showwarning is not _record:
            _previous, warnings.showwarning = warnings.showwarning, _record
        caught: list[RecordedWarning] = []
        _LOCAL.caught = caught
        return caught

    def __exit__(self, *error: Any) -> None:
        _LOCAL.caught = self._outer
        self._catcher.__exit__(*error)


def record_again(recorded: Sequence[RecordedWarning]) -> None:
    """Add recorded warnings to those that this thread records now, if it does.

    >>> with record_warnings() as caught:
    ...     record_again([RecordedWarning(UserWarning, "too short", "fit.py", 1)])
    >>> [one.text for one in caught]
    ['too short']
    """
    caught = getattr(_LOCAL, "caught", None)
    if caught is not None:
        caught.extend(recorded)


@dataclass
class RepeatedWarnings:
    """Collects the warnings of several blocks, such as fits (the `unit`), and shows each once.

    Examples
    --------
    >>> repeats = RepeatedWarnings("fits")
    >>> for fold in range(3):
    ...     with record_warnings() as caught:
    ...         warnings.simplefilter("always")
    ...         warnings.warn(f"No convergence after {fold + 5} steps", UserWarning)
    ...     repeats.add(caught, "lr")
    >>> repeats.texts()
    ["No convergence after 5 steps (in 3 of 3 fits of 'lr')"]
    """

    unit: str
    totals: dict[str, int] = field(default_factory=dict)
    first: dict[tuple[type[Warning], str], RecordedWarning] = field(default_factory=dict)
    counts: dict[tuple[type[Warning], str], dict[str, int]] = field(default_factory=dict)

    def add(self, caught: Sequence[RecordedWarning], name: str = "") -> None:
        """Add the warnings of one block, of the estimator of that name; repeats within it count once."""
        self.totals[name] = self.totals.get(name, 0) + 1
        if not caught:
            return
        distinct = {(one.category, VARYING.sub("#", one.text)): one for one in reversed(caught)}
        for key, one in distinct.items():
            self.first.setdefault(key, one)
            counts = self.counts.setdefault(key, {})
            counts[name] = counts.get(name, 0) + 1

    def texts(self) -> list[str]:
        """Return the texts to show, each warning once."""
        return [f"{one.text.rstrip()} ({self._where(self.counts[key])})" for key, one in self.first.items()]

    def warn(self) -> None:
        """Raise each warning once, with its own class, at the line that raised it first."""
        texts = [*zip(self.first.values(), self.texts(), strict=True)]
        self.first, self.counts = {}, {}
        for one, text in texts:
            warnings.warn_explicit(_as_warning(one.category, text), None, one.filename, one.lineno)

    def _where(self, counts: dict[str, int]) -> str:
        parts = [
            f"{count} of {self.totals[name]} {self.unit}" + (f" of {name!r}" if name else "")
            for name, count in counts.items()
        ]
        return f"in {format_list(parts)}"


def _record(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *others: Any, **more: Any
) -> None:
    caught = getattr(_LOCAL, "caught", None)
    if caught is None:
        _previous(message, category, filename, lineno, *others, **more)
    else:
        caught.append(RecordedWarning(category, str(message), filename, lineno))


def _as_warning(category: type[Warning], text: str) -> Warning:
    """Return a warning of a class, or of UserWarning if its constructor needs more than a text."""
    try:
        return category(text)
    except Exception:  # noqa: BLE001 - the constructor of another library may do anything
        return UserWarning(f"{category.__name__}: {text}")
