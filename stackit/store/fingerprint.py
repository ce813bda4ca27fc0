"""Descriptions of objects for the keys of a store: equal exactly if what the objects do is."""

from __future__ import annotations

import copyreg
import functools
import logging
import os
import random
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import singledispatch
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, TypeVar

import joblib
import numpy as np

from stackit.store.definitions import attributes_of, content_of, own_parts
from stackit.store.named_files import NamedFiles, contents_of
from stackit.store.parameters import configuration_of, files_of, is_cloned_by_parameters, parameters_of
from stackit.store.references import IndescribableError, check_known, reads_files, writes_files
from stackit.store.scope import Cache, Definition, Scope
from stackit.store.table_hash import describe_table, is_table
from stackit.store.versions import digest_of_extension, found_in, is_installed, version_of

__all__ = ["Descriptions", "IndescribableError", "describe"]

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range)
# The random generators of the process: their current state is no part of a function that draws from them.
GLOBAL_GENERATORS = (np.random.mtrand._rand, getattr(random, "_inst", None))


class Descriptions:
    """Descriptions that read each object, and each function, class and table in it, only once.

    It is for a short time, such as while the keys of a run are made: later changes are not noticed.
    """

    def __init__(self) -> None:
        self.cache = Cache()
        # With the objects, so that ids are not reused.
        self._known: dict[int, tuple[Any, str]] = {}

    def of(self, value: Any) -> str:
        """Return the description of an object: see `describe`."""
        if id(value) not in self._known:
            self._known[id(value)] = (value, self._describe(value))
        return self._known[id(value)][1]

    def _describe(self, value: Any) -> str:
        scope = Scope(self.cache)
        texts = [_text(value, scope)]
        files = dict(scope.files)
        numbers = {id(own): number for number, own in enumerate(scope.references)}
        pending = [*scope.references]
        for own in pending:  # grows in the loop
            definition = self._definition_of(own)
            files |= dict.fromkeys(definition.files)
            for other in definition.references:
                if id(other) not in numbers:
                    numbers[id(other)] = len(pending)
                    pending.append(other)
            texts.append(f"{definition.text} {[numbers[id(other)] for other in definition.references]}")
        # If code writes files too, it is unknown which of the files that it names it reads.
        if any(map(reads_files, pending)) and not any(map(writes_files, pending)):
            texts += filter(None, map(contents_of, files))
        return "\n".join(texts)

    def _definition_of(self, own: Any) -> Definition:
        """Return the definition of a user's function, class or module."""
        known = self.cache.definitions
        if id(own) not in known:
            scope = Scope(self.cache, as_copied=True)
            text = _definition_text(own, scope)
            known[id(own)] = (own, Definition(text, tuple(scope.references), tuple(scope.files)))
        return known[id(own)][1]


def describe(value: Any) -> str:
    """Return a text that is equal exactly if what an object does is, in this process or another.

    - Estimators: class and parameters, and the names, sizes and times of the files in ``files_read()``.
    - Functions and classes of installed packages: name and version, and the user's functions patched into
      them.
    - The user's functions and classes: compiled code, with the globals, defaults and closures that it uses
      and all of the user's code that it refers to, in any module (comments, docstrings and line numbers do
      not count), and the contents of files that it or a parameter names, if it reads files and writes none.
    - Arrays and tables: contents.
    - Other objects: what `copy` would create them from, and what they hide from it.

    Environment variables do not count. An `IndescribableError` says that some part, such as an open file or a
    generator, has no such text, or that the user's code runs code known only at run time, as with `eval`.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> describe(Ridge(2.0)) == describe(Ridge(alpha=2.0))
    True
    >>> describe(lambda x: x + 1) == describe(lambda x: x + 2)
    False
    >>> describe(open)
    'open of ...io, Python 3...'
    >>> describe(number for number in [1, 2])
    Traceback (most recent call last):
        ...
    stackit.store.references.IndescribableError: a generator (cannot pickle 'generator' object)
    """
    return Descriptions().of(value)


def _text(value: Any, scope: Scope) -> str:
    """Return the text of a part of what is described."""
    if type(value) in PLAIN:
        if type(value) is str:
            scope.note_file(value)
        return repr(value)
    if id(value) in scope.within:
        return f"<the {type(value).__name__} around it>"
    scope.within.append(id(value))
    try:
        return _described(value, scope)
    finally:
        scope.within.pop()


