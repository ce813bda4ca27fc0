"""What counts of an estimator that clone makes from its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
from sklearn.base import BaseEstimator

from stackit.estimators.copies import CopiedEnsemble
from stackit.store.memory import Store

__all__ = ["configuration_of", "files_of", "is_cloned_by_parameters", "parameters_of"]

# They change how a fit is done, not what comes of it.
IRRELEVANT = frozenset({"n_jobs", "verbose", "verbosity"})
# Where results are kept, if anywhere, does not change them either.
PLACES = frozenset({"memory", "store"})
# What clone copies besides the parameters.
CLONED = ("_metadata_request", "_sklearn_output_config")


def is_cloned_by_parameters(value: Any) -> bool:
    """Whether clone makes it from its parameters: a frozen estimator, say, keeps what it learned."""
    own = getattr(type(value), "__sklearn_clone__", None)
    return own in (None, getattr(BaseEstimator, "__sklearn_clone__", None), CopiedEnsemble.__sklearn_clone__)


def parameters_of(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters that decide what a fit comes to, in the order of their names.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> "n_jobs" in dict(parameters_of(KNeighborsClassifier(n_jobs=2)))
    False
    """
    for name, parameter in sorted(estimator.get_params(deep=False).items()):
        is_place = parameter is None or isinstance(parameter, Store | joblib.Memory)
        if name not in IRRELEVANT and not (name in PLACES and is_place):
            yield name, parameter


def configuration_of(estimator: Any) -> str:
    """Return what clone copies besides the parameters, as text; empty where there is nothing."""
    own = getattr(estimator, "__dict__", {})
    cloned = {name: str(own[name]) for name in CLONED if name in own}
    return str(cloned) if cloned else ""


def files_of(estimator: Any) -> str:
    """Return names, sizes and times of the files that an estimator reads, if it says which."""
    if not hasattr(estimator, "files_read"):
        return ""
    return str([_file(path) for path in estimator.files_read()])


def _file(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # gone meanwhile
        return f"{path} absent"
    return f"{path} {facts.st_size} {facts.st_mtime_ns}"
