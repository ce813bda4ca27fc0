"""skops, imported without the libraries that it does not need."""

from __future__ import annotations

import sys
from types import ModuleType

from stackit.validation import import_optional

__all__ = ["import_skops"]

# skops lists all estimators of scikit-learn, for which all packages below it are imported. These hold no
# estimators, and import libraries that take seconds.
BACKENDS = {f"sklearn.externals.array_api_compat.{library}": library for library in ("cupy", "dask", "torch")}


def import_skops() -> ModuleType:
    """Import ``skops.io``, and of torch, dask and cupy only what is imported already."""
    if "skops.io" in sys.modules:
        return sys.modules["skops.io"]
    unused = [name for name, library in BACKENDS.items() if {name, library}.isdisjoint(sys.modules)]
    for name in unused:  # to import one of them now is an ImportError, which is skipped
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        return import_optional("skops.io", "secure")
    finally:
        for name in unused:
            del sys.modules[name]
