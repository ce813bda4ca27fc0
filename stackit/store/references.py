"""What a function refers to by name: the globals, module attributes and imports in its compiled code."""

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
from typing import Any, TypeAlias

from stackit.store.named_files import files_named
from stackit.store.versions import release_of, version_of

__all__ = ["IndescribableError", "check_known", "reads_files", "references_of", "writes_files"]

# Names that run code known only at run time, by module; an empty set stands for the whole module.
DYNAMIC: dict[str, frozenset[str]] = {
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
Chains: TypeAlias = tuple[tuple[str, ...], ...]
# Level, module, names, and the attributes that are read of the module.
Import: TypeAlias = tuple[int, str, tuple[str, ...], Chains]
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
# Variables in a text for pandas' eval and query.
NAMED_IN_TEXT = re.compile(r"@([A-Za-z_]\w*)")


class IndescribableError(TypeError):
    """An object that cannot be described reliably."""


@dataclass(frozen=True)
class CodeNames:
    """The names in some compiled code."""

    chains: tuple[tuple[str, ...], ...]  # a global, and the attributes of attributes that are read
    imports: tuple[Import, ...]  # inside functions
    variables: tuple[str, ...]  # globals in a text, such as one for DataFrame.query
    constants: tuple[str, ...]  # all texts, which may name files


def references_of(function: FunctionType, code: CodeType) -> list[tuple[str, Any]]:
    """Return what the code of a function refers to, as (name, object) pairs sorted by name.

    For a user's module, this is the attribute that is read, or the whole module if it is used in another
    way; for an installed module, the module. The user's modules that are imported inside the function are
    imported here too. Files that constants in the code may name are one entry.

    An `IndescribableError` says that the function runs code known only at run time, as with `eval` or
    `importlib.import_module`.

    Examples
    --------
    >>> def area(radius):
    ...     return np.pi * radius**2
    >>> import numpy as np
    >>> [name for name, _ in references_of(area, area.__code__)]
    ['np']
    >>> references_of(twice := lambda text: eval(text) * 2, twice.__code__)
    Traceback (most recent call last):
        ...
    stackit.store.references.IndescribableError: eval of builtins, which runs code known only at run time
    """
    names, space = _names_in(code), function.__globals__
    found: dict[str, Any] = {}
    for first, *attributes in names.chains:
        if first in space:
            name, value = _followed(first, space[first], tuple(attributes))
            found[name] = value
        elif first in DYNAMIC["builtins"]:
            raise _dynamic(first, "builtins")
    found |= {name: space[name] for name in names.variables if name in space}
    for each in names.imports:
        found |= _imported(space, *each)
    here = os.path.dirname(str(space.get("__file__") or ""))
    files = files_named(names.constants, [here, *found.values()])
    found |= {"files": files} if files.paths else {}
    return sorted(found.items(), key=lambda pair: pair[0])


def reads_files(own: Any) -> bool:
    """Whether a function has a name in its code that is used to read files."""
    return isinstance(own, FunctionType) and any(
        name in READING or name.startswith("read_")
        for one in _code_objects(own.__code__)
        for name in one.co_names
    )


def writes_files(own: Any) -> bool:
    """Whether a function has a name in its code that is used to write files, or opens them to write."""
    return isinstance(own, FunctionType) and any(
        not WRITING.isdisjoint(one.co_names)
        or ("open" in one.co_names and any(_is_mode(constant) for constant in one.co_consts))
        for one in _code_objects(own.__code__)
    )


def _is_mode(constant: Any) -> bool:
    texts = constant if isinstance(constant, tuple) else (constant,)
    return any(isinstance(text, str) and WRITE_MODE.fullmatch(text) for text in texts)


def check_known(value: Any) -> None:
    """Raise if an object runs code known only at run time, or gives access to all modules."""
    if value is sys.modules:
        raise _dynamic("modules", "sys")
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if isinstance(module, str) and isinstance(name, str):
        top = module if module in DYNAMIC else module.partition(".")[0]
        if top in DYNAMIC and (not DYNAMIC[top] or name in DYNAMIC[top]):
            raise _dynamic(name, module)


def _dynamic(name: str, module: str) -> IndescribableError:
    return IndescribableError(f"{name} of {module}, which runs code known only at run time")


def _followed(name: str, value: Any, attributes: tuple[str, ...]) -> tuple[str, Any]:
    """Follow attributes as long as they are those of a user's modules, and return the last one."""
    for attribute in attributes:
        if not isinstance(value, ModuleType):
            break
        if version_of(value.__name__) is None:
            # A module without the attribute is another module than one with it.
            value = _attribute_of(value, attribute, ("no attribute", attribute, value))
        else:
            inside = vars(value).get(attribute)
            check_known(inside)
            if not isinstance(inside, ModuleType) and not _is_patched(inside):
                break
            value = inside
        name = f"{name}.{attribute}"
    return name, value


def _is_patched(value: Any) -> bool:
    """Whether something in an installed module is a user's function or class."""
    return isinstance(value, type | FunctionType) and version_of(value.__module__) is None


def _imported(
    space: dict[str, Any], level: int, module: str, names: tuple[str, ...], chains: Chains
) -> dict[str, Any]:
    """Return what is imported inside a function."""
    if level:
        package = space.get("__package__") or str(space.get("__name__", "")).rpartition(".")[0]
        module = resolve_name("." * level + module, package)
    release = release_of(module)
    if release is not None:
        _check_imported(module, names, chains)
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


def _check_imported(module: str, names: tuple[str, ...], chains: Chains) -> None:
    """Raise if what is imported from an installed module runs code known only at run time."""
    loaded = sys.modules.get(module)
    if loaded is None and module.partition(".")[0] in DYNAMIC:
        loaded = importlib.import_module(module)
    for first in {*names, *(chain[0] for chain in chains if chain)}:
        check_known(getattr(loaded, "__dict__", {}).get(first))


def _module(name: str) -> ModuleType | None:
    """Import a user's module; return None if it does not exist."""
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
def _names_in(code: CodeType) -> CodeNames:
    """Return the names in some code, and in the functions and classes inside it."""
    parts = [
        [each for each in dis.get_instructions(one) if each.opname != "EXTENDED_ARG"]
        for one in _code_objects(code)
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
    constants = [
        constant for one in _code_objects(code) for constant in one.co_consts if isinstance(constant, str)
    ]
    variables = {name for constant in constants for name in NAMED_IN_TEXT.findall(constant)}
    return CodeNames(*(tuple(sorted(found)) for found in (chains, imports, variables, {*constants})))


def _code_objects(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_objects(constant)


def _attributes(part: list[dis.Instruction], at: int) -> Iterator[str]:
    """Yield the attributes that are read one after the other, from an instruction on."""
    while at < len(part) and part[at].opname in ATTRIBUTES:
        yield str(part[at].argval)
        at += 1


def _import(part: list[dis.Instruction], at: int, parts: list[list[dis.Instruction]]) -> Import:
    """Return an import inside a function: level, module, and names or attributes of the module."""
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
    # A module that is used in any other way is read as a whole.
    whole = () if not all(chains) else tuple(sorted(set(chains)))
    return level, str(part[at].argval or ""), names, whole


def _loads(argval: Any, variable: str) -> bool:
    return bool(argval == variable) or (isinstance(argval, tuple) and variable in argval)
