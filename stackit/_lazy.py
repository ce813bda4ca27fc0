"""Public names of a package, each imported when it is first used."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, modules: Mapping[str, Sequence[str]], extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and the sorted public names of a package.

    `modules` has the public names of each module of the package, `extra` the extra of stackit that they need.
    """
    module_of = {name: module for module, names in modules.items() for name in names}
    public = sorted(module_of, key=lambda name: (not name.isupper(), name[0].islower(), name))

    def getter(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(public)}")
        try:
            return getattr(import_module(f"{package}.{module_of[name]}"), name)
        except ModuleNotFoundError as error:
            if extra is None:
                raise
            from stackit.validation import import_optional

            import_optional(error.name or extra, extra)  # says how to install it
            raise

    return getter, lambda: public, public
