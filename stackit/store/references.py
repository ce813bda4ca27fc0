"""What a function reaches by name: the globals, attributes of modules and imports in its compiled code."""

from __future__ import annotations

import dis
import importlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import resolve_name
from types import CodeType, FunctionType, ModuleType
from typing import Any

from stackit.store.named_files import paths_named
from stackit.store.versions import release_of, version_of

__all__ = ["IndescribableError", "check_known", "reached_by", "reads_files", "writes_files"]

# What runs code that only the run knows, by module; all that a module has where nothing is listed.
UNKNOWN: dict[str, frozenset[str]] = {
    "builtins": frozenset({"eval", "exec", "__import__", "globals"}),
    "importlib": frozenset({"import_module", "reload", "__import__"}),
    "_frozen_importlib": frozenset(),
    "_frozen_importlib_external": frozenset(),
    "marshal": frozenset(),
    "runpy": frozenset(),
    "subprocess": frozenset(),
    "os": frozenset({"popen", "execl", "execlp", "execvp", "spawnl", "spawnv", "spawnvp", "spawnlp"}),
    "posix": frozenset({"system", "execv", "execve", "posix_spawn", "posix_spawnp"}),
    "nt": frozenset({"system", "execv", "execve", "startfile"}),
}
GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
READING = frozenset(
    {"open", "load", "loads", "loadtxt", "genfromtxt", "fromfile", "memmap", "imread", "read"}
)
WRITING = frozenset(
    "write write_text write_bytes writelines touch dump save savez savez_compressed savetxt savefig tofile "
    "unlink mkdir makedirs mkstemp O_APPEND O_CREAT O_WRONLY O_RDWR to_csv to_parquet to_pickle to_json "
    "to_feather to_excel".split()
)
WRITE_MODE = re.compile("[rbt]*[wax+][wax+rbt]*")
# Variables that a text for pandas' eval and query names.
NAMED_IN_TEXT = re.compile(r"@([A-Za-z_]\w*)")


class IndescribableError(TypeError):
    """An object of which no text can say reliably what it does."""


@dataclass(frozen=True)
class Names:
    """The names that some compiled code asks for.

    Parameters
    ----------
    chains : tuple of tuples of str
        A global, and the attributes that are taken of it one after the other.
    imports : tuple of (level, module, names, chains)
        What is imported inside functions: the names taken from a module; or, where the module itself is,
        the chains of attributes that are taken of it.
    texts : tuple of str
        Globals that a text may name, as one for ``DataFrame.query`` does.
    constants : tuple of str
        All texts in the code, which may name files.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[int, str, tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    texts: tuple[str, ...]
    constants: tuple[str, ...]


def reached_by(function: FunctionType, code: CodeType) -> list[tuple[str, Any]]:
    """Return what a function reaches by name, as (name, object) pairs in the order of names.

    Of a module of the user's, the attribute that is taken counts, or the module where it is used in
    another way; of an installed module, the module. What is imported inside the function is imported
    here too, where it is the user's. Files that constants in the code may name come as one.

    Parameters
    ----------
    function : function
        Whose globals the names are of.
    code : code object
        Its compiled code.

    Raises
    ------
    IndescribableError
        When it runs code that only the run knows, as `eval` and `importlib.import_module` do.

    Examples
    --------
    >>> def area(radius):
    ...     return np.pi * radius**2
    >>> import numpy as np
    >>> [name for name, _ in reached_by(area, area.__code__)]
    ['np']
    >>> reached_by(twice := lambda text: eval(text) * 2, twice.__code__)
    Traceback (most recent call last):
        ...
    stackit.store.references.IndescribableError: eval of builtins, which runs code that only the run knows
    """
    names, space = _names(code), function.__globals__
    found: dict[str, Any] = {}
    for first, *attributes in names.chains:
        if first in space:
            name, value = _followed(first, space[first], tuple(attributes))
            found[name] = value
        elif first in UNKNOWN["builtins"]:
            raise _unknown(first, "builtins")
    found |= {name: space[name] for name in names.texts if name in space}
    for each in names.imports:
        found |= _imported(space, *each)
    here = os.path.dirname(str(space.get("__file__") or ""))
    files = paths_named(names.constants, [here, *found.values()])
    found |= {"files": files} if files.paths else {}
    return sorted(found.items(), key=lambda pair: pair[0])


def reads_files(own: Any) -> bool:
    """Whether a function calls something by a name by which files are read."""
    return isinstance(own, FunctionType) and any(
        name in READING or name.startswith("read_") for one in _all(own.__code__) for name in one.co_names
    )


def writes_files(own: Any) -> bool:
    """Whether a function calls something by a name by which files are written, or opens one so."""
    return isinstance(own, FunctionType) and any(
        not WRITING.isdisjoint(one.co_names)
        or ("open" in one.co_names and any(_is_mode(constant) for constant in one.co_consts))
        for one in _all(own.__code__)
    )


def _is_mode(constant: Any) -> bool:
    texts = constant if isinstance(constant, tuple) else (constant,)
    return any(isinstance(text, str) and WRITE_MODE.fullmatch(text) for text in texts)


def check_known(value: Any) -> None:
    """Raise when an object runs code that only the run knows, or gives access to all modules."""
    if value is sys.modules:
        raise _unknown("modules", "sys")
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if isinstance(module, str) and isinstance(name, str):
        top = module if module in UNKNOWN else module.partition(".")[0]
        if top in UNKNOWN and (not UNKNOWN[top] or name in UNKNOWN[top]):
            raise _unknown(name, module)


def _unknown(name: str, module: str) -> IndescribableError:
    return IndescribableError(f"{name} of {module}, which runs code that only the run knows")


def _followed(name: str, value: Any, attributes: tuple[str, ...]) -> tuple[str, Any]:
    """Follow attributes as long as they are those of modules of the user's."""
    for attribute in attributes:
        if not isinstance(value, ModuleType):
            break
        if version_of(value.__name__) is None:
            # An attribute that is not there yet is part of what the module is.
            value = _attribute_of(value, attribute, ("no attribute", attribute, value))
        else:
            inside = vars(value).get(attribute)
            check_known(inside)
            if not isinstance(inside, ModuleType) and not _is_put_in(inside):
                break
            value = inside
        name = f"{name}.{attribute}"
    return name, value


