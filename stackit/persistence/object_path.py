"""The path to a part of an ensemble that cannot be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stackit.persistence.codec import KIND

__all__ = ["path_to_failure"]


def path_to_failure(parts: Any, fails: Callable[[Any], bool]) -> str:
    """Return the path to the smallest part for which `fails` is true, as one would write it in Python.

    Examples
    --------
    >>> parts = {KIND: "dict", "parts": [["steps", [1, [2, "here"]]], ["other", 3]]}
    >>> path_to_failure(parts, lambda part: "here" in str(part))
    '.steps[1][1]'
    """
    for step, part in _children(parts):
        if fails(part):
            return step + path_to_failure(part, fails)
    return ""


def _children(parts: Any) -> Iterator[tuple[str, Any]]:
    """Yield how each part is reached, and the part."""
    if isinstance(parts, list | tuple):
        yield from ((f"[{at}]", part) for at, part in enumerate(parts))
    elif isinstance(parts, dict) and parts.get(KIND) in ("dict", "Bunch"):
        yield from ((f".{key}", part) for key, part in parts["parts"])
    elif isinstance(parts, dict) and parts.get(KIND) == "filled":
        yield from _children(parts["parts"][1])
    elif isinstance(parts, dict) and KIND in parts:
        yield from _children(parts["parts"])
    elif hasattr(parts, "get_params"):
        yield from ((f".{name}", part) for name, part in vars(parts).items())
