"""Objects as text that is equal exactly when what they do is: the ground of a store's keys."""

from __future__ import annotations

import dis
import hashlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, singledispatch
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator

from stackit.store.memory import Store
from stackit.store.tables import describe_table, is_table
from stackit.store.versions import is_installed, version_of

__all__ = ["IndescribableError", "describe"]

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range)
# They change how a fit is done, not what comes of it.
IRRELEVANT = frozenset({"n_jobs", "verbose", "verbosity"})
# Where results are kept, if anywhere, does not change them either.
PLACES = frozenset({"memory", "store"})
# What clone copies besides the parameters.
CLONED = ("_metadata_request", "_sklearn_output_config")
# What every class has, and what says nothing of what it does.
FURNITURE = frozenset(
    "__abstractmethods__ __annotations__ __dict__ __doc__ __firstlineno__ __module__ __qualname__ "
    "__static_attributes__ __weakref__ _abc_impl".split()
)
# The instructions that reach for a global, and for a module.
GLOBALS, IMPORTS = ("LOAD_GLOBAL", "LOAD_NAME"), ("IMPORT_NAME",)


class IndescribableError(TypeError):
    """An object of which no text can say reliably what it does."""


@dataclass
class Scope:
    """What has come up in one description.

    Parameters
    ----------
    within : list of int
        The ids of the objects that are being described: one that holds itself is not followed again.
    code : dict of int to object
        The caller's own functions and classes, referred to by name and described once, at the end.
    whole : bool
        Whether estimators count with all that they hold, as they do inside objects that are copied as
        they are. Elsewhere they are cloned, and their parameters alone count.
    """

    within: list[int] = field(default_factory=list)
    code: dict[int, Any] = field(default_factory=dict)
    whole: bool = False

    @contextmanager
    def as_it_is(self) -> Iterator[None]:
        """While this lasts, estimators count with all that they hold."""
        before, self.whole = self.whole, True
        try:
            yield
        finally:
            self.whole = before


def describe(value: Any) -> str:
    """Return a text that is equal exactly when what an object does is, in this process or another.

    Estimators are described by class and parameters, and by the names, sizes and times of the files on which
    they depend beside X, if they have a method ``files_read`` that returns those; functions and classes of
    installed packages by name and version; the caller's own by their compiled code, with the globals,
    defaults and closures that it uses (a comment, a docstring or a moved line changes nothing); arrays and
    tables by their contents; everything else by what `copy` would make it anew from.

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
        When some part of it, such as an open file or a generator, has no such text.

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
    stackit.store.describe.IndescribableError: a generator (cannot pickle 'generator' object)
    """
    scope, definitions, done = Scope(), [], set()
    text = _text(value, scope)
    while pending := [own for key, own in scope.code.items() if key not in done]:
        for own in pending:
            done.add(id(own))
            definitions.append(_definition(own, scope))
    return "\n".join([text, *sorted(definitions)])


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
        return describe_table(value, lambda part: _text(part, scope))
    if not scope.whole and hasattr(value, "get_params") and _cloned_by_parameters(value):
        return _estimator(value, scope)
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
    return f"{type(value).__name__}({', '.join(sorted(_text(part, scope) for part in value))})"


@_described.register
def _mapping(value: dict, scope: Scope) -> str:  # type: ignore[type-arg]
    if type(value) is not dict:
        return _parts(value, scope)
    with scope.as_it_is():
        # In their order: which of equally good candidates a search takes depends on it.
        return (
            f"dict({', '.join(f'{_text(key, scope)}: {_text(item, scope)}' for key, item in value.items())})"
        )


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
    bound = getattr(value, "__self__", None)
    if bound is not None and not isinstance(bound, ModuleType | type):
        return f"{value.__qualname__} of {_text(bound, scope)}"
    module = getattr(getattr(value, "__objclass__", value), "__module__", None) or "builtins"
    if isinstance(value, type | FunctionType) and not is_installed(value, module):
        scope.code[id(value)] = value
    return f"{value.__qualname__} of {module}, {version_of(module)}"


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
    path = getattr(value, "__file__", None)
    if version is None and path is not None:
        version = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return f"module {value.__name__}, {version}"


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
    params = [
        f"{name}={_text(parameter, scope)}"
        for name, parameter in sorted(value.get_params(deep=False).items())
        if not _is_irrelevant(name, parameter)
    ]
    cloned = {name: str(vars(value)[name]) for name in CLONED if name in vars(value)}
    files = [_file(path) for path in value.files_read()] if hasattr(value, "files_read") else ""
    return f"{_text(type(value), scope)}({', '.join(params)}){cloned or ''}{files}"


