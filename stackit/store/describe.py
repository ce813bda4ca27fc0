"""Objects as text that is equal exactly when what they do is: the ground of a store's keys."""

from __future__ import annotations

import copyreg
import functools
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import singledispatch
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
from stackit.store.parameters import configuration_of, files_of, is_cloned_by_parameters, parameters_of
from stackit.store.reach import IndescribableError, check_known
from stackit.store.tables import describe_table, is_table
from stackit.store.versions import digest_of_extension, found_in, is_installed, version_of

__all__ = ["Descriptions", "IndescribableError", "describe"]

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range)
# The generators that all of a process draws from: where they stand is no part of a function that draws.
SHARED_DRAWS = (np.random.mtrand._rand, getattr(random, "_inst", None))


@dataclass(frozen=True)
class Definition:
    """The text of a function, class or module of the user's, and those that the text refers to by number."""

    text: str
    refers_to: tuple[Any, ...]


class Descriptions:
    """Descriptions that share what they read: each function, class and table is read once.

    It is for a short time, such as that in which the keys of a run are made: what is read once is not
    looked at again.
    """

    def __init__(self) -> None:
        # Objects are held beside their texts: an id is an object's own for that long.
        self.definitions: dict[int, tuple[Any, Definition]] = {}
        self.tables: dict[int, tuple[Any, str]] = {}

    def of(self, value: Any) -> str:
        """Return the description of an object: see `describe`."""
        scope = Scope(self)
        texts = [_text(value, scope)]
        numbers = {id(own): number for number, own in enumerate(scope.refers_to)}
        pending = [*scope.refers_to]
        for own in pending:  # grows meanwhile
            definition = self.definition(own)
            for other in definition.refers_to:
                if id(other) not in numbers:
                    numbers[id(other)] = len(pending)
                    pending.append(other)
            texts.append(f"{definition.text} {[numbers[id(other)] for other in definition.refers_to]}")
        return "\n".join(texts)

    def definition(self, own: Any) -> Definition:
        """Return what a function, class or module of the user's says, by itself."""
        if id(own) not in self.definitions:
            scope = Scope(self, whole=True)
            text = _definition(own, scope)
            self.definitions[id(own)] = (own, Definition(text, tuple(scope.refers_to)))
        return self.definitions[id(own)][1]


@dataclass
class Scope:
    """What has come up in one description.

    Parameters
    ----------
    known : Descriptions
        What was read already.
    within : list of int
        The ids of the objects that are being described: one that holds itself is not followed again.
    refers_to : list of object
        The user's own functions, classes and modules: referred to by number, and described afterwards.
    whole : bool
        Whether estimators count with all that they hold, as they do inside objects that are copied as
        they are. Elsewhere they are cloned, and their parameters alone count.
    """

    known: Descriptions
    within: list[int] = field(default_factory=list)
    refers_to: list[Any] = field(default_factory=list)
    whole: bool = False

    @contextmanager
    def as_it_is(self) -> Iterator[None]:
        """While this lasts, estimators count with all that they hold."""
        before, self.whole = self.whole, True
        try:
            yield
        finally:
            self.whole = before

    def number_of(self, own: Any) -> int:
        """Return the number by which the text refers to something of the user's own."""
        for number, known in enumerate(self.refers_to):
            if known is own:
                return number
        self.refers_to.append(own)
        return len(self.refers_to) - 1

    def apart(self) -> Scope:
        """Return a scope for a part whose place in the text is known only afterwards."""
        return Scope(self.known, self.within, [], self.whole)


def describe(value: Any) -> str:
    """Return a text that is equal exactly when what an object does is, in this process or another.

    Estimators are described by class and parameters, and by the names, sizes and times of the files on which
    they depend beside X, if they have a method ``files_read`` that returns those; functions and classes of
    installed packages by name and version; the user's own by their compiled code, with the globals,
    defaults and closures that it uses and with all code of the user's that it reaches from there, in
    whatever module (a comment, a docstring or a moved line changes nothing); arrays and tables by their
    contents; everything else by what `copy` would make it from, and by what it hides from that.

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
    stackit.store.reach.IndescribableError: a generator (cannot pickle 'generator' object)
    """
    return Descriptions().of(value)


def _text(value: Any, scope: Scope) -> str:
    if type(value) in PLAIN:
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
    return f"{value.__qualname__} of {module}, {_version(value.__qualname__, module)}"


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
def _logger(value: logging.Logger, scope: Scope) -> str:
    return f"logger {value.name}"


def _estimator(value: Any, scope: Scope) -> str:
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
