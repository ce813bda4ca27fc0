"""Tell installed modules, which are described by version, from the user's own, described by code."""

from __future__ import annotations

import hashlib
import inspect
import sys
import sysconfig
from functools import lru_cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

__all__ = ["digest_of_extension", "found_in", "is_installed", "release_of", "version_of"]

SITE_FOLDERS = ("site-packages", "dist-packages")
STANDARD_FOLDERS = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"
OWN_FOLDER = Path(__file__).parent.parent


def version_of(module: str | None) -> str | None:
    """Return the package of a module and its version; None if the module is the user's own.

    The folder of its file decides: a module next to a script is the user's, whatever its name, and so is a
    package that is installed in editable mode.

    Examples
    --------
    >>> version_of("numpy.linalg").startswith("numpy 2") or version_of("numpy").startswith("numpy 1")
    True
    >>> version_of("__main__") is None
    True
    """
    if not module:
        return None
    top, loaded = module.partition(".")[0], sys.modules.get(module)
    while loaded is None and "." in module:
        module = module.rpartition(".")[0]
        loaded = sys.modules.get(module)
    kind = _kind_of(top, _places(loaded))
    return PYTHON if kind == "python" else _version_of_package(top) if kind == "package" else None


def release_of(module: str) -> str | None:
    """Return the version of a module without importing it; None if it is the user's own, or absent.

    It is the same before and after an import.

    Examples
    --------
    >>> release_of("json").startswith("Python 3") and release_of("sklearn").startswith("scikit-learn 1")
    True
    """
    top = module.partition(".")[0]
    if top in sys.modules:
        places = _places(sys.modules.get(module, sys.modules[top]))
    else:
        spec = _spec_of(top)
        places = () if spec is None else (spec.origin or "", *(spec.submodule_search_locations or ()))
    kind = _kind_of(top, places)
    if kind == "package" and top != "stackit":
        return _distribution_of(top)
    return PYTHON if kind == "python" else _version_of_package(top) if kind == "package" else None


def is_installed(value: Any, module: str) -> bool:
    """Whether a module of an installed package has a function or class under its own name."""
    return version_of(module) is not None and found_in(module, value.__qualname__) is value


def found_in(module: str, name: str) -> Any:
    """Return the object with a dotted name in a module."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = inspect.getattr_static(found, part, None)
    return found


def digest_of_extension(module: str | None) -> str | None:
    """Return the digest of the file of a compiled module; None for other modules."""
    path = getattr(sys.modules.get(module or ""), "__file__", None)
    if path is None or not path.endswith(tuple(EXTENSION_SUFFIXES)):
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _places(module: ModuleType | None) -> tuple[str, ...]:
    """Return the file of a module, and the folders of a package."""
    path = getattr(module, "__path__", ())
    return (getattr(module, "__file__", None) or "", *(str(folder) for folder in path))


def _spec_of(top: str) -> Any:
    try:
        return find_spec(top)
    except (ImportError, ValueError):
        return None


@lru_cache(maxsize=2048)
def _kind_of(top: str, places: tuple[str, ...]) -> Literal["python", "package"] | None:
    """Return whether a module is one of Python or of an installed package; None for the user's own."""
    found = [Path(place) for place in places if place and place not in ("built-in", "frozen")]
    installed = [any(folder in place.parts for folder in SITE_FOLDERS) for place in found]
    standard = [any(place.is_relative_to(folder) for folder in STANDARD_FOLDERS) for place in found]
    if top == "stackit":
        return "package"
    if top in sys.stdlib_module_names and all(standard) and not any(installed):
        return "python"
    return "package" if found and all(installed) else None


@lru_cache(maxsize=512)
def _version_of_package(package: str) -> str | None:
    version = getattr(sys.modules.get(package), "__version__", None)
    if package == "stackit":
        return f"stackit {version}{_digest_of_own_code()}"
    try:
        return f"{package} {version or metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _digest_of_own_code() -> str:
    """Return a digest of the code of stackit itself; empty if it is installed in a site folder."""
    if any(folder in OWN_FOLDER.parts for folder in SITE_FOLDERS):
        return ""
    state = hashlib.sha256()
    for path in sorted(OWN_FOLDER.rglob("*.py")):
        state.update(path.read_bytes())
    return f" {state.hexdigest()[:16]}"


@lru_cache(maxsize=512)
def _distribution_of(package: str) -> str | None:
    """Return the version of the distribution of a package: the one of its name, or with its files."""
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        files = f"\n{package}/__init__.py,", f"\n{package}.py,"
        owners = [
            f"{each.name} {each.version}"
            for each in metadata.distributions()
            if any(file in f"\n{each.read_text('RECORD')}" for file in files)
        ]
        return ", ".join(sorted(owners)) or None