def _file(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # gone meanwhile
        return f"{path} absent"
    return f"{path} {facts.st_size} {facts.st_mtime_ns}"


def _is_irrelevant(name: str, parameter: Any) -> bool:
    is_place = parameter is None or isinstance(parameter, Store | joblib.Memory)
    return name in IRRELEVANT or (name in PLACES and is_place)


def _cloned_by_parameters(value: Any) -> bool:
    """Whether clone makes it anew from its parameters: a frozen estimator, say, keeps what it learned."""
    own = getattr(type(value), "__sklearn_clone__", None)
    return own is None or own is getattr(BaseEstimator, "__sklearn_clone__", None)


def _parts(value: Any, scope: Scope) -> str:
    """Any other object, by what copy would make it anew from."""
    if hasattr(value, "__wrapped__"):  # a cache around a function
        return f"{type(value).__name__} of {_text(value.__wrapped__, scope)}"
    try:
        parts = value.__reduce_ex__(4)
    except Exception as error:  # objects refuse with whatever error they like
        raise IndescribableError(f"a {type(value).__name__} ({error})") from error
    if isinstance(parts, str):
        return _global(parts, value)
    make, args, state, items, pairs = (*parts, None, None, None)[:5]
    with scope.as_it_is():
        return f"{_text(make, scope)}{_text((args, state, list(items or ()), list(pairs or ())), scope)}"


def _global(name: str, value: Any) -> str:
    """An object that copy takes for one of a kind: what it does is known where its package is."""
    module = getattr(value, "__module__", None)
    version = version_of(module)
    if version is None:
        raise IndescribableError(f"{name} of {module}, which shows neither its parts nor its code")
    return f"{name} of {module}, {version}"


def _definition(own: Any, scope: Scope) -> str:
    with scope.as_it_is():
        return _class(own, scope) if isinstance(own, type) else _function(own, scope)


def _function(own: FunctionType, scope: Scope) -> str:
    """A function of the caller's: its code, and what it reaches from there."""
    closure = [_content(cell) for cell in own.__closure__ or ()]
    code = own.__code__
    if own.__doc__ is not None and code.co_consts[:1] == (own.__doc__,):
        code = code.replace(co_consts=(None, *code.co_consts[1:]))
    reached = {name: own.__globals__[name] for name in _names(code, GLOBALS) if name in own.__globals__}
    imported = {name: sys.modules.get(name) for name in _names(code, IMPORTS)}
    try:
        parts = [
            _text(part, scope)
            for part in (code, own.__defaults__, own.__kwdefaults__, closure, reached, imported)
        ]
    except IndescribableError as error:
        raise IndescribableError(f"{error}, which {own.__qualname__} uses") from None
    return f"def {own.__module__}.{own.__qualname__} {' '.join(parts)}"


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _class(own: type, scope: Scope) -> str:
    """A class of the caller's: its bases, methods and attributes."""
    within = {name: part for name, part in sorted(vars(own).items()) if name not in FURNITURE}
    parts = [f"{name} = {_text(_unwrapped(part), scope)}" for name, part in within.items()]
    return f"class {own.__module__}.{own.__qualname__}{_text(own.__bases__, scope)} {' '.join(parts)}"


def _unwrapped(part: Any) -> Any:
    """A class attribute that holds functions, as something that can be described."""
    if isinstance(part, property):
        return ("property", part.fget, part.fset, part.fdel)
    if isinstance(part, staticmethod | classmethod):
        return (type(part).__name__, part.__func__)
    if isinstance(part, cached_property):
        return ("cached", part.func)
    return part


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


@lru_cache(maxsize=512)
def _names(code: CodeType, instructions: tuple[str, ...]) -> list[str]:
    """The names that some instructions of a function, and of those inside it, ask for."""
    return sorted({each.argval for each in _instructions(code) if each.opname in instructions})
