"""Objects as text that is equal exactly when what they do is: the ground of a store's keys."""

from __future__ import annotations

import copyreg
import functools
import logging
import os
import random
import weakref
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
from stackit.store.named_files import FilesNamed, contents_of
from stackit.store.parameters import configuration_of, files_of, is_cloned_by_parameters, parameters_of
from stackit.store.references import IndescribableError, check_known, reads_files, writes_files
from stackit.store.scope import Definition, Read, Scope
from stackit.store.table_hash import describe_table, is_table
from stackit.store.versions import digest_of_extension, found_in, is_installed, version_of

__all__ = ["Descriptions", "IndescribableError", "describe"]

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range)
# The generators that all of a process draws from: where they stand is no part of a function that draws.
SHARED_DRAWS = (np.random.mtrand._rand, getattr(random, "_inst", None))


class Descriptions:
    """Descriptions that share what they read: each function, class and table is read once.

    It is for a short time, such as that in which the keys of a run are made: what is read once is not
    looked at again.
    """

    def __init__(self) -> None:
        self.read = Read()

    def of(self, value: Any) -> str:
        """Return the description of an object: see `describe`."""
        scope = Scope(self.read)
        texts = [_text(value, scope)]
        files = dict(scope.files)
        numbers = {id(own): number for number, own in enumerate(scope.refers_to)}
        pending = [*scope.refers_to]
        for own in pending:  # grows meanwhile
            definition = self.definition(own)
            files |= dict.fromkeys(definition.files)
            for other in definition.refers_to:
                if id(other) not in numbers:
                    numbers[id(other)] = len(pending)
                    pending.append(other)
            texts.append(f"{definition.text} {[numbers[id(other)] for other in definition.refers_to]}")
        # Of code that writes files too, it cannot be told which of those it names it reads.
        if any(map(reads_files, pending)) and not any(map(writes_files, pending)):
            texts += filter(None, map(contents_of, files))
        return "\n".join(texts)

    def definition(self, own: Any) -> Definition:
        """Return what a function, class or module of the user's says, by itself."""
        if id(own) not in self.read.definitions:
            scope = Scope(self.read, whole=True)
            text = _definition(own, scope)
            self.read.definitions[id(own)] = (
                own,
                Definition(text, tuple(scope.refers_to), tuple(scope.files)),
            )
        return self.read.definitions[id(own)][1]


