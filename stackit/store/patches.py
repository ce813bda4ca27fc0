"""Functions of the user's that were put into installed classes and modules in place of what was there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from types import FunctionType
from typing import Any

from stackit.store.versions import version_of

__all__ = ["patches_of"]


def patches_of(value: type | FunctionType) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that were put into an installed class, its bases, or the modules of these.

    Parameters
    ----------
    value : class or function
        One of an installed package.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> list(patches_of(Ridge))
    []
    """
    kinds = value.__mro__ if isinstance(value, type) else ()
    modules: dict[str, dict[str, Any]] = {}
    for each in (value, *kinds):
        module = sys.modules.get(each.__module__)
        if module is not None and (version_of(each.__module__) or "Python").partition(" ")[0] != "Python":
            modules[each.__module__] = vars(module)
    for kind in kinds:
        if kind.__module__ in modules:
            yield from _foreign(kind.__qualname__, vars(kind), modules[kind.__module__])
    for name, space in modules.items():
        yield from _foreign(name, space, space)


def _foreign(owner: str, parts: Any, home: dict[str, Any]) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions among parts whose globals are those of a module of the user's."""
    for name, part in list(parts.items()):
        for function in _functions_in(part):
            space = function.__globals__
            if space is not home and _is_own(space):
                yield f"{owner}.{name}", function


def _functions_in(part: Any) -> tuple[FunctionType, ...]:
    if isinstance(part, FunctionType):
        return (part,)
    if isinstance(part, staticmethod | classmethod):
        inside: tuple[Any, ...] = (part.__func__,)
    elif isinstance(part, property):
        inside = (part.fget, part.fset)
    elif isinstance(part, cached_property):
        inside = (part.func,)
    else:
        return ()
    return tuple(each for each in inside if isinstance(each, FunctionType))


def _is_own(space: dict[str, Any]) -> bool:
    """Whether globals are those of a module of the user's; those of generated functions are nobody's."""
    name = space.get("__name__")
    return isinstance(name, str) and name in sys.modules and version_of(name) is None