@singledispatch
def _described(value: Any, scope: Scope) -> str:
    if is_table(value):
        return _table(value, scope)
    if not scope.as_copied and hasattr(value, "get_params") and is_cloned_by_parameters(value):
        return _estimator(value, scope)
    if _is_compiled_when_called(value):
        return f"{_text(type(value), scope)}{_text((value.py_func, value.targetoptions), scope)}"
    if all(hasattr(value, name) for name in ("dist", "args", "kwds", "rvs")):
        # A frozen distribution of scipy: its random state is not used when it is passed another.
        return f"{_text(type(value.dist), scope)}{_text((value.args, value.kwds), scope)}"
    return _parts(value, scope)


@_described.register(tuple)
@_described.register(list)
def _sequence(value: Any, scope: Scope) -> str:
    if type(value) not in (tuple, list):
        return _parts(value, scope)
    return f"{type(value).__name__}({', '.join(_text(part, scope) for part in value)})"


@_described.register(set)
@_described.register(frozenset)
def _set(value: Any, scope: Scope) -> str:
    if type(value) not in (set, frozenset):
        return _parts(value, scope)
    parts = []
    for part in value:
        part_scope = scope.with_own_numbers()
        parts.append((_text(part, part_scope), part_scope.references))
    ordered = sorted(parts, key=lambda pair: pair[0])
    texts = [f"{text} {[scope.number_of(own) for own in references]}" for text, references in ordered]
    return f"{type(value).__name__}({', '.join(texts)})"


@_described.register
def _mapping(value: dict, scope: Scope) -> str:  # type: ignore[type-arg]
    if type(value) is not dict:
        return _parts(value, scope)
    check_known(value)
    with scope.copied():
        # In their order, on which a search's choice among equally good candidates depends.
        items = [f"{_text(key, scope)}: {_text(item, scope)}" for key, item in value.items()]
    return f"dict({', '.join(items)})"


@_described.register(random.Random)
@_described.register(np.random.RandomState)
def _generator(value: Any, scope: Scope) -> str:
    if any(value is shared for shared in GLOBAL_GENERATORS):
        return f"the shared {type(value).__name__}"
    return _parts(value, scope)


@_described.register(type)
@_described.register(FunctionType)
@_described.register(BuiltinFunctionType)
@_described.register(WrapperDescriptorType)
@_described.register(MethodDescriptorType)
def _named(value: Any, scope: Scope) -> str:
    """Return the name and version of an installed function or class, or the number of the user's."""
    check_known(value)
    bound = getattr(value, "__self__", None)
    if bound is not None and not isinstance(bound, ModuleType | type):
        return f"{value.__qualname__} of {_text(bound, scope)}"
    module = getattr(getattr(value, "__objclass__", value), "__module__", None) or "builtins"
    if isinstance(value, type | FunctionType) and not is_installed(value, module):
        return f"{value.__qualname__} of {module}, number {scope.number_of(value)}"
    patches = scope.cache.patches(value) if isinstance(value, type | FunctionType) else ()
    patched = "".join(f", {name} is {_text(function, scope)}" for name, function in patches)
    return f"{value.__qualname__} of {module}, {_version(value.__qualname__, module)}{patched}"


def _version(name: str, module: str) -> str:
    """Return the version of an installed module, or the digest of a compiled one."""
    version = version_of(module) or digest_of_extension(module)
    if version is None:
        raise IndescribableError(f"{name} of {module}, which shows neither its parts nor its code")
    return version


@_described.register
def _ufunc(value: np.ufunc, scope: Scope) -> str:
    if "(vectorized)" in value.__name__:
        raise IndescribableError(f"{value.__name__}, of which numpy shows no code")
    return f"ufunc {value.__name__} {value.types}"


@_described.register
def _module(value: ModuleType, scope: Scope) -> str:
    version = version_of(value.__name__)
    number = scope.number_of(value) if version is None else version
    return f"module {value.__name__}, {number}"


@_described.register
def _code(value: CodeType, scope: Scope) -> str:
    """Return compiled code without line numbers; Python's version is in every key."""
    shape = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags)
    names = (value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars)
    constants = _text(value.co_consts, scope)
    return f"code({shape}, {names}, {value.co_code.hex()}, {value.co_exceptiontable.hex()}, {constants})"


@_described.register
def _path(value: PurePath, scope: Scope) -> str:
    scope.note_file(value)
    return repr(value)


