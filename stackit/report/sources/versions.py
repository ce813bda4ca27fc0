"""The versions of Python and of the libraries that predictions depend on."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

__all__ = ["versions"]

LIBRARIES = {
    "stackit": "stackit",
    "numpy": "numpy",
    "pandas": "pandas",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    "catboost": "catboost",
    "torch": "torch",
    "interpret": "interpret-core",
}


def versions() -> dict[str, str]:
    """Return the version of Python, and of each library that is loaded."""
    found = {"python": platform.python_version()}
    for module, package in LIBRARIES.items():
        if module in sys.modules:
            try:
                found[package] = metadata.version(package)
            except metadata.PackageNotFoundError:
                continue
    return found
