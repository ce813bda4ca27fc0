"""The parts of the user's own functions, classes, modules and objects that a description reads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property, singledispatch
from types import CellType, FunctionType, ModuleType
from typing import Any

import pandas as pd

from stackit.store.references import references_of
from stackit.store.versions import digest_of_extension, is_installed, version_of

__all__ = ["attributes_of", "content_of", "own_parts", "patches_of"]

# Class attributes that do not change what a class does.
IGNORED = frozenset(
    "__abstractmethods__ __annotate__ __annotate_func__ __annotations__ __annotations_cache__ "
    "__classdictcell__ __dict__ __doc__ __firstlineno__ __module__ __orig_bases__ __parameters__ "
    "__qualname__ __slotnames__ __static_attributes__ __type_params__ __weakref__ _abc_impl".split()
)
# With these, a class decides what is pickled of its objects.
PICKLED_BY = ("__getstate__", "__reduce__", "__reduce_ex__")
SEQUENCES: tuple[Any, ...] = (list, tuple, set, frozenset)
# The code of the functions that `functools.singledispatch` creates.
DISPATCHER = singledispatch(print).__code__  # type: ignore[attr-defined]
NUMBERS: tuple[Any, ...] = (str, bytes, int, float, complex)


def own_parts(own: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a user's function, class or module as (name, object) pairs."""
    if isinstance(own, ModuleType):
        yield from _of_module(own)
    elif isinstance(own, type):
        yield from _of_class(own)
    else:
        yield from _of_function(own)


def _of_function(own: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the code of a function, and what it refers to."""
    code = own.__code__
    if code is DISPATCHER:
        yield "functions by type", dict(own.registry)  # type: ignore[attr-defined]
        return
    if own.__doc__ is not None and code.co_consts[:1] == (own.__doc__,):
        code = code.replace(co_consts=(None, *code.co_consts[1:]))
    yield "code", code
    yield "defaults", (own.__defaults__, own.__kwdefaults__)
    yield "closure", [_content(cell) for cell in own.__closure__ or ()]
    yield "attributes", vars(own)
    yield from references_of(own, code)


def _of_class(own: type) -> Iterator[tuple[str, Any]]:
    """Yield the bases, methods and attributes of a class."""
    yield "bases", own.__bases__
    yield "type", type(own)
    yield "file", digest_of_extension(own.__module__)
    for name, part in sorted(vars(own).items()):
        if name not in IGNORED:
            yield name, _unwrapped(part)


def _of_module(own: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield everything in a module that is used as a whole, except what every module has."""
    yield "file", digest_of_extension(own.__name__)
    for name, part in sorted(vars(own).items()):
        if name == "__getattr__" or not (name.startswith("__") and name.endswith("__")):
            yield name, part


def content_of(value: Any) -> tuple[Any, ...]:
    """Return the content of an object if a user's class decides what is pickled of it, or else nothing.

    Examples
    --------
    >>> class Shift:
    ...     def __init__(self, by):
    ...         self.by = by
    ...     def __getstate__(self):
    ...         return {}
    >>> content_of(Shift(3)), content_of([3])
    (({'by': 3}, None), ())
    """
    if not any(_decides(kind) for kind in type(value).__mro__):
        return ()
    return object.__getstate__(value), _items_of(value)


def attributes_of(table: Any) -> dict[str, Any]:
    """Return the ``attrs`` of a table, and the other attributes of one of a class of another package."""
    extras = {"attrs": table.attrs} if getattr(table, "attrs", None) else {}
    if type(table).__module__.partition(".")[0] in ("numpy", "pandas", "scipy"):
        return extras
    if isinstance(table, pd.DataFrame | pd.Series):
        names = getattr(type(table), "_metadata", ())
        return extras | {"metadata": {name: getattr(table, name, None) for name in names}}
    return extras | {"state": dict(getattr(table, "__dict__", {}))}


def _decides(kind: type) -> bool:
    return any(name in vars(kind) for name in PICKLED_BY) and not (
        version_of(kind.__module__) is not None and is_installed(kind, kind.__module__)
    )


def _items_of(value: Any) -> Any:
    """Return the items of a list, dict, number or text by its built-in class, not by its own methods."""
    if isinstance(value, dict):
        return list(dict.items(value))
    for kind in SEQUENCES:
        if isinstance(value, kind):
            return kind(kind.__iter__(value))
    return next((kind.__repr__(value) for kind in NUMBERS if isinstance(value, kind)), None)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _unwrapped(part: Any) -> Any:
    """Return the functions in a class attribute, in a form that can be described."""
    if isinstance(part, property):
        return ("property", part.fget, part.fset, part.fdel)
    if isinstance(part, staticmethod | classmethod):
        return (type(part).__name__, part.__func__)
    if isinstance(part, cached_property):
        return ("cached", part.func)
    return part


def patches_of(value: type | FunctionType) -> Iterator[tuple[str, FunctionType]]:
    """Yield the user's functions in an installed class, in its bases, or in the modules of these.

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
    """Yield the functions that have the globals of a user's module."""
    for name, part in list(parts.items()):
        for function in _functions_in(part):
            space = function.__globals__
            if space is not home and _is_own(space):
                yield f"{owner}.{name}", function


def _functions_in(part: Any) -> tuple[FunctionType, ...]:
    """Return the functions of a class attribute."""
    unwrapped = _unwrapped(part)
    parts = (part,) if unwrapped is part else unwrapped
    return tuple(each for each in parts if isinstance(each, FunctionType))


def _is_own(space: dict[str, Any]) -> bool:
    """Whether globals are those of a user's module, and not those of generated functions."""
    name = space.get("__name__")
    return isinstance(name, str) and name in sys.modules and version_of(name) is None