def _is_put_in(value: Any) -> bool:
    """Whether something in an installed module is a function or class of the user's, put in from outside."""
    return isinstance(value, type | FunctionType) and version_of(value.__module__) is None


def _imported(
    space: dict[str, Any],
    level: int,
    module: str,
    names: tuple[str, ...],
    chains: tuple[tuple[str, ...], ...],
) -> dict[str, Any]:
    """Return what an import inside a function brings."""
    if level:
        package = space.get("__package__") or str(space.get("__name__", "")).rpartition(".")[0]
        module = resolve_name("." * level + module, package)
    release = release_of(module)
    if release is not None:
        _check_taken(module, names, chains)
        return {f"import {module}": release}
    root = _module(module)
    if root is None:
        return {f"import {module}": "absent"}
    if names:
        taken = [(name, _attribute(root, module, name)) for name in names]
        return {f"import {module}.{name}": value for name, value in taken}
    top = sys.modules[module.partition(".")[0]]
    pairs = [_followed(top.__name__, top, chain) for chain in chains] or [(module, root)]
    return {f"import {name}": value for name, value in pairs}


def _check_taken(module: str, names: tuple[str, ...], chains: tuple[tuple[str, ...], ...]) -> None:
    """Raise when what is taken from an installed module runs code that only the run knows."""
    loaded = sys.modules.get(module)
    if loaded is None and module.partition(".")[0] in UNKNOWN:
        loaded = importlib.import_module(module)
    for first in {*names, *(chain[0] for chain in chains if chain)}:
        check_known(getattr(loaded, "__dict__", {}).get(first))


def _module(name: str) -> ModuleType | None:
    """Import a module of the user's; None where there is none."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
    except Exception as error:  # importing runs the user's code
        raise IndescribableError(f"module {name}, which cannot be imported ({error})") from error


def _attribute(root: ModuleType, module: str, name: str) -> Any:
    value = _attribute_of(root, name, root)
    if value is not root:
        return value
    return _module(f"{module}.{name}") or ("no attribute", name, root)


def _attribute_of(module: ModuleType, name: str, missing: Any) -> Any:
    try:
        return getattr(module, name, missing)
    except Exception as error:  # a module's own __getattr__ is the user's code
        raise IndescribableError(f"{name} of {module.__name__}, which cannot be read ({error})") from error


@lru_cache(maxsize=1024)
def _names(code: CodeType) -> Names:
    """Read what some code, and the functions and classes inside it, ask for."""
    parts = [
        [each for each in dis.get_instructions(one) if each.opname != "EXTENDED_ARG"] for one in _all(code)
    ]
    chains = {
        (str(each.argval), *_attributes(part, at + 1))
        for part in parts
        for at, each in enumerate(part)
        if each.opname in GLOBALS
    }
    imports = {
        _import(part, at, parts)
        for part in parts
        for at, each in enumerate(part)
        if each.opname == "IMPORT_NAME"
    }
    constants = [constant for one in _all(code) for constant in one.co_consts if isinstance(constant, str)]
    texts = {name for constant in constants for name in NAMED_IN_TEXT.findall(constant)}
    return Names(
        tuple(sorted(chains)), tuple(sorted(imports)), tuple(sorted(texts)), tuple(sorted({*constants}))
    )


def _all(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all(constant)


def _attributes(part: list[dis.Instruction], at: int) -> Iterator[str]:
    """Yield the attributes that are taken one after the other from an instruction on."""
    while at < len(part) and part[at].opname in ATTRIBUTES:
        yield str(part[at].argval)
        at += 1


def _import(
    part: list[dis.Instruction], at: int, parts: list[list[dis.Instruction]]
) -> tuple[int, str, tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Read an import inside a function: its level, module and names, or what is taken of the module."""
    level, names = int(part[at - 2].argval or 0), tuple(part[at - 1].argval or ())
    store = part[at + 1]
    chains: list[tuple[str, ...]] = []
    if not names and store.opname.startswith("STORE_"):
        chains = [
            tuple(_attributes(one, number + 1))
            for one in parts
            for number, each in enumerate(one)
            if each.opname.startswith("LOAD_") and _loads(each.argval, str(store.argval))
        ]
    # A module that is used in any other way counts as a whole.
    whole = () if not all(chains) else tuple(sorted(set(chains)))
    return level, str(part[at].argval or ""), names, whole


def _loads(argval: Any, variable: str) -> bool:
    return bool(argval == variable) or (isinstance(argval, tuple) and variable in argval)