def describe(value: Any) -> str:
    """Return a text that is equal exactly when what an object does is, in this process or another.

    Estimators are described by class and parameters, and by the names, sizes and times of the files on which
    they depend beside X, if they have a method ``files_read`` that returns those; functions and classes of
    installed packages by name and version, and by what was put into them; the user's own by their compiled
    code, with the globals, defaults and closures that it uses and with all code of the user's that it
    reaches from there, in whatever module (a comment, a docstring or a moved line changes nothing), and
    with the contents of the files that it or a parameter names where it reads files and writes none; arrays
    and tables by their contents; everything else by what `copy` would make it from, and by what it hides
    from that. Variables of the environment do not count.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    str

    Raises
    ------
    IndescribableError
        When some part of it, such as an open file or a generator, has no such text; or when code of the
        user's that it reaches runs other code that only the run knows, as `eval` does.

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
    if not scope.whole and hasattr(value, "get_params") and is_cloned_by_parameters(value):
        return _estimator(value, scope)
    if _is_compiled_when_called(value):
        return f"{_text(type(value), scope)}{_text((value.py_func, value.targetoptions), scope)}"
    if all(hasattr(value, name) for name in ("dist", "args", "kwds", "rvs")):
        # A frozen distribution of scipy: its own random state is not the one that is drawn from.
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
        apart = scope.apart()
        parts.append((_text(part, apart), apart.refers_to))
    ordered = sorted(parts, key=lambda pair: pair[0])
    texts = [f"{text} {[scope.number_of(own) for own in own_ones]}" for text, own_ones in ordered]
    return f"{type(value).__name__}({', '.join(texts)})"


@_described.register
def _mapping(value: dict, scope: Scope) -> str:  # type: ignore[type-arg]
    if type(value) is not dict:
        return _parts(value, scope)
    check_known(value)
    with scope.as_it_is():
        # In their order: which of equally good candidates a search takes depends on it.
        return (
            f"dict({', '.join(f'{_text(key, scope)}: {_text(item, scope)}' for key, item in value.items())})"
        )


@_described.register
def _read_only_mapping(value: MappingProxyType, scope: Scope) -> str:  # type: ignore[type-arg]
    return f"read-only {_text(dict(value), scope)}"


@_described.register
def _type_variable(value: TypeVar, scope: Scope) -> str:
    return f"type variable {value.__name__}"


@_described.register
def _cached(value: functools._lru_cache_wrapper, scope: Scope) -> str:  # type: ignore[type-arg]
    return f"cache {value.cache_parameters()} of {_text(value.__wrapped__, scope)}"


@_described.register
def _remembered(value: joblib.memory.MemorizedFunc, scope: Scope) -> str:
    return f"memory of {_text((value.func, value.ignore), scope)}"


@_described.register(random.Random)
@_described.register(np.random.RandomState)
def _draws(value: Any, scope: Scope) -> str:
    if any(value is shared for shared in SHARED_DRAWS):
        return f"the shared {type(value).__name__}"
    return _parts(value, scope)


@_described.register
def _scalar(value: np.generic, scope: Scope) -> str:
    return f"{value.dtype.str} {value.tobytes().hex()}"


@_described.register
def _dtype(value: np.dtype, scope: Scope) -> str:
    return f"dtype {value.descr if value.names else value.str}"


@_described.register(type)
@_described.register(FunctionType)
@_described.register(BuiltinFunctionType)
@_described.register(WrapperDescriptorType)
@_described.register(MethodDescriptorType)
def _named(value: Any, scope: Scope) -> str:
    """A function or class: by name and version where it is installed, else by its code, at the end."""
    check_known(value)
    bound = getattr(value, "__self__", None)
    if bound is not None and not isinstance(bound, ModuleType | type):
        return f"{value.__qualname__} of {_text(bound, scope)}"
    module = getattr(getattr(value, "__objclass__", value), "__module__", None) or "builtins"
    if isinstance(value, type | FunctionType) and not is_installed(value, module):
        return f"{value.__qualname__} of {module}, number {scope.number_of(value)}"
    patches = scope.known.patches(value) if isinstance(value, type | FunctionType) else ()
    patched = "".join(f", {name} is {_text(function, scope)}" for name, function in patches)
    return f"{value.__qualname__} of {module}, {_version(value.__qualname__, module)}{patched}"


def _version(name: str, module: str) -> str:
    """Return what tells the code of a compiled module apart: a library's version, or the file's digest."""
    version = version_of(module) or digest_of_extension(module)
    if version is None:
        raise IndescribableError(f"{name} of {module}, which shows neither its parts nor its code")
    return version


@_described.register(GetSetDescriptorType)
@_described.register(MemberDescriptorType)
def _slot(value: Any, scope: Scope) -> str:
    return f"slot {value.__name__}"


@_described.register
def _ufunc(value: np.ufunc, scope: Scope) -> str:
    if "(vectorized)" in value.__name__:
        raise IndescribableError(f"{value.__name__}, whose code numpy does not show")
    return f"ufunc {value.__name__} {value.types}"


@_described.register
def _module(value: ModuleType, scope: Scope) -> str:
    version = version_of(value.__name__)
    number = scope.number_of(value) if version is None else version
    return f"module {value.__name__}, {number}"


@_described.register
def _code(value: CodeType, scope: Scope) -> str:
    """The compiled code, without line numbers; Python's version is in every key."""
    shape = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags)
    names = (value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars)
    constants = _text(value.co_consts, scope)
    return f"code({shape}, {names}, {value.co_code.hex()}, {value.co_exceptiontable.hex()}, {constants})"


