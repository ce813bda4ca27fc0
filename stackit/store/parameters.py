"""The parameters of an estimator that the result of its fit depends on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import joblib
from sklearn.base import BaseEstimator

from stackit.estimators.copies import CopiedEnsemble
from stackit.store.memory import Store

__all__ = ["configuration_of", "files_of", "is_cloned_by_parameters", "parameters_of"]

# They do not change the result of a fit.
IRRELEVANT = frozenset({"n_jobs", "verbose", "verbosity"})
# Nor do these, if they only say where results are kept.
STORES = frozenset({"memory", "store"})
# What clone copies in addition to the parameters.
CONFIGURATION = ("_metadata_request", "_sklearn_output_config")


def is_cloned_by_parameters(value: Any) -> bool:
    """Whether `sklearn.base.clone` copies only the parameters; a frozen estimator keeps what it learned."""
    own = getattr(type(value), "__sklearn_clone__", None)
    return own in (None, getattr(BaseEstimator, "__sklearn_clone__", None), CopiedEnsemble.__sklearn_clone__)


def parameters_of(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of the parameters that change the result of a fit, sorted by name.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> "n_jobs" in dict(parameters_of(KNeighborsClassifier(n_jobs=2)))
    False
    """
    for name, value in sorted(estimator.get_params(deep=False).items()):
        is_store = name in STORES and (value is None or isinstance(value, Store | joblib.Memory))
        if name not in IRRELEVANT and not is_store:
            yield name, value


def configuration_of(estimator: Any) -> str:
    """Return what clone copies in addition to the parameters, as text; empty if there is nothing."""
    attributes = getattr(estimator, "__dict__", {})
    configuration = {name: str(attributes[name]) for name in CONFIGURATION if name in attributes}
    return str(configuration) if configuration else ""


def files_of(estimator: Any) -> str:
    """Return the names, sizes and times of the files in ``estimator.files_read()``, if it has that method."""
    if not hasattr(estimator, "files_read"):
        return ""
    texts = []
    for path in estimator.files_read():
        try:
            status = path.stat()
            texts.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        except OSError:  # deleted since
            texts.append(f"{path} absent")
    return str(texts)
