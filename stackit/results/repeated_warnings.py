"""Warnings that many fits, folds or predictions raise: each is said once, with how often it came."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stackit.validation import format_list

__all__ = ["RecordedWarning", "RepeatedWarnings", "recorded"]

# What differs between folds in texts that say the same: numbers that stand alone, and paths.
VARYING = re.compile(r"\S*/\S*|(?<![\w'\"])[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?")

_LOCAL = threading.local()
_forward: Any = warnings.showwarning


@dataclass(frozen=True)
class RecordedWarning:
    """A warning that was raised, and where.

    Parameters
    ----------
    category : type
        Its class.
    text : str
        What it says.
    filename, lineno : str, int
        The line that raised it.
    """

    category: type[Warning]
    text: str
    filename: str
    lineno: int


class recorded:
    """Record what this thread warns of, instead of showing it.

    What filters ignore is not recorded, and what they turn into errors is raised, as without. A warning that
    was shown before is recorded again: each block is looked at by itself. It is a class, and not a generator,
    for it stands around each fit: 2 microseconds.

    Examples
    --------
    >>> with recorded() as said:
    ...     warnings.simplefilter("always")
    ...     warnings.warn("Too few rows", UserWarning)
    >>> [(each.category.__name__, each.text) for each in said]
    [('UserWarning', 'Too few rows')]
    """

    __slots__ = ("_caught", "_outer")

    def __enter__(self) -> list[RecordedWarning]:
        global _forward
        self._outer = getattr(_LOCAL, "said", None)
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        # Threads may undo each other's catch_warnings: a handler that is left behind hands on to the former.
        if warnings.showwarning is not _show:
            _forward, warnings.showwarning = warnings.showwarning, _show
        said: list[RecordedWarning] = []
        _LOCAL.said = said
        return said

    def __exit__(self, *error: Any) -> None:
        _LOCAL.said = self._outer
        self._caught.__exit__(*error)


@dataclass
class RepeatedWarnings:
    """Gathers what was recorded in several blocks, and says each warning once.

    Parameters
    ----------
    unit : str
        What the blocks are, as in "fits".

    Examples
    --------
    >>> repeats = RepeatedWarnings("fits")
    >>> for fold in range(3):
    ...     with recorded() as said:
    ...         warnings.simplefilter("always")
    ...         warnings.warn(f"No convergence after {fold + 5} steps", UserWarning)
    ...     repeats.add(said, "lr")
    >>> repeats.texts()
    ["No convergence after 5 steps (in 3 of 3 fits of 'lr')"]
    """

    unit: str
    totals: dict[str, int] = field(default_factory=dict)
    first: dict[tuple[type[Warning], str], RecordedWarning] = field(default_factory=dict)
    counts: dict[tuple[type[Warning], str], dict[str, int]] = field(default_factory=dict)

    def add(self, said: Sequence[RecordedWarning], name: str = "") -> None:
        """Add what was recorded in one block.

        Parameters
        ----------
        said : sequence of Said
            Of one block: it counts as one however often a warning comes in it.
        name : str
            The estimator that it is of.
        """
        self.totals[name] = self.totals.get(name, 0) + 1
        if not said:
            return
        for each in {
            (each.category, VARYING.sub("#", each.text)): each for each in reversed([*said])
        }.items():
            key, one = each
            self.first.setdefault(key, one)
            of_name = self.counts.setdefault(key, {})
            of_name[name] = of_name.get(name, 0) + 1

    def texts(self) -> list[str]:
        """Return what is to be said, each warning once."""
        return [f"{one.text.rstrip()} ({self._where(self.counts[key])})" for key, one in self.first.items()]

    def say(self) -> None:
        """Raise each warning once, with its own class, at the line that raised it first."""
        said = [*zip(self.first.values(), self.texts(), strict=True)]
        self.first, self.counts = {}, {}
        for one, text in said:
            warnings.warn_explicit(_warning(one.category, text), None, one.filename, one.lineno)

    def _where(self, counts: dict[str, int]) -> str:
        parts = [
            f"{count} of {self.totals[name]} {self.unit}" + (f" of {name!r}" if name else "")
            for name, count in counts.items()
        ]
        return f"in {format_list(parts)}"


def _show(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *others: Any, **more: Any
) -> None:
    said = getattr(_LOCAL, "said", None)
    if said is None:
        _forward(message, category, filename, lineno, *others, **more)
    else:
        said.append(RecordedWarning(category, str(message), filename, lineno))


def _warning(category: type[Warning], text: str) -> Warning:
    """Return a warning of a class; of one that takes more than a text, of the plain one."""
    try:
        return category(text)
    except Exception:  # noqa: BLE001 - a class of others, whose constructor may do anything
        return UserWarning(f"{category.__name__}: {text}")