@_described.register
def _path(value: PurePath, scope: Scope) -> str:
    scope.note_file(value)
    return repr(value)


@_described.register
def _files(value: FilesNamed, scope: Scope) -> str:
    # Where code lies does not count: what is in its files does, at the end.
    for path in value.paths:
        scope.note_file(path)
    return ""


@_described.register
def _reference(value: weakref.ref, scope: Scope) -> str:  # type: ignore[type-arg]
    return f"weak reference to {_text(value(), scope)}"


@_described.register
def _context_variable(value: ContextVar, scope: Scope) -> str:  # type: ignore[type-arg]
    return f"variable {value.name} {_text(_held(value), scope)}"


def _held(variable: ContextVar[Any]) -> Any:
    try:
        return variable.get()
    except LookupError:
        return None


@_described.register
def _environment(value: os._Environ, scope: Scope) -> str:  # type: ignore[type-arg]
    # Variables of the environment do not count: they are other ones in each shell.
    return "environment"


@_described.register
def _logger(value: logging.Logger, scope: Scope) -> str:
    return f"logger {value.name}"


def _estimator(value: Any, scope: Scope) -> str:
    with scope.parameters_of(type(value)):
        params = [f"{name}={_text(parameter, scope)}" for name, parameter in parameters_of(value)]
    return f"{_text(type(value), scope)}({', '.join(params)}){configuration_of(value)}{files_of(value)}"


def _table(value: Any, scope: Scope) -> str:
    """A table by its contents; of a class of another package, by all else that it holds too."""
    known = scope.known.tables.get(id(value))
    if known is not None:
        return known[1]
    before = len(scope.refers_to)
    text = describe_table(value, lambda part: _text(part, scope))
    if extras := attributes_of(value):
        text += f" {_text(type(value), scope)}{_text(extras, scope)}"
    if len(scope.refers_to) == before:
        scope.known.tables[id(value)] = (value, text)
    return text


def _parts(value: Any, scope: Scope) -> str:
    """Any other object: what copy would make it from, and what its class hides from copy."""
    parts = _reduced(value)
    if isinstance(parts, str):
        return _global(parts, value)
    make, args, state, items, pairs = (*parts, None, None, None)[:5]
    with scope.as_it_is():
        shown = (args, state, list(items or ()), list(pairs or ()), *content_of(value))
        return f"{_text(make, scope)}{_text(shown, scope)}"


def _reduced(value: Any) -> Any:
    """What an object says that copy would make it from; some say it only by way of `copyreg`."""
    kind = type(value)
    try:
        return value.__reduce_ex__(4)
    except Exception as error:  # objects refuse with whatever error they like
        reduce = copyreg.dispatch_table.get(kind)
        if reduce is None or not is_installed(kind, kind.__module__):
            raise IndescribableError(f"a {kind.__name__} ({error})") from error
        return reduce(value)


def _is_compiled_when_called(value: Any) -> bool:
    """Whether it is a function that numba compiles: all else that it holds is told anew in each process."""
    is_function = isinstance(getattr(value, "py_func", None), FunctionType)
    return is_function and isinstance(getattr(value, "targetoptions", None), dict)


def _global(name: str, value: Any) -> str:
    """An object that copy takes for one of a kind: it is what its module has under that name."""
    module = str(getattr(value, "__module__", None))
    if found_in(module, name) is not value:
        raise IndescribableError(f"{name} of {module}, which shows neither its parts nor its code")
    return f"{name} of {module}, {_version(name, module)}"


def _definition(own: Any, scope: Scope) -> str:
    """What a function, class or module of the user's says."""
    name = getattr(own, "__qualname__", own.__name__)
    try:
        parts = [f"{part}={_text(value, scope)}" for part, value in own_parts(own)]
    except IndescribableError as error:
        raise IndescribableError(f"{error}, which {name} uses") from None
    return f"{type(own).__name__} {getattr(own, '__module__', '')}.{name} {' '.join(parts)}"