@_described.register
def _named_files(value: NamedFiles, scope: Scope) -> str:
    # The contents of these files are part of the description, their paths are not.
    for path in value.paths:
        scope.note_file(path)
    return ""


def _value_of(variable: ContextVar[Any]) -> Any:
    try:
        return variable.get()
    except LookupError:
        return None


# Types with short texts.
TEXTS: dict[type, Callable[[Any, Scope], str]] = {
    ContextVar: lambda value, scope: f"variable {value.name} {_text(_value_of(value), scope)}",
    GetSetDescriptorType: lambda value, scope: f"slot {value.__name__}",
    MappingProxyType: lambda value, scope: f"read-only {_text(dict(value), scope)}",
    MemberDescriptorType: lambda value, scope: f"slot {value.__name__}",
    TypeVar: lambda value, scope: f"type variable {value.__name__}",
    functools._lru_cache_wrapper: lambda value, scope: (
        f"cache {value.cache_parameters()} of {_text(value.__wrapped__, scope)}"
    ),
    joblib.memory.MemorizedFunc: lambda value, scope: f"memory of {_text((value.func, value.ignore), scope)}",
    logging.Logger: lambda value, scope: f"logger {value.name}",
    np.dtype: lambda value, scope: f"dtype {value.descr if value.names else value.str}",
    np.generic: lambda value, scope: f"{value.dtype.str} {value.tobytes().hex()}",
    os._Environ: lambda value, scope: "environment",  # another one in each shell
    weakref.ref: lambda value, scope: f"weak reference to {_text(value(), scope)}",
}
for kind, text_of in TEXTS.items():
    _described.register(kind, text_of)


def _estimator(value: Any, scope: Scope) -> str:
    with scope.parameters_of(type(value)):
        params = [f"{name}={_text(parameter, scope)}" for name, parameter in parameters_of(value)]
    return f"{_text(type(value), scope)}({', '.join(params)}){configuration_of(value)}{files_of(value)}"


def _table(value: Any, scope: Scope) -> str:
    """Return the contents of a table, and the attributes of one of a class of another package."""
    known = scope.cache.tables.get(id(value))
    if known is not None:
        return known[1]
    before = len(scope.references)
    text = describe_table(value, lambda part: _text(part, scope))
    if extras := attributes_of(value):
        text += f" {_text(type(value), scope)}{_text(extras, scope)}"
    if len(scope.references) == before:
        scope.cache.tables[id(value)] = (value, text)
    return text


def _parts(value: Any, scope: Scope) -> str:
    """Return what copy would create any other object from, and what its class hides from copy."""
    parts = _reduced(value)
    if isinstance(parts, str):
        return _global(parts, value)
    make, args, state, items, pairs = (*parts, None, None, None)[:5]
    with scope.copied():
        shown = (args, state, list(items or ()), list(pairs or ()), *content_of(value))
        return f"{_text(make, scope)}{_text(shown, scope)}"


def _reduced(value: Any) -> Any:
    """Return what copy would create an object from, by its own method or by `copyreg`."""
    kind = type(value)
    try:
        return value.__reduce_ex__(4)
    except Exception as error:  # of any type
        reduce = copyreg.dispatch_table.get(kind)
        if reduce is None or not is_installed(kind, kind.__module__):
            raise IndescribableError(f"a {kind.__name__} ({error})") from error
        return reduce(value)


def _is_compiled_when_called(value: Any) -> bool:
    """Whether a value is a function that numba compiles; its other attributes differ between processes."""
    is_function = isinstance(getattr(value, "py_func", None), FunctionType)
    return is_function and isinstance(getattr(value, "targetoptions", None), dict)


def _global(name: str, value: Any) -> str:
    """Return the name of an object that copy finds by name, if its module has it."""
    module = str(getattr(value, "__module__", None))
    if found_in(module, name) is not value:
        raise IndescribableError(f"{name} of {module}, which shows neither its parts nor its code")
    return f"{name} of {module}, {_version(name, module)}"


def _definition_text(own: Any, scope: Scope) -> str:
    """Return the text of a user's function, class or module."""
    name = getattr(own, "__qualname__", own.__name__)
    try:
        parts = [f"{part}={_text(value, scope)}" for part, value in own_parts(own)]
    except IndescribableError as error:
        raise IndescribableError(f"{error}, which {name} uses") from None
    return f"{type(own).__name__} {getattr(own, '__module__', '')}.{name} {' '.join(parts)}"
