"""Where in an ensemble something stands that cannot be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stackit.persistence.codec import KIND

__all__ = ["place_of"]


def place_of(parts: Any, fails: Callable[[Any], bool]) -> str:
    """Return the way to the smallest part that fails, as one would write it in Python.

    Parameters
    ----------
    parts : parts
        As `Encoder` gives them; they fail as a whole.
    fails : callable
        Whether some of them do.

    Examples
    --------
    >>> parts = {KIND: "dict", "parts": [["steps", [1, [2, "here"]]], ["other", 3]]}
    >>> place_of(parts, lambda part: "here" in str(part))
    '.steps[1][1]'
    """
    for step, part in _steps(parts):
        if fails(part):
            return step + place_of(part, fails)
    return ""


def _steps(parts: Any) -> Iterator[tuple[str, Any]]:
    """The parts of parts, and how each is reached."""
    if isinstance(parts, list | tuple):
        yield from ((f"[{at}]", part) for at, part in enumerate(parts))
    elif isinstance(parts, dict) and parts.get(KIND) in ("dict", "Bunch"):
        yield from ((f".{key}", part) for key, part in parts["parts"])
    elif isinstance(parts, dict) and parts.get(KIND) == "filled":
        yield from _steps(parts["parts"][1])
    elif isinstance(parts, dict) and KIND in parts:
        yield from _steps(parts["parts"])
    elif hasattr(parts, "get_params"):
        yield from ((f".{name}", part) for name, part in vars(parts).items())
