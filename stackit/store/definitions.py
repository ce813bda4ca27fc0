"""What the user's own functions, classes, modules and objects consist of: all that a description reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, singledispatch
from types import CellType, FunctionType, ModuleType
from typing import Any

import pandas as pd

from stackit.store.references import reached_by
from stackit.store.versions import digest_of_extension, is_installed, version_of

__all__ = ["attributes_of", "content_of", "own_parts"]

# What every class has, and what says nothing of what it does.
FURNITURE = frozenset(
    "__abstractmethods__ __annotate__ __annotate_func__ __annotations__ __annotations_cache__ "
    "__classdictcell__ __dict__ __doc__ __firstlineno__ __module__ __orig_bases__ __parameters__ "
    "__qualname__ __slotnames__ __static_attributes__ __type_params__ __weakref__ _abc_impl".split()
)
# By these a class says what is pickled of its objects.
PICKLED_BY = ("__getstate__", "__reduce__", "__reduce_ex__")
SEQUENCES: tuple[Any, ...] = (list, tuple, set, frozenset)
# What `functools.singledispatch` makes: it knows its functions by type, and others by what it has seen.
DISPATCHER = singledispatch(print).__code__  # type: ignore[attr-defined]
NUMBERS: tuple[Any, ...] = (str, bytes, int, float, complex)


def own_parts(own: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a function, class or module of the user's consists of, as (name, object) pairs.

    Parameters
    ----------
    own : function, class or module
        Not one of an installed package.
    """
    if isinstance(own, ModuleType):
        yield from _of_module(own)
    elif isinstance(own, type):
        yield from _of_class(own)
    else:
        yield from _of_function(own)


def _of_function(own: FunctionType) -> Iterator[tuple[str, Any]]:
    """A function: its code, and what it reaches from there."""
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
    yield from reached_by(own, code)


def _of_class(own: type) -> Iterator[tuple[str, Any]]:
    """A class: its bases, methods and attributes."""
    yield "bases", own.__bases__
    yield "type", type(own)
    yield "file", digest_of_extension(own.__module__)
    for name, part in sorted(vars(own).items()):
        if name not in FURNITURE:
            yield name, _unwrapped(part)


def _of_module(own: ModuleType) -> Iterator[tuple[str, Any]]:
    """A module that is used as a whole: all that it has now, but for what every module has."""
    yield "file", digest_of_extension(own.__name__)
    for name, part in sorted(vars(own).items()):
        if name == "__getattr__" or not (name.startswith("__") and name.endswith("__")):
            yield name, part


def content_of(value: Any) -> tuple[Any, ...]:
    """Return what an object holds, where a class of the user's decides what is pickled of it.

    Parameters
    ----------
    value : object
        Any object.

    Returns
    -------
    tuple
        Empty where no class of the user's has a say.

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
    """Return what a table of a class of its own holds besides its values, and the ``attrs`` of any."""
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
    """The items of an object that is a list, a mapping, a number or a text too, whatever it shows of them."""
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
    """A class attribute that holds functions, as something that can be described."""
    if isinstance(part, property):
        return ("property", part.fget, part.fset, part.fdel)
    if isinstance(part, staticmethod | classmethod):
        return (type(part).__name__, part.__func__)
    if isinstance(part, cached_property):
        return ("cached", part.func)
    return part
